"""A batch as one job: checked as a whole, then written as a whole."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable, Iterable
from itertools import compress
from operator import ne
from typing import Any

import msgspec

from patchbay.errors import Conflict, Duplicate
from patchbay.model.event import NewEvent
from patchbay.ports import Batch
from patchbay.storage.sqlite.documents import Stored, Table, milliseconds, select_in
from patchbay.storage.sqlite.jobs import Marks, Recent
from patchbay.storage.sqlite.journal import SETTLE, settlement_row
from patchbay.storage.sqlite.text import reword

EVENTS_PER_ROW = 128
_DOCUMENT_BYTES = 200  # what a row costs beyond its document
_encode = msgspec.json.Encoder().encode


class Commit:
    """A batch, encoded on the caller's side, so that the writer only moves rows.

    Everything is checked before anything is written: a batch that fails leaves no trace, and needs no savepoint.
    Raises ``ValueError`` when the batch speaks of one document twice.
    """

    __slots__ = (
        "_changes",
        "_events",
        "_freed",
        "_keys",
        "_landed",
        "_settled",
        "events",
        "events_bytes",
        "future",
        "seqs",
        "size",
    )

    def __init__(
        self,
        batch: Batch,
        table_of: Callable[[Any], Table[Any]],
        future: Future[list[int]],
        landed: Callable[[Commit, int], None],
    ) -> None:
        self.future = future
        self.events = batch.events
        self._landed = landed
        self._changes: dict[str, _Changes] = {}
        self._add_documents(batch, table_of)
        self._freed = {(key.scope, key.value, key.ref) for key in batch.freed_keys}
        self._keys: dict[tuple[str, str], str] = {}
        for key in batch.keys:
            if self._keys.setdefault((key.scope, key.value), key.ref) != key.ref:
                raise Duplicate("key", key.scope, key.value, self._keys[key.scope, key.value])
        self._events = [
            _event_row(batch.events[start : start + EVENTS_PER_ROW])
            for start in range(0, len(batch.events), EVENTS_PER_ROW)
        ]
        self.events_bytes = sum([len(row[2]) for row in self._events])
        self.size += self.events_bytes
        self._settled = [row for settlement in batch.settlements if (row := settlement_row(settlement)) is not None]
        self.seqs = [row[0] for row in self._settled]

    def _add_documents(self, batch: Batch, table_of: Callable[[Any], Table[Any]]) -> None:
        changes = self._changes
        size = 0
        for put in batch.puts:
            name = put.collection.name
            if name not in changes:
                changes[name] = _Changes(table_of(put.collection))
            change = changes[name]
            row = change.table.row(put.document)
            id = row[0]
            if id in change.updates or id in change.inserts:
                raise ValueError(f"the batch changes {name}/{id} twice")
            if put.expected is None:
                change.inserts[id] = row
            else:
                change.updates[id] = (put.expected, row)
            size += len(row[-1]) + _DOCUMENT_BYTES
        for delete in batch.deletes:
            name = delete.collection.name
            if name not in changes:
                changes[name] = _Changes(table_of(delete.collection))
            if delete.id in changes[name].updates or delete.id in changes[name].inserts:
                raise ValueError(f"the batch changes {name}/{delete.id} twice")
            changes[name].updates[delete.id] = (delete.expected, None)
        self.size = size

    def run(self, connection: sqlite3.Connection, marks: Marks) -> int:
        """The position before that of the first event."""
        before = marks.position
        for change in self._changes.values():
            change.check(connection, marks.recent)
        claimed = self._check_keys(connection) if self._keys else []
        for change in self._changes.values():
            change.write(connection, marks)
        if self._freed:
            connection.executemany("DELETE FROM keys WHERE scope=? AND value=? AND ref=?", self._freed)
        if claimed:
            connection.executemany("INSERT INTO keys VALUES (?, ?, ?)", claimed)
        for count, newest_at, body in self._events:
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (marks.position + 1, count, newest_at, body))
            marks.position += count
        if self._settled:
            connection.executemany(SETTLE, self._settled)
        return before

    def landed(self, before: int) -> list[int]:
        self._landed(self, before)
        return list(range(before + 1, before + 1 + len(self.events)))

    def _check_keys(self, connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
        """The keys to write. Raises ``Duplicate`` when another holds one."""
        scopes: dict[str, list[str]] = {}
        for scope, value in self._keys:
            scopes.setdefault(scope, []).append(value)
        kept = set()
        for scope, values in scopes.items():
            for value, holder in held_keys(connection, scope, values):
                if (scope, value, holder) in self._freed:
                    continue
                if holder != self._keys[scope, value]:
                    raise Duplicate("key", scope, value, holder)
                kept.add((scope, value))
        return [(*key, ref) for key, ref in self._keys.items() if key not in kept]


class _Changes:
    """What a batch does to one table, by id: new rows, and next versions, where no row means the end."""

    __slots__ = ("_stored", "inserts", "table", "updates")

    def __init__(self, table: Table[Any]) -> None:
        self.table = table
        self.inserts: dict[str, tuple[Any, ...]] = {}
        self.updates: dict[str, tuple[int, tuple[Any, ...] | None]] = {}
        self._stored: dict[str, Stored] = {}

    def check(self, connection: sqlite3.Connection, recent: Recent) -> None:
        """Raises ``Conflict`` and ``Duplicate``."""
        name = self.table.collection.name
        if self.inserts:
            for (id,) in self.table.existing(connection, list(self.inserts)):
                raise Duplicate("document", name, id)
        if not self.updates:
            return
        known = {id: row for id in self.updates if (row := recent.get(name, id)) is not None}
        if len(known) < len(self.updates):
            known.update(self.table.stored(connection, [id for id in self.updates if id not in known]))
        for id, (expected, _) in self.updates.items():
            if id not in known or known[id][1] != expected:
                raise Conflict(name, id)
        self._stored = known

    def write(self, connection: sqlite3.Connection, marks: Marks) -> None:
        table = self.table
        if self.inserts:
            name = table.collection.name
            first = marks.rows[name] + 1
            marks.rows[name] += len(self.inserts)
            connection.executemany(table.insert, [(n, *row) for n, row in enumerate(self.inserts.values(), first)])
        if self.updates:
            self._write_updates(connection, marks)

    def _write_updates(self, connection: sqlite3.Connection, marks: Marks) -> None:
        """Set only what differs, for a value that is set again costs an index entry taken out and put in."""
        table, stored, recent = self.table, self._stored, marks.recent
        name = table.collection.name
        by_change: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
        indexed = marks.indexed[name] if table.text_name is not None else 0
        for id, (_, row) in self.updates.items():
            n, _, was = stored[id]
            if row is None:
                connection.execute(table.delete, (n,))
                recent.drop(name, id)
            else:
                now = row[2:-1]
                differs = tuple(map(ne, now, was))
                by_change.setdefault(differs, []).append((row[1], row[-1], *compress(now, differs), n))
                recent.put(name, id, (n, row[1], now))
            if n <= indexed and (row is None or was[-1] != row[-2]):
                reword(connection, table, n, was[-1], row[-2] if row else None)
        for differs, rows in by_change.items():
            connection.executemany(table.update(differs), rows)


def held_keys(connection: sqlite3.Connection, scope: str, values: Iterable[str]) -> Iterable[tuple[str, str]]:
    """``(value, ref)`` of those that exist."""
    return select_in(connection, "SELECT value, ref FROM keys WHERE scope=? AND value IN ", list(values), (scope,))


def _event_row(events: list[NewEvent]) -> tuple[int, int, bytes]:
    return len(events), milliseconds(max([event.occurred_at for event in events])) or 0, _encode(events)
