"""How far an observer of the log has come."""

from __future__ import annotations

from patchbay.model.document import Document


class Cursor(Document, frozen=True, kw_only=True):
    """``id`` is the observer's name; ``position`` the last event it has dealt with, in the log called ``epoch``."""

    epoch: str
    position: int
