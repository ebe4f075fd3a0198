"""The documents, collections and raw events that the store's contract is played with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw, json
from msgspec.structs import replace

from patchbay.collections import Collection, TextIndex
from patchbay.model.document import Document, Value
from patchbay.model.event import NewEvent
from patchbay.model.message import SYSTEM
from patchbay.model.raw import ItemOutcome, NewRaw, RawEvent, RawItem, RawState, Settlement
from patchbay.ports import Batch, Put, Query, Store, Where

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MUCH = 64 * 2**20


class Label(Value, frozen=True, kw_only=True):
    name: str | None = None


class Box(Document, frozen=True, kw_only=True):
    """A document with a field of every kind that queries know."""

    name: str = ""
    shelf: str = "a"
    rank: int = 0
    sealed: bool = False
    due_at: datetime | None = None
    owner: str | None = None
    label: Label = Label()
    tags: tuple[str, ...] = ()


class Slip(Document, frozen=True, kw_only=True):
    """A text that belongs to a box."""

    box_id: str
    text: str = ""


class Ticket(Document, frozen=True, kw_only=True):
    expires_at: datetime


BOXES = Collection(
    "boxes",
    Box,
    indexes=(("rank",), ("shelf", "rank"), ("due_at",), ("name",)),
    filters=("sealed", "owner", "label.name"),
    arrays=("tags",),
    text=TextIndex(("name", "label.name")),
)
SLIPS = Collection("slips", Slip, indexes=(("box_id",),), text=TextIndex(("text",), owner="box_id"))
TICKETS = Collection("tickets", Ticket, indexes=(("expires_at",),))
SAMPLES: tuple[Collection[Any], ...] = (BOXES, SLIPS, TICKETS)


def box(id: str, **fields: Any) -> Box:
    return Box(id=id, created_at=NOON, updated_at=NOON, **fields)


def slip(id: str, box_id: str, text: str) -> Slip:
    return Slip(id=id, created_at=NOON, updated_at=NOON, box_id=box_id, text=text)


def ticket(id: str, expires_at: datetime) -> Ticket:
    return Ticket(id=id, created_at=NOON, updated_at=NOON, expires_at=expires_at)


def inserts(*documents: Document) -> list[Put[Any]]:
    kinds: dict[type, Collection[Any]] = {Box: BOXES, Slip: SLIPS, Ticket: TICKETS}
    return [Put(kinds[type(document)], document, None) for document in documents]


def update(document: Box, **fields: Any) -> Put[Box]:
    """A put of the next version."""
    return Put(BOXES, replace(document, version=document.version + 1, **fields), document.version)


def event(number: int = 0, *, at: datetime = NOON, **fields: Any) -> NewEvent:
    return NewEvent(
        type="box.moved",
        subject_type="box",
        subject_id=f"box_{number}",
        actor=SYSTEM,
        data=Raw(json.encode({"number": number})),
        occurred_at=at,
        **fields,
    )


def raw(body: bytes = b"{}", *, channel: str = "whatsapp", at: datetime = NOON) -> NewRaw:
    headers = {"content-type": "application/json"}
    return NewRaw(channel=channel, received_at=at, headers=headers, body=body, sha256=sha256(body).hexdigest())


def settled(
    given: RawEvent | str, state: RawState = "applied", *outcomes: ItemOutcome, error: str | None = None
) -> Settlement:
    items = tuple(
        RawItem(index=i, key=f"key{i}", kind="message", outcome=outcome, ref="msg_1" if outcome == "applied" else None)
        for i, outcome in enumerate(outcomes)
    )
    raw_id = given if isinstance(given, str) else given.id
    return Settlement(raw_id=raw_id, state=state, items=items, error=error, settled_at=NOON + timedelta(seconds=1))


async def ids_of(store: Store, *where: Where, sort: str = "id", **more: Any) -> list[str]:
    """The ids of the boxes that a query gives, over all its pages."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.find(Query(BOXES, where=where, sort=sort, cursor=cursor, **more))
        found += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            return found


class StoreCase:
    """What the parts of the contract share: a place, and stores that keep their data there."""

    def make_store(self, place: Path) -> Store:
        """A store that is not open yet. The same place has the same data."""
        raise NotImplementedError

    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        async with self.opened(tmp_path) as store:
            yield store

    @asynccontextmanager
    async def opened(self, place: Path, collections: Sequence[Collection[Any]] = SAMPLES) -> AsyncIterator[Store]:
        store = self.make_store(place)
        await store.open(collections)
        try:
            yield store
        finally:
            await store.close()

    async def commit(self, store: Store, *documents: Document) -> None:
        await store.commit(Batch(puts=inserts(*documents)))
