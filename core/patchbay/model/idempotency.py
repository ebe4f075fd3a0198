"""The record that makes a repeated request answer what the first one did."""

from __future__ import annotations

from datetime import datetime

from patchbay.model.document import Document


class IdempotencyRecord(Document, frozen=True, kw_only=True):
    """Committed with the effect. ``id`` derives from principal, route and key; ``fingerprint`` from the body.

    ``status`` and ``body`` are the first answer; ``location`` and ``etag`` its headers where it had them.
    """

    fingerprint: str
    status: int
    body: str
    location: str | None = None
    etag: str | None = None
    expires_at: datetime
