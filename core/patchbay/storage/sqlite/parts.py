"""What an open store is made of: the lock, the threads, and the loop's view of journal and log."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from patchbay.errors import ConfigError, StoreInUse, StoreUnavailable
from patchbay.storage.sqlite.checkpoints import Checkpoints
from patchbay.storage.sqlite.commits import Commit
from patchbay.storage.sqlite.connection import (
    CHECKPOINT_TIMEOUT_S,
    READER_CACHE_KIB,
    WRITER_CACHE_KIB,
    connect,
)
from patchbay.storage.sqlite.documents import Table
from patchbay.storage.sqlite.erasing import LogInUse, blank_free_space
from patchbay.storage.sqlite.jobs import Marks, Work
from patchbay.storage.sqlite.log import Log, load_log
from patchbay.storage.sqlite.pending import Pending, load_pending
from patchbay.storage.sqlite.readers import Readers
from patchbay.storage.sqlite.schema import prepare
from patchbay.storage.sqlite.writer import Alone, Writer

R = TypeVar("R")
T = TypeVar("T")
_NOTE_EVERY = 5_000  # settled raw events between two notes of how far the journal is done
SCRUB_TRIES = 100
SCRUB_WAIT_S = 0.1
_WAL_FULL = "The write-ahead log of the store is full: somebody has been reading it for too long."


class OpenStore:
    """Between ``start`` and ``close``. Belongs to the loop that made it."""

    pending: Pending
    log: Log

    def __init__(self, path: Path, tables: Sequence[Table[Any]]) -> None:
        self.loop = asyncio.get_running_loop()
        self.reopening = 0
        self._path = path
        self._lock: int | None = None
        self._file: int | None = None
        self._since_note = 0
        writing = partial(connect, path, cache_kib=WRITER_CACHE_KIB)
        reading = partial(connect, path, cache_kib=READER_CACHE_KIB, query_only=True)
        moving = partial(connect, path, cache_kib=READER_CACHE_KIB, timeout_s=CHECKPOINT_TIMEOUT_S)
        self.checkpoints = Checkpoints(self.loop, moving, self._wal_full)
        self.writer = Writer(self.loop, partial(self._prepare, tables), writing, tables, self.checkpoints.wake)
        self.readers = Readers(self.loop, reading)

    async def start(self) -> None:
        try:
            self.pending, self.log = await self.writer.start(_load)
        except BaseException:
            await self.writer.close()
            self._unlock()
            raise
        self.readers.start()
        self.checkpoints.start()

    async def close(self) -> None:
        """Finish what was accepted; no thread is left."""
        self._note_settled()
        await self.writer.close()
        await self.readers.close()
        await self.checkpoints.close()
        if self._file is not None:  # after the last connection: closing it ends the locks of this process
            os.close(self._file)
            self._file = None
        self._unlock()

    async def submit(self, run: Callable[[sqlite3.Connection, Marks], R], landed: Callable[[R], T]) -> T:
        """Run something in a transaction of the writer; see ``jobs``."""
        if self.writer.is_full:
            await self.writer.room()
        future: Future[T] = self.loop.create_future()
        self.writer.submit(Work(future, run, landed))
        return await future

    async def blank_free_space(self) -> None:
        """Let nothing be found in the free space of pages, nor in the write-ahead log. Raises ``StoreUnavailable``."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR)
        page: int | None = 1
        tries = 0
        while page is not None:
            future: Future[int | None] = self.loop.create_future()
            self.writer.submit(Alone(future, partial(blank_free_space, file=self._file, first=page)))
            try:
                page = await future
            except LogInUse:
                tries += 1
                if tries == SCRUB_TRIES:
                    raise StoreUnavailable("The write-ahead log is in use; what was erased is still in it.") from None
                await asyncio.sleep(SCRUB_WAIT_S)
            except (OSError, ValueError) as error:
                raise StoreUnavailable(f"What was erased is still in the file: {error}") from error
            else:
                tries = 0

    def landed(self, commit: Commit, before: int) -> None:
        """A batch became durable."""
        if commit.events:
            self.log.add(before, commit.events, commit.events_bytes)
        if commit.seqs:
            self.pending.settled(commit.seqs)
            self._since_note += len(commit.seqs)
            if self._since_note >= _NOTE_EVERY:
                self._note_settled()

    def _note_settled(self) -> None:
        """Write down how far every raw event is settled, so that the next start need not look at those."""
        if self.reopening:
            return
        self._since_note = 0
        to = self.pending.settled_to()
        future: Future[None] = self.loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # the next note makes up for it
        with suppress(StoreUnavailable):
            self.writer.submit(Work(future, partial(_write_note, to), _nothing))

    def _prepare(self, tables: Sequence[Table[Any]]) -> sqlite3.Connection:
        self._take_lock()
        return prepare(self._path, tables)

    def _take_lock(self) -> None:
        """Hold the file beside the store that says "in use"; the system lets go of it when the process ends."""
        path = self._path.with_name(self._path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(f"The store {self._path} is in use by another process; stop that one first.") from None
        except OSError as error:
            raise ConfigError(f"The store {self._path} cannot be locked: {error.strerror or error}.") from error

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _wal_full(self, full: bool) -> None:
        self.writer.refuse = _WAL_FULL if full else None


def _load(connection: sqlite3.Connection, marks: Marks) -> tuple[Pending, Log]:
    return load_pending(connection, marks), load_log(connection, marks)


def _write_note(to: int, connection: sqlite3.Connection, _: Marks) -> None:
    connection.execute("UPDATE meta SET value=? WHERE name='settled_to' AND value<?", (to, to))


def _nothing(_: None) -> None:
    """There is nothing to take note of."""
