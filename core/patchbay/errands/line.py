"""What waits to be asked or told, in order and each once, worked off a few at a time. It is not durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from patchbay.errors import SendError, StoreError

T = TypeVar("T", bound=Hashable)
log = structlog.get_logger(__name__)


class Line(Generic[T]):
    """``errand`` names it in the log, ``work`` is done for each; what comes while ``most`` wait is left out."""

    def __init__(self, errand: str, work: Callable[[T], Awaitable[None]], *, most: int, at_once: int = 4) -> None:
        self._errand = errand
        self._work = work
        self._most = most
        self._at_once = at_once
        self._waiting: dict[T, None] = {}
        self._wake = asyncio.Event()

    def put(self, what: T) -> None:
        """Let it wait, unless too many do."""
        if len(self._waiting) < self._most:
            self._waiting[what] = None
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._at_once):
                group.create_task(self._one_by_one())

    async def _one_by_one(self) -> None:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            what = next(iter(self._waiting))
            del self._waiting[what]
            try:
                await self._work(what)
            except SendError as error:
                log.info("errand.refused", **self._about(what), code=error.code, provider_code=error.provider_code)
            except StoreError as error:
                log.warning("errand.store_refused", **self._about(what), error=error.detail)
            except Exception:
                log.exception("errand.failed", **self._about(what))

    def _about(self, what: T) -> dict[str, object]:
        return {"errand": self._errand, "about": what}
