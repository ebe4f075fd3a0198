"""Time as the simulator sees it: the only file here that reads a clock or waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any


class SimClock:
    """Wall time plus what it was advanced by; waits are divided by ``speed``.

    Speed shortens waits and does not bend ``now()``: the system under test lives in real time and compares timestamps.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._ahead_s = 0.0

    def now(self) -> float:
        """Unix seconds."""
        return time.time() + self._ahead_s

    def monotonic(self) -> float:
        """Real seconds that only grow, for measuring."""
        return time.perf_counter()

    def advance(self, seconds: float) -> None:
        """Jump ahead: windows close, media expire. Waits that run are not shortened."""
        self._ahead_s += seconds

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of simulated time."""
        await asyncio.sleep(seconds / self.speed)

    def later(self, seconds: float, call: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Call after ``seconds`` of simulated time."""
        return asyncio.get_running_loop().call_later(seconds / self.speed, call, *args)
