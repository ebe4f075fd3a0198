"""Media: bytes by content, fetching them from providers, and taking uploads."""
