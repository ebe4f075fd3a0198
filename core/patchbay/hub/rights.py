"""Whether connections may stay: asked for each every few seconds, a bounded number at a time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from patchbay.hub.connection import Connection, State
from patchbay.model.principal import Principal
from patchbay.ports import Clock

ASK_EVERY_S = 4.0  # with the answer in time, what was withdrawn shows its effect sooner than CONFIRMED_S
CONFIRMED_S = 5.0  # how long an answer counts, from the moment of asking: "a right withdrawn takes effect within 5 s"
TIMEOUT_S = 4.0
ASKERS = 8

StillValid = Callable[[Principal], Awaitable[bool]]


class Rights:
    """``refuse`` is called with a connection that may not stay, ``confirm`` with one that may and was held."""

    def __init__(
        self,
        still_valid: StillValid | None,
        clock: Clock,
        *,
        refuse: Callable[[Connection], None],
        confirm: Callable[[Connection], None],
    ) -> None:
        self._still_valid = still_valid
        self._clock = clock
        self._refuse = refuse
        self._confirm = confirm
        self._due: asyncio.Queue[Connection] = asyncio.Queue()  # each connection at most once

    def signed_in(self, connection: Connection, asked_at: float) -> None:
        """It was signed in by credentials that were judged at this time."""
        connection.asked_at = asked_at
        connection.confirmed_until = asked_at + CONFIRMED_S if self._still_valid else math.inf

    def look_at(self, connection: Connection, now: float) -> None:
        """Ask about it if it is time."""
        if self._still_valid and not connection.asking and now - connection.asked_at >= ASK_EVERY_S:
            connection.asking = True
            self._due.put_nowait(connection)

    def look_again(self, connection: Connection) -> None:
        """Ask about it now, whenever it was asked about last; once more where an answer is under way, which may be of
        before."""
        if self._still_valid and not connection.asking:
            connection.asking = True
            self._due.put_nowait(connection)
        elif connection.asking:
            connection.ask_again = True

    async def ask(self) -> None:
        """Ask about the next one that is due. While nobody answers it receives nothing, and is asked about again."""
        connection = await self._due.get()
        connection.ask_again = False
        try:
            if connection.is_open and not await self.asked(connection):
                self._refuse(connection)
        finally:
            connection.asking = False
            if connection.ask_again:
                self.look_again(connection)

    async def asked(self, connection: Connection) -> bool:
        """Ask now. Raises what the one asked raises, and ``TimeoutError``."""
        asked_at = connection.asked_at = self._clock.monotonic()
        if not await self.confirmed(connection.principal):
            return False
        connection.confirmed_until = asked_at + CONFIRMED_S
        if connection.state is State.HELD:
            self._confirm(connection)
        return True

    async def confirmed(self, principal: Principal) -> bool:
        """Whether this principal may stay."""
        if self._still_valid is None:
            return True
        async with asyncio.timeout(TIMEOUT_S):
            return await self._still_valid(principal)
