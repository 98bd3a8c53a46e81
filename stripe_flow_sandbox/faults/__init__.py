"""Faults that a script sets: delays, errors, cut connections, limits."""
