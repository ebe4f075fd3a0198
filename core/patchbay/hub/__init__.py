"""The hub: everybody who watches the log, each from a cursor of its own."""
