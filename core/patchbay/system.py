"""The real clock, ids and randomness: the only module that asks the machine for them."""

from __future__ import annotations

import asyncio
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
