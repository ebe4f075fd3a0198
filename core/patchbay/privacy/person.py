"""What belongs to one person: the contacts they are, what channels know them by, their threads and conversations."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MERGES, THREADS
from patchbay.errors import NotFound
from patchbay.model.contact import Identity
from patchbay.model.document import Document, Value
from patchbay.ports import Query, Store, Where

D = TypeVar("D", bound=Document)

PAGE = 200
TELLING = 6  # characters; a shorter value is met by chance in what speaks of others


class Person(Value, frozen=True, kw_only=True):
    """Ids of everything that is about them alone, the contact itself first. ``values`` are what channels call them."""

    contact_ids: tuple[str, ...]
    identity_ids: tuple[str, ...] = ()
    thread_ids: tuple[str, ...] = ()
    conversation_ids: tuple[str, ...] = ()
    avatar_ids: tuple[str, ...] = ()
    values: tuple[str, ...] = ()


async def person_of(store: Store, contact_id: str) -> Person:
    """The person behind a contact, with the contacts that were merged into it. Raises ``NotFound``."""
    if await store.get(CONTACTS, contact_id) is None:
        raise NotFound(f"There is no contact {contact_id!r}.")
    contacts = [contact_id]
    for contact in contacts:  # grows while it is read: merges of merges
        async for merge in pages(store, Query(MERGES, (Where("target_contact_id", "eq", contact),))):
            if merge.undone_at is None and merge.source_contact_id not in contacts:
                contacts.append(merge.source_contact_id)
    theirs = Where("contact_id", "in", tuple(contacts))
    identities = [identity async for identity in pages(store, Query(IDENTITIES, (theirs,)))]
    return Person(
        contact_ids=tuple(contacts),
        identity_ids=tuple(identity.id for identity in identities),
        thread_ids=tuple([thread.id async for thread in pages(store, Query(THREADS, (theirs,)))]),
        conversation_ids=tuple([each.id async for each in pages(store, Query(CONVERSATIONS, (theirs,)))]),
        avatar_ids=tuple(each.profile.avatar_media_id for each in identities if each.profile.avatar_media_id),
        values=tuple(dict.fromkeys(value for identity in identities for value in _values(identity))),
    )


def _values(identity: Identity) -> tuple[str, ...]:
    """How webhooks write it: a phone number with its plus and without."""
    value = identity.value.removeprefix("+") if identity.kind == "phone" else identity.value
    return (value,) if len(value) >= TELLING else ()


def naming(person: Person) -> re.Pattern[str]:
    """Finds their values where they stand by themselves: a number within a longer one is somebody else's."""
    named = "|".join(re.escape(value) for value in person.values) or r"(?!)"
    return re.compile(rf"(?<![0-9A-Za-z])(?:{named})(?![0-9A-Za-z])")


async def pages(store: Store, query: Query[D]) -> AsyncIterator[D]:
    """Every match, a page at a time."""
    query = replace(query, limit=PAGE)
    while True:
        page = await store.find(query)
        for item in page.items:
            yield item
        if page.next is None:
            return
        query = replace(query, cursor=page.next)
