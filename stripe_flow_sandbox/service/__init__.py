"""Execution of a request: checks, operation, answer."""
