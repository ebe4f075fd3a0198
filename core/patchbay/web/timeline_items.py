"""What timelines are made of: the kinds of items, who is shown which, and how they are found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from patchbay.collections import ACTIVITIES, MESSAGES, NOTES, Collection
from patchbay.inbox.rows import scope_of
from patchbay.ports import Query, Where
from patchbay.views import View, activity_view, message_view, note_view
from patchbay.web.auth import is_allowed, rows_of
from patchbay.web.call import Call


@dataclass(frozen=True)
class Kind:
    """Items of one kind; ``permission`` is what it takes to be shown them, beyond that of the timeline."""

    type: str
    collection: Collection[Any]
    view: Callable[[Any], View]
    permission: str | None = None


KINDS = (
    Kind("message", MESSAGES, message_view),
    Kind("note", NOTES, note_view, "notes.read"),
    Kind("activity", ACTIVITIES, activity_view),
)


def shown_kinds(call: Call) -> Sequence[Kind]:
    """The kinds that the caller may see."""
    authorizers = call.gateway.registry.authorizers
    return [
        kind for kind in KINDS if kind.permission is None or is_allowed(call.principal, kind.permission, authorizers)
    ]


async def found_of(
    call: Call, kinds: Sequence[Kind], where: tuple[Where, ...], *, sort: str, limit: int
) -> list[tuple[Kind, Any, View]]:
    """Items of these kinds by their place (``sort`` is "seq" or "-seq"), at most ``limit`` of each kind, and none
    beyond the rows that the caller reaches."""
    store, authorizers = call.gateway.store, call.gateway.registry.authorizers

    def of_kind(kind: Kind) -> Query[Any]:
        rows = call.rows
        if kind.permission is not None:
            rows = rows & rows_of(call.principal, kind.permission, authorizers)
        return Query(kind.collection, where, sort=sort, limit=limit, any_of=scope_of(rows, kind.collection))

    pages = await asyncio.gather(*[store.find(of_kind(kind)) for kind in kinds])
    found = [(kind, each, kind.view(each)) for kind, page in zip(kinds, pages, strict=True) for each in page.items]
    found.sort(key=lambda item: item[1].seq, reverse=sort == "-seq")
    return found
