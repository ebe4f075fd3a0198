"""Long work: queued like a message, done in steps that may be repeated, taken up again after a restart."""
