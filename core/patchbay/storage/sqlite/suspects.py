"""What is written of raw events that may have been held when a process ended, so that a poison is told from the rest.

To count every first claim would cost each webhook a write. The file says instead how many are held at once at most,
which changes about once in the life of a process: as the oldest are claimed first, what was held at a sudden end is
among that many of the oldest that are pending. Only those are counted from then on, each time before they are tried.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from patchbay.storage.sqlite.jobs import Marks


def read_suspects(connection: sqlite3.Connection, unsettled: Sequence[int]) -> tuple[dict[int, int], int]:
    """The attempts of those that are suspected, and how many may have been held; ``unsettled`` is in order."""
    row = connection.execute("SELECT value FROM meta WHERE name='most_held'").fetchone()
    most_held: int = row[0] if row else 0
    after = unsettled[0] - 1 if unsettled else 0
    counted = dict(connection.execute("SELECT seq, attempts FROM journal_attempts WHERE seq > ?", (after,)).fetchall())
    attempts = dict.fromkeys(unsettled[:most_held], 1)  # the first try, which was not counted
    attempts |= {seq: counted[seq] for seq in unsettled if seq in counted}
    return attempts, most_held


def note_most_held(count: int, connection: sqlite3.Connection, _: Marks) -> int:
    connection.execute(
        "INSERT INTO meta VALUES ('most_held', ?) ON CONFLICT DO UPDATE SET value=max(value, excluded.value)", (count,)
    )
    return count


def count_attempts(attempts: dict[int, int], connection: sqlite3.Connection, _: Marks) -> dict[int, int]:
    connection.executemany("INSERT OR REPLACE INTO journal_attempts VALUES (?, ?)", attempts.items())
    return attempts


def note_end(held: dict[int, int], connection: sqlite3.Connection, marks: Marks) -> None:
    """At an orderly end it is known what is held: no others are suspected at the next start."""
    count_attempts(held, connection, marks)
    connection.execute("UPDATE meta SET value=0 WHERE name='most_held'")
