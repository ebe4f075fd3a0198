"""What every stored document has in common."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frozen value inside a document."""


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stored entity. ``version`` grows by one per change and is the ETag."""

    id: str
    version: int = 1
    created_at: datetime
    updated_at: datetime
