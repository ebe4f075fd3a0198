"""The tail of the log: its newest events, read once for everybody who watches.

Whoever is near the head reads from memory, whoever is behind reads from the store; both by position, so it makes no
difference where an event came from.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Protocol

from patchbay.hub.batch import Batch, cut
from patchbay.hub.frames import Resume
from patchbay.model.event import Event


class LogReader(Protocol):
    """The part of ``ports.Store`` that watching the log takes."""

    async def read(self, after: int, limit: int) -> list[Event]: ...
    async def head(self) -> int: ...
    async def oldest(self) -> int: ...
    async def epoch(self) -> str: ...


@dataclass(frozen=True)
class Bounds:
    """How much at once. A batch is what one read gives and one write to one connection carries (one event alone may be
    larger); the window is what is kept in memory; a slice is how many connections are written to before others run."""

    batch_events: int = 100
    batch_bytes: int = 64 * 2**10
    window_events: int = 2_000
    window_bytes: int = 8 * 2**20
    slice_connections: int = 500


DEFAULT_BOUNDS = Bounds()
WAIT_S = 4.0  # in one go, so that whoever waits longer asks in between whether it still may
_last = attrgetter("last")


class Lost(Exception):
    """The log does not hold what comes after this position; ``head`` is where reading can go on.

    ``reason`` is ``epoch`` (another log), ``ahead`` (the position was never reached) or ``expired`` (no longer kept).
    """

    def __init__(self, reason: str, head: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.head = head


class Tail:
    """Where the log stands, as far as this process has read it, and a bounded window of what it read last."""

    def __init__(self, log: LogReader, bounds: Bounds) -> None:
        self._log = log
        self._bounds = bounds
        self._window: deque[Batch] = deque()
        self._window_events = 0
        self._window_bytes = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self.position = 0
        self.epoch = ""
        self.closed = False

    async def open(self) -> None:
        self.epoch = await self._log.epoch()
        self.position = await self._log.head()

    def close(self) -> None:
        """Let everybody go who waits."""
        self.closed = True
        self.wake()

    async def fetch(self) -> list[Batch]:
        """The events after ``position``; [] when there are none yet. Raises ``Lost``."""
        return await self._from_log(self.position)

    def accept(self, batch: Batch) -> None:
        """Move on past these, which ``fetch`` gave."""
        self._window.append(batch)
        self._window_events += len(batch.events)
        self._window_bytes += batch.size
        while self._window and (
            self._window_events > self._bounds.window_events or self._window_bytes > self._bounds.window_bytes
        ):
            dropped = self._window.popleft()
            self._window_events -= len(dropped.events)
            self._window_bytes -= dropped.size
        self.position = batch.last
        self.wake()

    def jump(self, head: int) -> None:
        """Go on from ``head``: what lies between is lost."""
        self._window.clear()
        self._window_events = self._window_bytes = 0
        self.position = head
        self.wake()

    def forget(self) -> None:
        """Read again from the log what was read before: it was amended."""
        self._window.clear()
        self._window_events = self._window_bytes = 0

    async def read(self, after: int) -> Batch | None:
        """The next batch after this position, which may begin before it; None at the head.

        Raises ``Lost`` when the next one is no longer kept.
        """
        if after >= self.position:
            return None
        if self._holds(after):
            return self._from_window(after)
        return next(iter(await self._from_log(after)), None)

    async def latest(self, after: int) -> Batch | None:
        """As ``read``, and past what this process has read so far: whoever committed sees it at once."""
        return await self.read(after) or next(iter(await self._from_log(after)), None)

    async def earliest(self) -> int:
        """The position before the oldest event that is kept."""
        return await self._log.oldest() - 1

    async def head(self) -> int:
        """The newest position, whether read already or not."""
        return max(self.position, await self._log.head())

    async def start(self, resume: Resume | None) -> int:
        """Where a reader begins: where it stopped, or at the head when it never read. Raises ``Lost``."""
        if resume is None:
            return self.position
        if resume.epoch != self.epoch:
            raise Lost("epoch", self.position)
        return await self.locate(resume.position)

    async def locate(self, position: int) -> int:
        """The position itself, if reading can go on from it. Raises ``Lost``."""
        if position > self.position and position > await self._log.head():
            raise Lost("ahead", self.position)
        if position < self.position and not self._holds(position):
            await self._check_kept(position)
        return position

    async def wait(self, position: int, timeout_s: float) -> None:
        """Return once the log has more than this position, when closed, or when whoever waits had better look around:
        on ``wake``, and at the latest after ``timeout_s`` or ``WAIT_S``."""
        if self.position > position or self.closed:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(min(timeout_s, WAIT_S)):
                await future
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(future)

    def wake(self) -> None:
        """Let everybody look who waits."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def sizes(self) -> dict[str, int]:
        return {
            "window_events": self._window_events,
            "window_bytes": self._window_bytes,
            "waiting": len(self._waiting),
        }

    async def _from_log(self, after: int) -> list[Batch]:
        events = _dense(await self._log.read(after, self._bounds.batch_events), after)
        if not events:
            await self._check_kept(after)
        return cut(events, self._bounds.batch_bytes)

    def _holds(self, after: int) -> bool:
        """Whether what comes after this position is in the window."""
        return bool(self._window) and after + 1 >= self._window[0].first

    def _from_window(self, after: int) -> Batch:
        """One batch of the window, or several small ones in one, for whoever has much to read."""
        index = bisect_right(self._window, after, key=_last)
        first = self._window[index]
        events, size = first.events, first.size
        for batch in islice(self._window, index + 1, None):
            count = len(events) + len(batch.events)
            if count > self._bounds.batch_events or size + batch.size > self._bounds.batch_bytes:
                break
            events = events + batch.events
            size += batch.size
        return first if events is first.events else Batch(events, size)

    async def _check_kept(self, position: int) -> None:
        if await self._log.oldest() > position + 1:
            raise Lost("expired", max(self.position, await self._log.head()))


def _dense(events: list[Event], after: int) -> list[Event]:
    """The events up to the first hole. What lies past a hole is read again once the hole is filled, or known to be
    lost: a store that shows a commit before an earlier one costs latency, never an event."""
    if not events or events[-1].position == after + len(events):  # positions grow: no room for a hole
        return events
    for expected, event in enumerate(events, after + 1):
        if event.position != expected:
            return events[: expected - after - 1]
    return events
