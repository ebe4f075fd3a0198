"""The one error for every token that does not work."""

from __future__ import annotations

from patchbay.errors import Unauthenticated


class WrongToken(Unauthenticated):
    """Says the same to whoever sent it, whatever is wrong. ``reason`` is for the audit trail only."""

    def __init__(self, reason: str) -> None:
        super().__init__("The token is not valid, or no longer.", about={"reason": reason})
        self.reason = reason
