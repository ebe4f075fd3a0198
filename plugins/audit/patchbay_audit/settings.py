"""What the trail is told: the table ``[audit]``."""

from __future__ import annotations

from pydantic import Field

from patchbay.settings import Table

TABLE = "audit"


class AuditSettings(Table):
    """``retention_days`` 0 keeps entries for ever. The other figures have good defaults: an anchor every 10 minutes
    (E26), and 60 refusals a minute and address written one by one."""

    retention_days: float = Field(default=0, ge=0, le=36_500)
    anchor_every_s: float = Field(default=600.0, gt=0, le=86_400)
    anchor_after_entries: int = Field(default=1_000, ge=1)
    refusals_per_minute: int = Field(default=60, ge=1)
