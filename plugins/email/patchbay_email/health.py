"""Whether e-mail works, as far as is known: ``patchbay.ports.HealthCheck``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from patchbay.model.times import rfc3339
from patchbay.ports import Clock
from patchbay.system import SystemClock
from patchbay_email.conversation import converse
from patchbay_email.errors import EmailFailed
from patchbay_email.settings import EmailSettings

PROBE_S = 1.5  # seconds; a check has 2
FAILURE_HOLDS_S = 300.0  # seconds; then it is tried anew, so that an hour of theirs is not held against them for ever


class EmailHealth:
    """Tells what became of the last try. Only where there was none, or it failed long ago, does it connect itself,
    up to the sign-in: that is a try then."""

    name = "email"

    def __init__(self, settings: EmailSettings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._probing = asyncio.Lock()

    async def check(self) -> Mapping[str, Any]:
        """When it was last spoken to. Raises ``EmailFailed`` with what went wrong then."""
        tries = self._settings.tries
        async with self._probing:
            if self._is_stale():
                await self._probe()
        at = rfc3339(tries.ended_at) if tries.ended_at is not None else None
        if tries.failure is not None:
            raise EmailFailed(f"{tries.failure} (Last tried at {at}.)")
        return {"last_try": "worked", "last_tried_at": at}

    def _is_stale(self) -> bool:
        tries = self._settings.tries
        if tries.ended_at is None:
            return True
        return tries.failure is not None and (self._clock.now() - tries.ended_at).total_seconds() >= FAILURE_HOLDS_S

    async def _probe(self) -> None:
        timeout_s = min(PROBE_S, self._settings.timeout_s)
        try:
            await converse(self._settings, None, timeout_s)
        except EmailFailed as error:
            self._settings.tries.failed(self._clock.now(), error.detail)
        else:
            self._settings.tries.worked(self._clock.now())
