"""Templates that a provider has approved, as last synced or reported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from patchbay.model.document import Document


class TemplateRecord(Document, frozen=True, kw_only=True):
    """One template in one language. Unique: (account's parent or account, name, language), by its id.

    ``status`` is the provider's word in lower case (approved, rejected, paused, ...); ``components`` its own form.
    """

    account_id: str
    channel: str
    external_id: str | None = None
    name: str
    language: str
    category: str | None = None
    status: str = "unknown"
    quality: str | None = None
    reason: str | None = None
    components: tuple[dict[str, Any], ...] = ()
    synced_at: datetime | None = None
