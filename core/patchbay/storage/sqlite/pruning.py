"""Dropping what is too old, a little at a time, so that the writer is never held for long."""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchbay.storage.sqlite.documents import Table
from patchbay.storage.sqlite.jobs import Marks
from patchbay.storage.sqlite.journal import prune_journal
from patchbay.storage.sqlite.log import Log, prune_events
from patchbay.storage.sqlite.text import reword

ROWS = 200
EXPIRY = "expires_at"


@dataclass(frozen=True)
class _Dropped:
    count: int
    oldest: int | None  # position of the oldest event, once events were dropped
    next: PruneStep | None


@dataclass(frozen=True)
class PruneStep:
    """One transaction's worth: first the log, then the journal, then records that expired before the moment, of the
    collections that have an index on when they expire."""

    events_ms: int
    journal_ms: int
    expired_ms: int
    expiring: tuple[Table[Any], ...]
    log_done: bool = False
    journal_after: int | None = 0

    @classmethod
    def first(cls, events_ms: int, journal_ms: int, expired_ms: int, tables: Sequence[Table[Any]]) -> PruneStep:
        return cls(
            events_ms, journal_ms, expired_ms, tuple(table for table in tables if (EXPIRY,) in table.collection.indexes)
        )

    def run(self, connection: sqlite3.Connection, marks: Marks) -> _Dropped:
        if not self.log_done:
            count, oldest, more = prune_events(connection, marks, self.events_ms, ROWS)
            return _Dropped(count, oldest, replace(self, log_done=not more))
        if self.journal_after is not None:
            count, after = prune_journal(connection, marks, self.journal_ms, self.journal_after, ROWS)
            return _Dropped(count, None, replace(self, journal_after=after))
        if not self.expiring:
            return _Dropped(0, None, None)
        count = _drop_expired(connection, marks, self.expiring[0], self.expired_ms)
        return _Dropped(count, None, self if count == ROWS else replace(self, expiring=self.expiring[1:]))

    def landed(self, log: Log, dropped: _Dropped) -> tuple[int, PruneStep | None]:
        if dropped.oldest is not None:
            log.pruned(dropped.oldest)
        return dropped.count, dropped.next


def _drop_expired(connection: sqlite3.Connection, marks: Marks, table: Table[Any], before_ms: int) -> int:
    words = "words" if table.text_name is not None else "NULL"
    rows = connection.execute(
        f"SELECT n, id, {words} FROM {table.name} WHERE {table.column(EXPIRY).sql} < ? LIMIT ?", (before_ms, ROWS)
    ).fetchall()
    for n, id, text in rows:
        connection.execute(table.delete, (n,))
        marks.recent.drop(table.collection.name, id)
        if n <= marks.indexed.get(table.collection.name, 0):
            reword(connection, table, n, text, None)
    return len(rows)
