"""How many units may be on their way at once, each built on the one before it.

One that fails takes along all that were built on it, whether or not they had anything to do with each other. So the
gate narrows to one when that happens, and widens by one with each unit that lands: all go at once while nothing fails,
and where many contend for one document, the others do not pay for it again and again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

WIDEST: Final = 256  # units; what the embedded store writes with one flush
PATIENCE_S: Final = 5.0  # after that it opens: it saves work, and correctness does not hang on it


class Gate:
    """``enter`` before a unit is recorded; ``passed`` when it was, ``leave`` when it was not; ``landed`` once it lasts.

    First come, first served.
    """

    def __init__(self, widest: int = WIDEST) -> None:
        self.width = self._widest = widest
        self.under_way = 0
        self.admitted = 0  # those that may go and have not gone yet
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Wait for room, and take it."""
        if not self._waiting and self.under_way + self.admitted < self.width:
            self.admitted += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await turn
        except TimeoutError:
            self._withdraw(turn)
            self.under_way, self.admitted = 0, 1  # whoever was counted does not come back
        except BaseException:
            self._withdraw(turn)
            raise

    def passed(self) -> None:
        """One that was admitted is under way."""
        self.admitted = max(0, self.admitted - 1)
        self.under_way += 1

    def leave(self) -> None:
        """One that was admitted does not go."""
        self.admitted = max(0, self.admitted - 1)
        self._call()

    def landed(self) -> None:
        """One that was under way is durable."""
        self.under_way = max(0, self.under_way - 1)
        self.width = min(self._widest, self.width + 1)
        self._call()

    def narrow(self) -> None:
        """One failed, and with it those behind it: begin anew, one by one."""
        self.width = 1
        self.under_way = 0
        self._call()

    def _call(self) -> None:
        while self._waiting and self.under_way + self.admitted < self.width:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self.admitted += 1

    def _withdraw(self, turn: asyncio.Future[None]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.done() and not turn.cancelled():
            self.leave()
