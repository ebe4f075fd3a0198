"""Buses: the bell that says "the log grew"."""
