"""Forgetting for good: what was replaced or removed must not be found in the files any more.

Deleted content is zeroed as it goes (``secure_delete``). That leaves three places: the full-text index, whose segments
keep the words of what was replaced until they are merged; the write-ahead log, which keeps pages as they were until it
is cut off; and the free space in the middle of a page, where cells lay before they moved to a neighbour.
"""

# ruff: noqa: S608 - the names in statements are those of collections, which `Table` checks; values are bound

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from patchbay.model.event import Event, NewEvent
from patchbay.model.raw import ERASED_BODY, RawItem
from patchbay.storage.sqlite.documents import Table, select_in
from patchbay.storage.sqlite.jobs import Marks

MERGE_PAGES = 64  # of the text index per transaction; the writer is held for no more
WINDOW_PAGES = 2_048  # looked at per turn of the writer: 16 MiB
BUSY_MS = 50  # how long such a turn may wait for readers
TREE_PAGES = {2: 12, 5: 12, 10: 8, 13: 8}  # the kinds of b-tree pages, and how long their headers are
MOST_PAGES = 2**24  # beyond these, other pages could begin like a b-tree page

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[NewEvent]).decode
_decode_items = msgspec.json.Decoder(tuple[RawItem, ...]).decode


def amend_events(connection: sqlite3.Connection, events: Mapping[int, Event]) -> list[Event]:
    """Put events in the place of those with their positions; those that were found."""
    found: list[Event] = []
    left = sorted(events)
    while left:
        row = connection.execute(
            "SELECT position, count, body FROM events WHERE position <= ? ORDER BY position DESC LIMIT 1", (left[0],)
        ).fetchone()
        if row is None or row[0] + row[1] <= left[0]:
            del left[0]
            continue
        first, count, body = row
        held = _decode(body)
        while left and left[0] < first + count:
            position = left.pop(0)
            held[position - first] = _new(events[position])
            found.append(events[position])
        connection.execute("UPDATE events SET body=? WHERE position=?", (_encode(held), first))
    return found


def _new(event: Event) -> NewEvent:
    return NewEvent(**{name: getattr(event, name) for name in NewEvent.__struct_fields__})


def redact_rows(connection: sqlite3.Connection, seqs: Sequence[int]) -> list[int]:
    """Forget what settled raw events said; those that were found. That they came, and what they led to, stays."""
    settled = [
        (seq, items)
        for seq, items in select_in(connection, "SELECT seq, items FROM journal_outcome WHERE seq IN ", seqs)
    ]
    for seq, items in settled:
        kept = [
            RawItem(index=item.index, key="", kind=item.kind, outcome=item.outcome, ref=item.ref)
            for item in _decode_items(items)
        ]
        connection.execute("UPDATE journal SET body=? WHERE seq=?", (ERASED_BODY, seq))
        connection.execute("UPDATE journal_outcome SET items=?, error=NULL WHERE seq=?", (_encode(kept), seq))
    return [seq for seq, _ in settled]


def merge_text(connection: sqlite3.Connection, marks: Marks, table: Table[Any], begun: bool) -> bool:
    """Bring the text index one step nearer to a single segment, where nothing of replaced text is left; whether it is
    there. A negative number begins such a merge, a positive one goes on with it (SQLite, FTS5, "merge")."""
    before = connection.total_changes
    pages = MERGE_PAGES if begun else -MERGE_PAGES
    connection.execute(f"INSERT INTO {table.text_name}({table.text_name}, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before < 2


class LogInUse(Exception):
    """A reader, or a checkpoint, holds the write-ahead log now."""


def blank_free_space(connection: sqlite3.Connection, file: int, first: int) -> int | None:
    """Write zeros into the free space of pages from ``first`` on, a window of them; the page to go on with, None at the
    end. ``file`` is a descriptor of the database that nobody closes while a connection is open: that would end the
    locks of this process (SQLite, "How To Corrupt", 2.2).

    To be called in the writer's thread with no transaction open, on a connection that is thrown away afterwards, for it
    remembers pages as they were. Nothing that is in use is written, so that a kill at any point does no harm (SQLite,
    "Database File Format", 1.6). Raises ``LogInUse``, ``ValueError`` for a file too large to be sure.
    """
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    try:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        raise LogInUse from error
    if busy:
        raise LogInUse
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if pages >= MOST_PAGES:
        raise ValueError("The store has too many pages to be looked through; VACUUM it while the gateway is stopped.")
    for number in range(first, min(first + WINDOW_PAGES, pages + 1)):
        page = os.pread(file, size, (number - 1) * size)
        gap = free_space(page, 100 if number == 1 else 0)
        if gap is not None and any(page[gap.start : gap.stop]):
            os.pwrite(file, bytes(len(gap)), (number - 1) * size + gap.start)
    os.fsync(file)
    return first + WINDOW_PAGES if first + WINDOW_PAGES <= pages else None


def free_space(page: bytes, header: int) -> range | None:
    """Where nothing lies between the pointers and the cells of a b-tree page; None for a page of another kind."""
    length = TREE_PAGES.get(page[header]) if len(page) > header else None
    if length is None:
        return None
    cells = int.from_bytes(page[header + 3 : header + 5], "big")
    content = int.from_bytes(page[header + 5 : header + 7], "big") or 65536
    start = header + length + 2 * cells
    return range(start, content) if start <= content <= len(page) else None
