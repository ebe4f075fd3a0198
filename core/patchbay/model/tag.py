"""Tags that a deployment offers."""

from __future__ import annotations

from patchbay.model.document import Document


class Tag(Document, frozen=True, kw_only=True):
    """A label. ``id`` is its slug: what conversations and contacts carry."""

    name: str
    color: str | None = None
    description: str | None = None
