"""The trail as a store has it, read to its end beside everything else that goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from patchbay.model.document import Document
from patchbay.ports import Page, Query, Store, Where
from patchbay_audit.anchors import AnchorFile, line_of
from patchbay_audit.entry import AUDIT_ANCHORS, AUDIT_ENTRIES, AUDIT_HEAD, AuditEntry, AuditHead, entry_id
from patchbay_audit.recorder import MOST_HEADS
from patchbay_audit.verify import Verdict, Verification

D = TypeVar("D", bound=Document)
PAGE: Final = 500  # entries; judging them takes some milliseconds, then others have their turn


async def verify(store: Store, file: AnchorFile, keys: Sequence[bytes]) -> Verdict:
    """Judge the whole trail. What is added meanwhile is judged too, as far as the head goes when the end is reached.

    Nothing may be cut off meanwhile. The file is read before the store: an anchor stands in the store first.
    """
    lines, unreadable = await asyncio.to_thread(file.read)
    documents = [line_of(each) async for each in pages(store, Query(AUDIT_ANCHORS, limit=PAGE))]
    verification = Verification(documents, lines, keys, unreadable)
    last = await _judge(store, verification, Query(AUDIT_ENTRIES, limit=PAGE))
    heads = await read_heads(store)
    newest = max((head.seq for head in heads), default=0)
    if last is not None and newest > last.seq:
        later = (Where("id", "gt", last.id), Where("id", "lte", entry_id(newest)))
        await _judge(store, verification, Query(AUDIT_ENTRIES, where=later, limit=PAGE))
    return verification.finish(heads)


async def _judge(store: Store, verification: Verification, query: Query[AuditEntry]) -> AuditEntry | None:
    """The last entry, once all were judged."""
    last = None
    async for page in _pages(store, query):
        for last in page:
            verification.entry(last)
    return last


async def read_heads(store: Store) -> list[AuditHead]:
    return (await store.find(Query(AUDIT_HEAD, limit=MOST_HEADS))).items


async def pages(store: Store, query: Query[D]) -> AsyncIterator[D]:
    """Every document of a query, read page by page."""
    async for page in _pages(store, query):
        for document in page:
            yield document


async def _pages(store: Store, query: Query[D]) -> AsyncIterator[list[D]]:
    """The pages of a query; while one is being looked at, the next one is read."""
    reading: asyncio.Task[Page[D]] | None = asyncio.ensure_future(store.find(query))
    try:
        while reading is not None:
            page = await reading
            reading = None
            if page.next is not None:
                reading = asyncio.ensure_future(store.find(replace(query, cursor=page.next)))
                await asyncio.sleep(0)
            yield page.items
    finally:
        if reading is not None:
            reading.cancel()
