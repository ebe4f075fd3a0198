"""Queues that take turns: one task per queue that has work, many queues side by side, at most so many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from patchbay.errors import StoreError
from patchbay.ports import Clock
from patchbay.tasks import Tasks

log = structlog.get_logger(__name__)

REFUSED_S = 0.5  # before a queue is looked at again whose turn the store refused
FAILED_S = 5.0  # or whose turn ended in a bug


class Queues:
    """Runs ``turn`` for a queue until it says how long to rest.

    ``turn(queue)`` gives 0 to be called again, seconds to rest, None when there is nothing to do for all it knows.
    Turns of one queue never overlap. Being poked wakes a queue, and makes one that is at it look once more.
    """

    def __init__(
        self, clock: Clock, tasks: Tasks, turn: Callable[[str], Awaitable[float | None]], *, at_once: int
    ) -> None:
        self._clock = clock
        self._tasks = tasks
        self._turn = turn
        self._slots = asyncio.Semaphore(at_once)
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._resting: dict[str, float] = {}  # until when, by the monotonic clock
        self._stopping = False
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        """How many are at it or wait for their turn."""
        return len(self._running)

    def runs(self, queue: str) -> bool:
        return queue in self._running

    def rests(self, queue: str) -> bool:
        return queue in self._resting

    def stop(self) -> None:
        """Begin no more turns."""
        self._stopping = True

    def poke(self, queue: str) -> None:
        """There may be something to do."""
        if self._stopping:
            return
        self._resting.pop(queue, None)
        if queue in self._running:
            self._again.add(queue)
        else:
            self._running.add(queue)
            self._tasks.start(self._work(queue), f"queue {queue}")

    def rest(self, queue: str, seconds: float) -> None:
        """Look again after so long, unless poked before."""
        self._resting[queue] = self._clock.monotonic() + max(seconds, 0.001)
        self.changed.set()

    def wake(self) -> None:
        """Poke those that rested long enough."""
        now = self._clock.monotonic()
        for queue in [queue for queue, until in self._resting.items() if until <= now]:
            self.poke(queue)

    def until_next(self, at_most: float) -> float:
        """Seconds until one has rested long enough."""
        now = self._clock.monotonic()
        return max(0.0, min([at_most, *(until - now for until in self._resting.values())]))

    async def _work(self, queue: str) -> None:
        try:
            await self._take_turns(queue)
        except StoreError as error:
            log.warning("delivery.store_refused", error=error.detail)
            self.rest(queue, REFUSED_S)
        except Exception:
            log.exception("delivery.queue_failed", queue=queue)
            self.rest(queue, FAILED_S)
        finally:
            self._running.discard(queue)
            if queue in self._again:
                self._again.discard(queue)
                self.poke(queue)

    async def _take_turns(self, queue: str) -> None:
        while not self._stopping:
            self._again.discard(queue)
            async with self._slots:
                rest = await self._turn(queue)
            if rest == 0 or queue in self._again:
                continue
            if rest is not None:
                self.rest(queue, rest)
            return
