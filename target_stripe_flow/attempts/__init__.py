"""Identities, attempts as values, and the pure rules of their lifecycle. Imports results."""
