"""Time that a test owns."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until ``advance``; sleepers wake in the order of their moments."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._monotonic = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._monotonic + seconds, next(self._order), sleeper))
        await sleeper

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return sum(not sleeper.done() for _, _, sleeper in self._sleepers)

    async def advance(self, seconds: float) -> None:
        """Let time pass: whoever is due wakes, and gets a few turns of the loop before the next one does."""
        until = self._monotonic + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, sleeper = heappop(self._sleepers)
            self._pass_to(due)
            if not sleeper.done():
                sleeper.set_result(None)
                for _ in range(5):
                    await asyncio.sleep(0)
        self._pass_to(until)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator would; nobody wakes."""
        self._now += timedelta(milliseconds=round(seconds * 1000))

    def _pass_to(self, moment: float) -> None:
        whole = timedelta(milliseconds=round((moment - self._monotonic) * 1000))
        self._now += whole
        self._monotonic = moment
