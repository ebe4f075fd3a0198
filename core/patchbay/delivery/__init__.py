"""Delivery: the outbox worker, the runner of send flows, and what comes of them."""
