"""Work for the writer: what runs inside its transaction, and what follows from it once it is durable.

``run`` is called in the writer's thread, ``landed`` on the event loop after the commit and in the order of the commits:
memory is changed there only, hence needs no locks and never runs ahead of the disk.
"""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Protocol, TypeVar

from patchbay.storage.sqlite.documents import Stored, Table

R = TypeVar("R")
T = TypeVar("T")

RECENT_ROWS = 8_192


class Recent:
    """Stored rows that were written lately, by table and id. Only the writer writes, so what it remembers is what is
    stored. Bounded: the older half is dropped when the younger is full."""

    def __init__(self) -> None:
        self._young: dict[tuple[str, str], Stored] = {}
        self._old: dict[tuple[str, str], Stored] = {}

    def get(self, table: str, id: str) -> Stored | None:
        key = table, id
        return self._young.get(key) or self._old.get(key)

    def put(self, table: str, id: str, row: Stored) -> None:
        if len(self._young) >= RECENT_ROWS:
            self._old = self._young
            self._young = {}
        self._young[table, id] = row

    def drop(self, table: str, id: str) -> None:
        self._young.pop((table, id), None)
        self._old.pop((table, id), None)

    def clear(self) -> None:
        """Forget everything: a transaction that wrote was rolled back."""
        self._young.clear()
        self._old.clear()


@dataclass
class Marks:
    """How far the file's counters have come, known to the writer alone: the last journal entry, the last event, the
    last row of each table, the last row in each text index."""

    seq: int
    position: int
    rows: dict[str, int] = field(default_factory=dict)
    indexed: dict[str, int] = field(default_factory=dict)
    recent: Recent = field(default_factory=Recent)

    def copy(self) -> Marks:
        return replace(self, rows=dict(self.rows), indexed=dict(self.indexed))


class Job(Protocol):
    """One caller's work."""

    future: Future[Any]
    size: int

    def run(self, connection: sqlite3.Connection, marks: Marks) -> Any:
        """Do it. ``Conflict`` and ``Duplicate`` may be raised only before the first write."""

    def landed(self, result: Any) -> Any:
        """Take note of it, and turn it into what the caller gets."""


class Work(Generic[R, T]):
    """A job made of two functions."""

    __slots__ = ("future", "landed", "run", "size")

    def __init__(
        self,
        future: Future[T],
        run: Callable[[sqlite3.Connection, Marks], R],
        landed: Callable[[R], T],
        size: int = 1024,
    ) -> None:
        self.future = future
        self.run = run
        self.landed = landed
        self.size = size


def read_marks(connection: sqlite3.Connection, tables: list[Table[Any]]) -> Marks:
    """The counters as the file has them; pruning leaves their high-water marks behind."""
    meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    (seq,) = connection.execute("SELECT max(seq) FROM journal").fetchone()
    last = connection.execute("SELECT position + count - 1 FROM events ORDER BY position DESC LIMIT 1").fetchone()
    marks = Marks(seq=max(seq or 0, meta["last_seq"]), position=max(last[0] if last else 0, meta["head"]))
    indexed = dict(connection.execute("SELECT name, indexed FROM text_progress").fetchall())
    for table in tables:
        name = table.collection.name
        (row,) = connection.execute(f"SELECT max(n) FROM {table.name}").fetchone()
        if table.text_name is not None:
            marks.indexed[name] = indexed[name]
        # A row's number is never given twice while the text index may still hold it.
        marks.rows[name] = max(row or 0, marks.indexed.get(name, 0))
    return marks
