"""A plugin whose things are being watched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from patchbay.plugins.conduct import DEADLINE_S, Conduct, Record
from patchbay.plugins.contain import awaited

T = TypeVar("T")


class Plugin:
    """Its name, the records of its things, and calls of them."""

    def __init__(self, name: str, conduct: Conduct) -> None:
        self.name = name
        self._conduct = conduct

    def record(self, what: str) -> Record:
        return self._conduct.record(self.name, what)

    async def call(
        self,
        call: Callable[[], Awaitable[T]],
        what: str,
        *,
        deadline_s: float | None = DEADLINE_S,
        spared: Callable[[], bool] = lambda: False,
    ) -> T:
        """The call's answer; see ``awaited``."""
        return await awaited(call, deadline_s, self._conduct.left, name=f"{self.name}: {what}", spared=spared)
