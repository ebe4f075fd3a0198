"""The log: events by position, the newest of them in memory."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec

from patchbay.model.event import Event, NewEvent
from patchbay.storage.sqlite.jobs import Marks

RING_EVENTS = 4_096
RING_BYTES = 16 * 2**20
_EVENT_BYTES = 600  # what an event costs beyond its data
_decode = msgspec.json.Decoder(list[NewEvent]).decode


class Log:
    """The loop's view: head, oldest, and a ring of the newest events, so that live readers never ask the disk."""

    def __init__(self, head: int, oldest: int, epoch: str) -> None:
        self.head = head
        self.oldest = oldest
        self.epoch = epoch
        self._ring: dict[int, Event] = {}
        self._first = head + 1  # the oldest position in the ring
        self._blocks: deque[tuple[int, int]] = deque()  # events and bytes of each commit in the ring
        self._bytes = 0

    def add(self, before: int, events: Sequence[NewEvent], size: int) -> None:
        """Events of one commit, ``size`` bytes together, that became durable behind position ``before``."""
        if before != self.head:  # the file holds events that memory never saw: it starts anew
            self._ring.clear()
            self._blocks.clear()
            self._bytes = 0
            self._first = before + 1
        for position, event in enumerate(events, before + 1):
            self._ring[position] = at_position(position, event)
        self.head = before + len(events)
        size += len(events) * _EVENT_BYTES
        self._blocks.append((len(events), size))
        self._bytes += size
        while len(self._blocks) > 1 and (self._bytes > RING_BYTES or len(self._ring) > RING_EVENTS):
            self._drop_block()

    def recent(self, after: int, limit: int) -> list[Event] | None:
        """The events behind ``after``, None when memory no longer holds the first of them."""
        if after >= self.head:
            return []
        after = max(after, self.oldest - 1)
        if after + 1 < self._first:
            return None
        ring = self._ring
        return [ring[position] for position in range(after + 1, min(after + limit, self.head) + 1)]

    def amended(self, events: Sequence[Event]) -> None:
        """Show these in the place of those with their positions."""
        for event in events:
            if event.position in self._ring:
                self._ring[event.position] = event

    def pruned(self, oldest: int) -> None:
        """Forget what the file no longer has."""
        self.oldest = max(self.oldest, oldest)
        while self._blocks and self._first + self._blocks[0][0] <= self.oldest:
            self._drop_block()

    def _drop_block(self) -> None:
        count, size = self._blocks.popleft()
        for position in range(self._first, self._first + count):
            del self._ring[position]
        self._first += count
        self._bytes -= size


def at_position(position: int, event: NewEvent) -> Event:
    return Event(
        position=position,
        type=event.type,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        actor=event.actor,
        audience=event.audience,
        causation_id=event.causation_id,
        depth=event.depth,
        data=event.data,
        occurred_at=event.occurred_at,
    )


def read_events(connection: sqlite3.Connection, after: int, limit: int) -> list[Event]:
    """Events from the file: rows hold several, so the first may begin before ``after``."""
    found: list[Event] = []
    row = connection.execute(
        "SELECT position FROM events WHERE position <= ? ORDER BY position DESC LIMIT 1", (after + 1,)
    ).fetchone()
    rows = connection.execute(
        "SELECT position, body FROM events WHERE position >= ? ORDER BY position", (row[0] if row else 0,)
    )
    for first, body in rows:
        for position, event in enumerate(_decode(body), first):
            if position > after:
                found.append(at_position(position, event))
                if len(found) == limit:
                    return found
    return found


def load_log(connection: sqlite3.Connection, marks: Marks) -> Log:
    row: Any = connection.execute("SELECT position FROM events ORDER BY position LIMIT 1").fetchone()
    (epoch,) = connection.execute("SELECT value FROM meta WHERE name='epoch'").fetchone()
    return Log(marks.position, row[0] if row else marks.position + 1, epoch)


def prune_events(connection: sqlite3.Connection, marks: Marks, before_ms: int, rows: int) -> tuple[int, int, bool]:
    """Drop rows from the old end whose events are all older: how many events, the oldest position then, whether more
    may follow."""
    found = connection.execute(
        "SELECT position, count, newest_at FROM events ORDER BY position LIMIT ?", (rows,)
    ).fetchall()
    old = []
    for row in found:
        if row[2] >= before_ms:
            break
        old.append(row)
    if old:
        connection.execute("DELETE FROM events WHERE position <= ?", (old[-1][0],))
        connection.execute("UPDATE meta SET value=? WHERE name='head'", (marks.position,))
    first: Any = connection.execute("SELECT position FROM events ORDER BY position LIMIT 1").fetchone()
    return sum(row[1] for row in old), first[0] if first else marks.position + 1, len(old) == rows
