"""Checkpoints: moving the write-ahead log into the file, away from every commit, for they are what makes a commit slow.

What is moved late is moved cheaply, for a page that was written many times is moved once. A log that is taken over from
its start again stays small and in place, which also makes commits cheaper than one that keeps growing.
"""

from __future__ import annotations

import sqlite3
import threading
from asyncio import AbstractEventLoop, Future, shield
from collections.abc import Callable
from contextlib import suppress

INTERVAL_S = 0.25  # what was written waits no longer than this
MUCH = 8 * 2**20  # bytes handed to the writer, of which the log makes about four times as many
PASSES = 3
RESTART_PAGES = 4_096  # 32 MiB: begin the log anew, which holds the writer for the little that is left to move
LEFT_PAGES = 512
TRUNCATE_PAGES = 16_384  # 128 MiB: and give the space back
MOST_PAGES = 131_072  # 1 GiB: nothing more is written until a reader lets go


class Checkpoints:
    """A thread that works only after ``wake``. ``full`` is called with True when the log has reached its bound, and
    with False when it is below again."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        connect: Callable[[], sqlite3.Connection],
        full: Callable[[bool], None],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._connect = connect
        self._full = full
        self._interval_s = interval_s
        self._loop = loop
        self._size = 0  # of all that was written; only ``wake`` changes it
        self._moved = 0  # how much of that had been written when the last pass began
        self._written = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._ended: Future[None] = loop.create_future()
        self._thread = threading.Thread(target=self._live, name="patchbay-store-checkpoints", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self, size: int) -> None:
        """So many bytes were written; called by the writer alone."""
        self._size += size
        if not self._written.is_set():
            self._written.set()
        if self._size - self._moved >= MUCH and not self._hurry.is_set():
            self._hurry.set()

    async def close(self) -> None:
        self._stopping = True
        self._written.set()
        self._hurry.set()
        await shield(self._ended)
        self._thread.join()

    def _live(self) -> None:
        connection: sqlite3.Connection | None = None
        left = False
        while True:
            if not left:
                self._written.wait()
            self._hurry.wait(self._interval_s)
            if self._stopping:
                break
            self._moved = self._size
            self._written.clear()
            self._hurry.clear()
            try:
                if connection is None:
                    connection = self._connect()
                left = self._move(connection)
            except sqlite3.Error:
                left = True  # a full or failing disk: the log keeps what it has, and the next turn tries again
                if connection is not None:
                    connection.close()
                    connection = None
        if connection is not None:
            connection.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _move(self, connection: sqlite3.Connection) -> bool:
        """One checkpoint; whether something was left over.

        Beginning anew holds the writer until no reader looks at the old log, so it is tried only when little is left,
        and given up soon. In a burst the writer goes on while a pass works, and less is left after each.
        """
        pages = moved = 0
        for _ in range(PASSES):
            _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages <= RESTART_PAGES or pages - moved <= LEFT_PAGES:
                break
        if pages > RESTART_PAGES and pages - moved <= LEFT_PAGES:
            mode = "TRUNCATE" if pages > TRUNCATE_PAGES else "RESTART"
            busy, *_ = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            if not busy:
                pages = moved = 0
        self._full(pages > MOST_PAGES)
        return bool(moved < pages)
