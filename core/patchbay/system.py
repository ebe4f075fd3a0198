"""The real clock, ids and randomness: the only module that asks the machine for them."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from datetime import UTC, datetime

from uuid_utils import uuid7

_random = secrets.SystemRandom()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        milliseconds = time.time_ns() // 1_000_000
        return datetime.fromtimestamp(milliseconds / 1000, UTC)  # rounded to microseconds: exact until the year 2242

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """Ids that sort by when they were made (UUID version 7), and tokens from the system's random source."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{uuid7().hex}"

    def token(self) -> str:
        return secrets.token_urlsafe(32)

    def jitter(self) -> float:
        return _random.random()


class Effort:
    """How much of what it can do this process does, asked by the thread that runs the loop."""

    def __init__(self) -> None:
        self._last = self._times()
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def share(self) -> float:
        """The larger of two shares of the time since it was asked last: that in which this thread worked, and that in
        which all cores worked for this process; from 0 to 1."""
        last, now = self._last, self._times()
        passed, thread, process = (new - old for new, old in zip(now, last, strict=True))
        self._last = now
        if passed <= 0:
            return 0.0
        return min(1.0, max(thread, process / self._cores) / passed)

    @staticmethod
    def _times() -> tuple[float, float, float]:
        return time.monotonic(), time.thread_time(), time.process_time()
