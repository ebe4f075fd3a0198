"""The embedded store: one SQLite file, one thread that writes, a few that read."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from patchbay.collections import Collection
from patchbay.errors import StoreUnavailable
from patchbay.model.document import Document
from patchbay.model.event import Event
from patchbay.model.raw import NewRaw, RawEvent
from patchbay.model.times import unix_ms
from patchbay.ports import Batch, Page, Query, RawPage, RawQuery
from patchbay.storage.sqlite.commits import Commit, held_keys
from patchbay.storage.sqlite.documents import Table
from patchbay.storage.sqlite.erasing import amend_events, merge_text, redact_rows
from patchbay.storage.sqlite.journal import read_raw, read_taken, reopen_rows, seq_of
from patchbay.storage.sqlite.listing import list_raws, unroutable_ids
from patchbay.storage.sqlite.log import read_events
from patchbay.storage.sqlite.parts import OpenStore
from patchbay.storage.sqlite.pruning import PruneStep
from patchbay.storage.sqlite.query import Paging, Selection, count
from patchbay.storage.sqlite.suspects import count_attempts, note_end, note_most_held
from patchbay.storage.sqlite.text import FRESH_ROWS, index_all
from patchbay.storage.sqlite.writer import Append

D = TypeVar("D", bound=Document)


class SqliteStore:
    """``patchbay.ports.Store`` in one file, for one process at a time; a lock beside the file keeps others out.

    Every method belongs to the event loop that called ``open``.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._tables: dict[str, Table[Any]] = {}
        self._parts: OpenStore | None = None

    @property
    def path(self) -> Path:
        return self._path

    async def open(self, collections: Sequence[Collection[Any]]) -> None:
        """Raises ``ConfigError`` for a file that is not ours, not sound, newer than this release, or in use."""
        self._tables = {collection.name: Table(collection) for collection in collections}
        parts = OpenStore(self._path, list(self._tables.values()))
        await parts.start()
        self._parts = parts

    async def close(self) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            try:
                if parts.pending.most_held:
                    with suppress(StoreUnavailable):  # then the next start suspects some that were merely waiting
                        await parts.submit(partial(note_end, parts.pending.held()), lambda _: None)
            finally:
                await parts.close()

    async def ping(self) -> None:
        parts = self._open_parts()
        await parts.submit(lambda *_: None, lambda _: None)
        await parts.readers.run(lambda connection: connection.execute("SELECT 1 FROM meta LIMIT 1").fetchone())

    async def get(self, collection: Collection[D], id: str) -> D | None:
        return (await self.get_many(collection, (id,))).get(id)

    async def get_many(self, collection: Collection[D], ids: Sequence[str]) -> dict[str, D]:
        parts = self._open_parts()
        table: Table[D] = self._table(collection)
        wanted = list(dict.fromkeys(id for id in ids if _is_text(id)))
        if not wanted:
            return {}

        def read(connection: sqlite3.Connection) -> dict[str, D]:
            decode = table.decode
            return {id: decode(doc) for id, doc in table.load(connection, wanted)}

        return await parts.readers.run(read)

    async def find(self, query: Query[D]) -> Page[D]:
        parts = self._open_parts()
        paging = Paging(query, Selection(query, self._table))
        await self._freshen(parts, query)
        return await parts.readers.run(paging.fetch)

    async def count(self, query: Query[Any]) -> int:
        parts = self._open_parts()
        selection = Selection(query, self._table)
        await self._freshen(parts, query)
        return await parts.readers.run(lambda connection: count(connection, selection))

    async def resolve(self, scope: str, values: Sequence[str]) -> dict[str, str]:
        wanted = list(dict.fromkeys(value for value in values if _is_text(value)))
        if not wanted:
            return {}
        return await self._open_parts().readers.run(lambda connection: dict(held_keys(connection, scope, wanted)))

    async def commit(self, batch: Batch) -> list[int]:
        parts = self._open_parts()
        if not batch:
            return []
        future: Future[list[int]] = parts.loop.create_future()
        job = Commit(batch, self._table, future, parts.landed)
        if parts.writer.is_full:
            await parts.writer.room()
        parts.writer.submit(job)
        return await future

    async def append(self, raw: NewRaw) -> str:
        parts = self._open_parts()
        if parts.writer.is_full:
            await parts.writer.room()
        future: Future[str] = parts.loop.create_future()
        parts.writer.submit(Append(future, raw, parts.pending.appended))
        return await future

    async def claim(self, owner: str, limit: int, max_bytes: int) -> list[RawEvent]:
        parts = self._open_parts()
        pending = parts.pending
        taken = pending.take(owner, limit, max_bytes)
        try:
            if taken and (most := pending.may_hold(len(taken), limit)) > pending.most_held:
                await parts.submit(partial(note_most_held, most), pending.will_hold)
            fresh = [raw for raw in taken.values() if raw is not None]
            if len(fresh) == len(taken):
                return fresh
            found = await parts.readers.run(lambda connection: read_taken(connection, taken, max_bytes))
            tried = {seq: pending.attempts[seq] + 1 for seq in found if seq in pending.attempts}
            if tried:
                await parts.submit(partial(count_attempts, tried), pending.tried)
        except BaseException:
            pending.release(owner, taken)
            raise
        pending.release(owner, [seq for seq in taken if seq not in found])
        return [replace(raw, attempts=tried.get(seq, raw.attempts)) for seq, raw in found.items()]

    async def release(self, owner: str, raw_ids: Sequence[str]) -> None:
        parts = self._open_parts()
        pending = parts.pending
        seqs = [seq for raw_id in raw_ids if (seq := seq_of(raw_id)) is not None]
        untried = pending.untried(owner, seqs)
        if untried:
            await parts.submit(partial(count_attempts, untried), pending.tried)
        pending.release(owner, seqs)

    async def pending(self) -> int:
        return len(self._open_parts().pending.unsettled)

    async def raw(self, raw_id: str) -> RawEvent | None:
        seq = seq_of(raw_id)
        if seq is None:
            return None
        return await self._open_parts().readers.run(lambda connection: read_raw(connection, seq))

    async def raws(self, query: RawQuery) -> RawPage:
        parts = self._open_parts()
        unsettled = sorted(parts.pending.unsettled, reverse=True) if query.state == "pending" else None
        return await parts.readers.run(list_raws(query, unsettled))

    async def reopen(self, raw_ids: Sequence[str]) -> int:
        parts = self._open_parts()
        seqs = list(dict.fromkeys(seq for raw_id in raw_ids if (seq := seq_of(raw_id)) is not None))

        def landed(found: list[int]) -> int:
            parts.pending.reopened(found)
            return len(found)

        parts.reopening += 1  # until it is known which, nothing may be noted as settled
        try:
            return await parts.submit(lambda connection, _: reopen_rows(connection, seqs), landed)
        finally:
            parts.reopening -= 1

    async def unroutable(self, channel: str) -> list[str]:
        return await self._open_parts().readers.run(lambda connection: unroutable_ids(connection, channel))

    async def read(self, after: int, limit: int) -> list[Event]:
        parts = self._open_parts()
        after = max(after, 0)
        if limit < 1:
            return []
        recent = parts.log.recent(after, limit)
        if recent is not None:
            return recent
        return await parts.readers.run(lambda connection: read_events(connection, after, limit))

    async def head(self) -> int:
        return self._open_parts().log.head

    async def oldest(self) -> int:
        return self._open_parts().log.oldest

    async def epoch(self) -> str:
        return self._open_parts().log.epoch

    async def prune(
        self, before: datetime, *, journal_before: datetime | None = None, expired_before: datetime | None = None
    ) -> int:
        parts = self._open_parts()
        dropped = 0
        step: PruneStep | None = PruneStep.first(
            unix_ms(before),
            unix_ms(journal_before or before),
            unix_ms(expired_before or before),
            list(self._tables.values()),
        )
        while step is not None:
            count, step = await parts.submit(step.run, partial(step.landed, parts.log))
            dropped += count
        return dropped

    async def amend(self, events: Sequence[Event]) -> int:
        parts = self._open_parts()
        by_position = {event.position: event for event in events}

        def landed(found: list[Event]) -> int:
            parts.log.amended(found)
            return len(found)

        return await parts.submit(lambda connection, _: amend_events(connection, by_position), landed)

    async def redact(self, raw_ids: Sequence[str]) -> int:
        seqs = list(dict.fromkeys(seq for raw_id in raw_ids if (seq := seq_of(raw_id)) is not None))
        return await self._open_parts().submit(lambda connection, _: len(redact_rows(connection, seqs)), lambda n: n)

    async def scrub(self) -> None:
        parts = self._open_parts()
        for table in self._tables.values():
            if table.text_name is None:
                continue
            done = begun = False
            while not done:
                step = partial(merge_text, table=table, begun=begun)
                done = await parts.submit(step, lambda merged: merged)
                begun = True
        await parts.blank_free_space()

    def _open_parts(self) -> OpenStore:
        if self._parts is None:
            raise StoreUnavailable("The store is not open.")
        return self._parts

    def _table(self, collection: Collection[Any]) -> Table[Any]:
        try:
            return self._tables[collection.name]
        except KeyError:
            raise ValueError(f"the store was opened without the collection {collection.name!r}") from None

    async def _freshen(self, parts: OpenStore, query: Query[Any]) -> None:
        """Index what was committed before this search, unless that is too much to wait for."""
        if query.text is None:
            return
        marks = parts.writer.marks
        for collection in (query.collection, *query.text_owners):
            name = collection.name
            behind = marks.rows[name] - marks.indexed.get(name, marks.rows[name])
            if 0 < behind <= FRESH_ROWS:
                with suppress(StoreUnavailable):
                    await parts.submit(partial(index_all, self._tables[name]), lambda _: None)


def _is_text(value: str) -> bool:
    """Whether it can be stored at all: half a surrogate pair is no text."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
