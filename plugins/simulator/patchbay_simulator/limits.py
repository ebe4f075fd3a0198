"""Rate limits as Meta counts them: so many calls per interval and scope. No IO."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from patchbay_simulator.config import RateLimit
from patchbay_simulator.errors import GraphError

# Sources: WhatsApp Cloud API, Error codes; Graph API, Rate limits, business use cases
_CODES = {"number": 130429, "pair": 131056, "waba": 80007, "app": 4, "messenger": 80006, "instagram": 80002}
SEND_SCOPES = ("number", "pair")
MAX_KEYS = 100_000


class Limiter:
    """Sliding intervals per limit and key. Refused calls do not count."""

    def __init__(self) -> None:
        self._passed: dict[tuple[RateLimit, str], deque[float]] = {}

    def admit(self, limits: Sequence[RateLimit], keys: dict[str, str], now: float) -> None:
        """Count a call; ``keys`` maps the scopes that concern it to what they are counted by.

        Raises: ``GraphError`` of the first limit that is reached; nothing is counted then.
        """
        concerned = [(limit, keys[limit.scope]) for limit in limits if limit.scope in keys]
        for limit, key in concerned:
            passed = self._passed.get((limit, key))
            while passed and passed[0] <= now - limit.interval_s:
                passed.popleft()
            if passed is not None and len(passed) >= limit.count:
                raise GraphError(
                    limit.code or _CODES[limit.scope],
                    f"More than {limit.count} calls in {limit.interval_s:g} s.",
                    http_status=limit.http_status,
                    retry_after_s=limit.retry_after_s,
                )
        if len(self._passed) > MAX_KEYS:
            self._passed = {at: passed for at, passed in self._passed.items() if passed and passed[-1] > now - 3600}
        for at in concerned:
            self._passed.setdefault(at, deque()).append(now)

    def clear(self) -> None:
        self._passed.clear()
