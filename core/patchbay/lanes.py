"""Turns: who would contend for the same documents waits instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Lanes:
    """One lock per name, gone when nobody waits: work on one thread takes turns in this process, others run beside."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def run(self, lane: str, work: Callable[[], Any]) -> Any:
        lock, waiting = self._locks.get(lane, (None, 0))
        lock = lock or asyncio.Lock()
        self._locks[lane] = (lock, waiting + 1)
        try:
            async with lock:
                return await work()
        finally:
            lock, waiting = self._locks[lane]
            if waiting == 1:
                del self._locks[lane]
            else:
                self._locks[lane] = (lock, waiting - 1)
