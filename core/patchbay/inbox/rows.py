"""How the documents of each collection belong to rows: one table, for what a store is asked and for one at hand. No IO.

A conversation is a row. A contact, a thread or a message is reached through a conversation that is; history items and
notes on a contact, which have no conversation, through any conversation of their thread or contact. What stands not in
the table (accounts, tags, templates, what plugins keep) belongs to nobody in particular and is there for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from patchbay.collections import (
    ACTIVITIES,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    MEDIA,
    MERGES,
    MESSAGES,
    NOTES,
    THREADS,
    Collection,
)
from patchbay.model.document import Document
from patchbay.model.rows import Rows
from patchbay.ports import NOTHING, Query, Where, Within

D = TypeVar("D", bound=Document)
Scope = tuple[Where | Within, ...]


class Reads(Protocol):
    """What knows other documents; a unit of work does."""

    def get(self, collection: Collection[D], id: str) -> D | None: ...

    def find(self, query: Query[D]) -> list[D]: ...


@dataclass(frozen=True)
class _Way:
    """The document's ``field`` is the ``pick`` field of a document of the collection; a way for those only that have
    nothing in ``unless``."""

    field: str
    collection: Collection[Any]
    pick: str = "id"
    unless: str | None = None


_BY_CONVERSATION = _Way("conversation_id", CONVERSATIONS)
_BY_THREAD = _Way("thread_id", CONVERSATIONS, "thread_id", unless="conversation_id")  # what a history brought
_WAYS: dict[str, tuple[_Way, ...]] = {
    CONVERSATIONS.name: (),
    CONTACTS.name: (_Way("id", CONVERSATIONS, "contact_id"),),
    THREADS.name: (_Way("id", CONVERSATIONS, "thread_id"),),
    IDENTITIES.name: (_Way("contact_id", CONTACTS),),
    MERGES.name: (_Way("target_contact_id", CONTACTS),),
    MESSAGES.name: (_BY_CONVERSATION, _BY_THREAD),
    ACTIVITIES.name: (_BY_CONVERSATION,),
    NOTES.name: (_BY_CONVERSATION, _Way("contact_id", CONTACTS, unless="conversation_id")),
    MEDIA.name: (_BY_CONVERSATION, _BY_THREAD),
}
_PLACES = ("conversation_id", "thread_id")  # a media without both was uploaded, and goes wherever it is sent


def scope_of(rows: Rows, collection: Collection[Any]) -> Scope:
    """``any_of`` for a query of the collection: what of it belongs to the rows. Equal rows give equal scopes."""
    if rows.all or collection.name not in _WAYS:
        return ()
    if not rows.department_ids and rows.user_id is None:
        return (NOTHING,)
    return _scope(rows, collection)


def is_within(rows: Rows, collection: Collection[Any], document: Document, reads: Reads) -> bool:
    """Whether a document belongs to the rows: exactly those that ``scope_of`` lets a store find."""
    if rows.all or collection.name not in _WAYS:
        return True
    if not rows.department_ids and rows.user_id is None:
        return False
    return _holds(rows, collection, document, reads)


def _scope(rows: Rows, collection: Collection[Any]) -> Scope:
    parts = [_through(rows, collection, way) for way in _WAYS[collection.name]]
    return (*_own(rows, collection), *parts)


def _own(rows: Rows, collection: Collection[Any]) -> Scope:
    """What a document says by itself."""
    if collection.name == MEDIA.name:
        uploaded = Query(MEDIA, tuple(Where(place, "eq", None) for place in _PLACES))
        return (Within("id", uploaded),)
    parts: list[Where] = []
    if collection.name == CONVERSATIONS.name and rows.department_ids:
        parts.append(Where("department_id", "in", tuple(sorted(set(rows.department_ids)))))
    if rows.user_id is not None:
        if collection.name == CONVERSATIONS.name:
            parts.append(Where("assignee_id", "eq", rows.user_id))
        elif collection.name == CONTACTS.name:
            parts.append(Where("created_by", "eq", rows.user_id))
    return tuple(parts)


def _through(rows: Rows, collection: Collection[Any], way: _Way) -> Within:
    within = Within(way.field, Query(way.collection, any_of=_scope(rows, way.collection)), way.pick)
    if way.unless is None:
        return within
    return Within("id", Query(collection, (Where(way.unless, "eq", None),), any_of=(within,)))


def _holds(rows: Rows, collection: Collection[Any], document: Any, reads: Reads) -> bool:
    if collection.name == CONVERSATIONS.name:
        return rows.hold(document.department_id, document.assignee_id)
    if collection.name == CONTACTS.name and rows.user_id is not None and document.created_by == rows.user_id:
        return True
    if collection.name == MEDIA.name and all(getattr(document, place) is None for place in _PLACES):
        return True
    return any(_leads(rows, way, document, reads) for way in _WAYS[collection.name])


def _leads(rows: Rows, way: _Way, document: Any, reads: Reads) -> bool:
    value = getattr(document, way.field)
    if value is None or (way.unless is not None and getattr(document, way.unless) is not None):
        return False
    if way.pick == "id":
        other = reads.get(way.collection, value)
        return other is not None and _holds(rows, way.collection, other, reads)
    some = Query(way.collection, (Where(way.pick, "eq", value),), any_of=_scope(rows, way.collection), limit=1)
    return bool(reads.find(some))
