"""Requests to addresses that somebody gave us: guarded, so that none of them reaches our own network."""

from patchbay.outgoing.client import OutgoingClient, OutgoingReply
from patchbay.outgoing.guard import Policy, Unreachable, checked_url

__all__ = ["OutgoingClient", "OutgoingReply", "Policy", "Unreachable", "checked_url"]
