"""The writer: one thread that owns the one connection which writes, and commits in groups.

Callers on the loop hand in jobs; what was handed in while a group was being written becomes the next group: one
transaction, one flush, one wake-up of the loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from patchbay.errors import ConfigError, Conflict, Duplicate, StoreUnavailable
from patchbay.model.raw import NewRaw
from patchbay.storage.sqlite.connection import is_storage_failure, is_suspect
from patchbay.storage.sqlite.documents import Table
from patchbay.storage.sqlite.jobs import Job, Marks, read_marks
from patchbay.storage.sqlite.journal import APPEND, append_row
from patchbay.storage.sqlite.schema import roll_back
from patchbay.storage.sqlite.text import PATIENCE_ROWS, index_rows

GROUP_JOBS = 256
GROUP_BYTES = 4 * 2**20
QUEUE_JOBS = 4_096
QUEUE_BYTES = 64 * 2**20
WAIT_S = 5.0
_IDLE_S = 0.1  # nothing to write for so long: time for the text index; a search brings it up to date by itself
_AFTER_FAILURE_S = 1.0


class Append:
    """A raw event to journal."""

    __slots__ = ("future", "landed", "raw", "size")

    def __init__(self, future: Future[str], raw: NewRaw, landed: Callable[[int, NewRaw], str]) -> None:
        self.future = future
        self.raw = raw
        self.landed = landed
        self.size = len(raw.body) + 512


class Alone:
    """What runs with no transaction open and nothing else in hand, on a connection that is thrown away afterwards."""

    __slots__ = ("future", "run", "size")

    def __init__(self, future: Future[Any], run: Callable[[sqlite3.Connection], Any]) -> None:
        self.future = future
        self.run = run
        self.size = 0

    def landed(self, result: Any) -> Any:
        return result


class Writer:
    """``prepare`` makes the first connection, ``connect`` further ones; ``written`` is told of every commit, and how
    many bytes were handed in for it. All three are called in the writer's thread."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        prepare: Callable[[], sqlite3.Connection],
        connect: Callable[[], sqlite3.Connection],
        tables: Sequence[Table[Any]],
        written: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._prepare = prepare
        self._connect = connect
        self._tables = {table.collection.name: table for table in tables}
        self._text_tables = [table for table in tables if table.text_name is not None]
        self._written = written
        self._queue: SimpleQueue[list[Any] | None] = SimpleQueue()
        self._handing_over: list[Any] = []
        self._depth = 0
        self._bytes = 0
        self._waiters: deque[Future[None]] = deque()
        self._closing = False
        self._suspect = False
        self._ended: Future[None] = loop.create_future()
        self.refuse: str | None = None  # why nothing may be written now
        self.marks = Marks(0, 0)  # as of the last commit; other threads may look

    # On the loop

    async def start(self, load: Callable[[sqlite3.Connection, Marks], Any]) -> Any:
        """Open the file and give what ``load`` read from it. Raises ``ConfigError``."""
        opened: Future[Any] = self._loop.create_future()
        self._thread = threading.Thread(
            target=self._live, args=(opened, load), name="patchbay-store-writer", daemon=True
        )
        self._thread.start()
        return await opened

    async def close(self) -> None:
        """Write what was accepted, then end the thread."""
        if not self._closing:
            self._closing = True
            self._hand_over()
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    @property
    def is_full(self) -> bool:
        return self._depth >= QUEUE_JOBS or self._bytes >= QUEUE_BYTES or bool(self._waiters)

    async def room(self) -> None:
        """Wait until a job may be handed in. Raises ``StoreUnavailable`` after 5 s of waiting."""
        waiter: Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(WAIT_S):
                await waiter
        except BaseException as error:
            self._waiters.remove(waiter)
            self._let_in()  # the place may have been given to the one that leaves
            if isinstance(error, TimeoutError):
                raise StoreUnavailable(f"The store has been busy for {WAIT_S:.0f} s; try again later.") from None
            raise
        self._waiters.remove(waiter)

    def submit(self, job: Job | Append | Alone) -> None:
        """Hand in a job; its future is resolved once it is durable. Raises ``StoreUnavailable`` when closed."""
        if self._closing:
            raise StoreUnavailable("The store is closed.")
        self._depth += 1
        self._bytes += job.size
        handing_over = self._handing_over
        if not handing_over:
            self._loop.call_soon(self._hand_over)  # once per turn of the loop, however many jobs
        handing_over.append(job)

    def _hand_over(self) -> None:
        if self._handing_over:
            self._queue.put(self._handing_over)
            self._handing_over = []

    def _deliver(self, group: list[Any], results: list[Any]) -> None:
        for job, result in zip(group, results, strict=True):
            self._depth -= 1
            self._bytes -= job.size
            future = job.future
            if type(job) is Append and type(result) is int:
                value: Any = job.landed(result, job.raw)
            elif isinstance(result, Exception):
                if not future.done():
                    future.set_exception(result)
                continue
            else:
                value = job.landed(result)
            if not future.done():
                future.set_result(value)
        if self._waiters:
            self._let_in()

    def _let_in(self) -> None:
        if self._bytes >= QUEUE_BYTES:
            return
        room = max(QUEUE_JOBS - self._depth, 0)
        for waiter in list(self._waiters)[:room]:  # those that were let in already still stand here, and count
            if not waiter.done():
                waiter.set_result(None)

    # In the thread

    def _live(self, opened: Future[Any], load: Callable[[sqlite3.Connection, Marks], Any]) -> None:
        try:
            try:
                self._connection = self._prepare()
                self.marks = read_marks(self._connection, list(self._tables.values()))
                loaded = load(self._connection, self.marks)
            except sqlite3.Error as error:
                self._post(_fail, opened, ConfigError(f"The store cannot be opened: {error}."))
            except BaseException as error:
                self._post(_fail, opened, error)
            else:
                self._post(opened.set_result, loaded)
                self._work()
                self._connection.close()
        finally:
            self._post(self._ended.set_result, None)

    def _post(self, call: Callable[..., object], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(call, *arguments)

    def _work(self) -> None:
        waiting: deque[Any] = deque()
        idle_s: float | None = _IDLE_S
        while True:
            if not waiting:
                try:
                    block = self._queue.get(timeout=idle_s)
                except Empty:
                    idle_s = self._index()
                    continue
                if block is None:
                    return
                waiting.extend(block)
            with suppress(Empty):
                while len(waiting) < GROUP_JOBS:
                    block = self._queue.get_nowait()
                    if block is None:
                        self._queue.put(None)
                        break
                    waiting.extend(block)
            self._write(_next_group(waiting))
            idle_s = _IDLE_S
            if self._backlog() > PATIENCE_ROWS:
                self._index()

    def _write(self, group: list[Any]) -> None:
        if type(group[0]) is Alone:
            self._post(self._deliver, group, [self._run_alone(group[0])])
            return
        results = self._attempt(group)
        if results is None:  # one of them cannot be done at all: each by itself
            results = [(self._attempt([job]) or [None])[0] for job in group]
        self._post(self._deliver, group, results)
        self._written(sum([job.size for job in group]))

    def _attempt(self, group: list[Any]) -> list[Any] | None:
        """Results or exceptions by job; None when a group of several failed for a reason that is one job's own."""
        if self.refuse is not None:
            return [StoreUnavailable(self.refuse) for _ in group]
        try:
            connection = self._sound()
            marks = self.marks.copy()
            connection.execute("BEGIN IMMEDIATE")
            results = self._run(group, connection, marks)
            connection.execute("COMMIT")
        except Exception as error:
            roll_back(self._connection)
            self.marks.recent.clear()
            if isinstance(error, sqlite3.Error) and is_suspect(error):
                self._suspect = True
            if is_storage_failure(error):
                return [_unavailable(error) for _ in group]
            return [error] if len(group) == 1 else None
        self.marks = marks
        return results

    def _run(self, group: list[Any], connection: sqlite3.Connection, marks: Marks) -> list[Any]:
        results: list[Any] = []
        appends: list[tuple[Any, ...]] = []
        for job in group:
            if type(job) is Append:
                marks.seq += 1
                appends.append(append_row(marks.seq, job.raw))
                results.append(marks.seq)
                continue
            try:
                results.append(job.run(connection, marks))
            except (Conflict, Duplicate) as error:
                results.append(error)
        if appends:
            connection.executemany(APPEND, appends)
        return results

    def _run_alone(self, job: Alone) -> Any:
        try:
            return job.run(self._sound())
        except Exception as error:
            return error
        finally:
            self._suspect = True

    def _sound(self) -> sqlite3.Connection:
        """The connection; a new one after an IO error, for the old one may believe what the disk does not hold."""
        if self._suspect:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = self._connect()
            self.marks = read_marks(self._connection, list(self._tables.values()))
            self._suspect = False
        return self._connection

    def _backlog(self) -> int:
        rows, indexed = self.marks.rows, self.marks.indexed
        return max([rows[name] - place for name, place in indexed.items()], default=0)

    def _index(self) -> float | None:
        """Index one chunk of waiting text; how long to wait for other work before the next, None for as long as it
        takes."""
        table = max(self._text_tables, key=lambda table: _behind(self.marks, table.collection.name), default=None)
        if table is None or not _behind(self.marks, table.collection.name):
            return None
        try:
            connection = self._sound()
            marks = self.marks.copy()
            connection.execute("BEGIN IMMEDIATE")
            index_rows(connection, table, marks)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            roll_back(self._connection)
            self._suspect = self._suspect or is_suspect(error)
            return _AFTER_FAILURE_S
        self.marks = marks
        self._written(0)  # it is little beside what was written before
        return 0.0 if any(_behind(marks, other.collection.name) for other in self._text_tables) else None


def _behind(marks: Marks, name: str) -> int:
    return marks.rows[name] - marks.indexed[name]


def _next_group(waiting: deque[Any]) -> list[Any]:
    group = [waiting.popleft()]
    size = group[0].size
    while waiting and len(group) < GROUP_JOBS and size + waiting[0].size <= GROUP_BYTES:
        if type(group[0]) is Alone or type(waiting[0]) is Alone:
            break
        job = waiting.popleft()
        size += job.size
        group.append(job)
    return group


def _unavailable(error: Exception) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"The store cannot write: {error}.")
    unavailable.__cause__ = error
    return unavailable


def _fail(future: Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
