"""Messages that a provider announced without their content."""

from __future__ import annotations

from datetime import datetime

from patchbay.model.document import Document


class Withheld(Document, frozen=True, kw_only=True):
    """A message to be asked for: at ``not_before``, and no more after ``expires_at``. ``raw_event_id`` is the webhook
    that announced it."""

    account_id: str
    external_id: str
    raw_event_id: str | None = None
    not_before: datetime
    expires_at: datetime
