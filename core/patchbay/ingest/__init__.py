"""Ingest: verify, journal, acknowledge; then parse and apply."""
