"""Readers: a few threads with connections of their own, so that no read waits for a write."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from asyncio import AbstractEventLoop, Future
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from patchbay.errors import StoreUnavailable

R = TypeVar("R")
READERS = 2
QUEUE_READS = 1_024
WAIT_S = 5.0


class Readers:
    """Runs functions that read. What is committed before a call is seen by it."""

    def __init__(self, loop: AbstractEventLoop, connect: Callable[[], sqlite3.Connection]) -> None:
        self._loop = loop
        self._connect = connect
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[sqlite3.Connection], Any]] | None] = SimpleQueue()
        self._done: deque[tuple[Future[Any], Any, Exception | None]] = deque()
        self._called = False
        self._places = asyncio.Semaphore(QUEUE_READS)
        self._closing = False
        self._ended: list[Future[None]] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for number in range(READERS):
            ended: Future[None] = self._loop.create_future()
            thread = threading.Thread(
                target=self._live, args=(ended,), name=f"patchbay-store-reader-{number}", daemon=True
            )
            self._ended.append(ended)
            self._threads.append(thread)
            thread.start()

    async def close(self) -> None:
        """Answer what was asked, then end the threads."""
        if not self._closing:
            self._closing = True
            for _ in self._threads:
                self._queue.put(None)
        for ended in self._ended:
            await asyncio.shield(ended)
        for thread in self._threads:
            thread.join()

    async def run(self, read: Callable[[sqlite3.Connection], R]) -> R:
        """What the function gives. Raises ``StoreUnavailable`` where SQLite fails, or after 5 s in the queue."""
        if self._places.locked():
            try:
                async with asyncio.timeout(WAIT_S):
                    await self._places.acquire()
            except TimeoutError:
                raise StoreUnavailable(f"The store has been busy for {WAIT_S:.0f} s; try again later.") from None
        else:
            await self._places.acquire()
        try:
            if self._closing:
                raise StoreUnavailable("The store is closed.")
            future: Future[R] = self._loop.create_future()
            self._queue.put((future, read))
            return await future
        finally:
            self._places.release()

    def _live(self, ended: Future[None]) -> None:
        connection: sqlite3.Connection | None = None
        while (asked := self._queue.get()) is not None:
            future, read = asked
            value, failed = None, None
            if not future.cancelled():
                try:
                    if connection is None:
                        connection = self._connect()
                    value = read(connection)
                except sqlite3.Error as error:
                    failed = StoreUnavailable(f"The store cannot read: {error}.")
                    failed.__cause__ = error
                    if connection is not None:
                        connection.close()
                        connection = None
                except Exception as error:
                    failed = error  # type: ignore[assignment]
            self._done.append((future, value, failed))
            if not self._called:
                self._called = True
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._deliver)
        if connection is not None:
            connection.close()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(ended.set_result, None)

    def _deliver(self) -> None:
        self._called = False  # before emptying: what comes later calls again
        while self._done:
            future, value, failed = self._done.popleft()
            if future.done():
                continue
            if failed is not None:
                future.set_exception(failed)
            else:
                future.set_result(value)
