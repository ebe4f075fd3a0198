"""How many requests one principal (all programs of one owner are one), and one address without a principal, may make in
a minute.

Counting is by the ``limits`` library. Its in-memory storage walks through every key it knows at each hit; the one here
keeps as many windows as it was told, forgets the oldest, and never looks at more than one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from patchbay.errors import TooMany

if TYPE_CHECKING:
    from patchbay.ports import Clock

MAX_KEYS = 50_000  # windows remembered; the oldest goes first
WINDOW_S = 60
ADDRESS_SHARE = 10  # an address may fail to say who it is a tenth as often as a principal may ask


class WindowStorage(Storage):
    """Fixed windows in memory, at most ``max_keys`` of them, on an injected clock."""

    STORAGE_SCHEME = ["async+patchbay"]

    def __init__(self, uri: str | None = None, *, clock: Clock, max_keys: int = MAX_KEYS, **options: Any) -> None:
        super().__init__(uri, **options)
        self._clock = clock
        self._max_keys = max_keys
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = self._now()
        count, ends = self._windows.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
            self._windows.pop(key, None)  # a new window goes to the end of the queue
        self._windows[key] = (count + amount, ends)
        if len(self._windows) > self._max_keys:
            self._windows.popitem(last=False)
        return count + amount

    async def get(self, key: str) -> int:
        count, ends = self._windows.get(key, (0, 0.0))
        return count if ends > self._now() else 0

    async def get_expiry(self, key: str) -> float:
        now = self._now()
        ends = self._windows.get(key, (0, 0.0))[1]
        return max(now, ends)

    async def check(self) -> bool:
        return True

    async def reset(self) -> int:
        gone = len(self._windows)
        self._windows.clear()
        return gone

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)


@dataclass(frozen=True)
class Allowance:
    """Where somebody stands in their window."""

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class RateLimiter:
    """Two limits: per principal, and per address for requests that failed to say who they are from."""

    def __init__(self, storage: Storage, clock: Clock, per_minute: int) -> None:
        self._strategy = FixedWindowRateLimiter(storage)
        self._storage = storage
        self._clock = clock
        self._principal: RateLimitItem = RateLimitItemPerMinute(per_minute)
        self._address: RateLimitItem = RateLimitItemPerMinute(max(1, per_minute // ADDRESS_SHARE), namespace="ADDRESS")

    async def take(self, principal_id: str) -> Allowance:
        """Count one request of a principal. Raises ``TooMany``."""
        return await self._take(self._principal, principal_id)

    async def take_anonymous(self, address_key: str) -> Allowance:
        """Count one request of an address that has no principal, or failed to prove one. Raises ``TooMany``."""
        return await self._take(self._address, address_key)

    async def refuse_exhausted(self, address_key: str) -> None:
        """Raises ``TooMany`` when an address has failed so often that its next try is not even looked at."""
        if await self._storage.get(self._address.key_for(address_key)) >= self._address.amount:
            raise self._too_many(await self._standing(self._address, address_key))

    async def _take(self, item: RateLimitItem, who: str) -> Allowance:
        allowed = await self._strategy.hit(item, who)
        standing = await self._standing(item, who)
        if not allowed:
            raise self._too_many(standing)
        return standing

    async def _standing(self, item: RateLimitItem, who: str) -> Allowance:
        window = await self._strategy.get_window_stats(item, who)
        reset_s = max(1, ceil(window.reset_time - self._clock.now().timestamp()))
        return Allowance(item.amount, max(0, window.remaining), reset_s)

    def _too_many(self, standing: Allowance) -> TooMany:
        return TooMany(
            f"At most {standing.limit} requests a minute; wait {standing.reset_s} s.",
            headers={**standing.headers(), "Retry-After": str(standing.reset_s)},
            extra={"retryable": True},
        )
