"""Stores: where documents, the journal and the log are kept."""
