"""Runs the action of one record: journal, request, answer. Imports actions, journal, attempts, results."""
