"""The tags that a deployment offers. No IO."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.collections import TAGS
from patchbay.errors import FieldError, Invalid, NotFound, StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.tag import Tag
from patchbay.views import tag_view

MAX_SLUG = 64  # characters


def slug_of(name: str) -> str:
    """The id of a tag by its name: lower case, words joined by dashes; "" when the name has no letter and no digit."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]+", "-", folded).strip("-")[:MAX_SLUG].rstrip("-")


def create_tag(uow: UnitOfWork, name: str, *, color: str | None = None, description: str | None = None) -> Tag:
    """Offer a tag. Raises ``Invalid`` for a name without letters, ``StateConflict`` (already_exists)."""
    slug = slug_of(name)
    if not slug:
        message = "The name needs a letter or a digit."
        raise Invalid(message, errors=[FieldError("/name", "invalid", message)])
    if uow.get(TAGS, slug) is not None:
        raise StateConflict(f"There is a tag {slug!r} already.", code="already_exists", extra={"id": slug})
    tag = Tag(id=slug, created_at=uow.now, updated_at=uow.now, name=name, color=color, description=description)
    uow.add(TAGS, tag)
    uow.emit("tag.created", "tag", tag.id, tag_view(tag))
    return tag


def change_tag(uow: UnitOfWork, tag_id: str, changes: Mapping[str, Any], *, expected: int | None = None) -> Tag:
    """Change name, colour or description; the id stays, for conversations carry it."""
    tag = uow.need(TAGS, tag_id)
    require_version(tag.version, expected)
    after = {name: value for name, value in changes.items() if value != getattr(tag, name)}
    if not after:
        return tag
    tag = uow.put(TAGS, tag, **after)
    uow.emit("tag.updated", "tag", tag.id, {**tag_view(tag), "changed": sorted(after)})
    return tag


def delete_tag(uow: UnitOfWork, tag_id: str, *, expected: int | None = None) -> None:
    """Offer it no longer; what carries it keeps it until somebody takes it off."""
    tag = uow.need(TAGS, tag_id)
    require_version(tag.version, expected)
    uow.remove(TAGS, tag)
    uow.emit("tag.deleted", "tag", tag.id, tag_view(tag))


def require_tags(uow: UnitOfWork, wanted: Sequence[str], pointer: str | None, *, known: Sequence[str] = ()) -> None:
    """Raises ``Invalid`` naming the place of a tag that is not offered; ``NotFound`` where ``pointer`` is None."""
    for place, tag in enumerate(wanted):
        if tag in known or uow.get(TAGS, tag) is not None:
            continue
        message = f"There is no tag {tag!r}."
        if pointer is None:
            raise NotFound(message)
        raise Invalid(message, errors=[FieldError(f"{pointer}/{place}", "not_found", message)])
