"""What every stored document has in common."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A frozen value inside a document.

    ``gc=False``, as in ``Document``, spares the garbage collector the walk over all that are alive, which may be very
    many. What is frozen and holds values and JSON alone can be no part of a cycle; subclasses inherit both.
    """


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A stored entity. ``version`` grows by one per change and is the ETag."""

    id: str
    version: int = 1
    created_at: datetime
    updated_at: datetime
