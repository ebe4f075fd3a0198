"""What arrives at a simulated person, on whichever channel, and waiting for it."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from patchbay_simulator.errors import SimulationError
from patchbay_simulator.files import File, make
from patchbay_simulator.interactive import Choice

INBOX = 1_000  # messages that a person remembers


class Received(Struct, kw_only=True, frozen=True):
    """A message that a person got. ``text`` is what they read of it, ``choices`` what they can tap.

    ``wamid`` is the message's id (a mid on Messenger and Instagram), ``number_id`` the business number or account.
    """

    wamid: str
    number_id: str
    type: str
    text: str
    content: Any
    at: float
    reply_to: str | None = None
    choices: tuple[Choice, ...] = ()


class Inbox(ABC):
    """A person's messages. ``listeners`` are called with each one that arrives; ``actions`` are what ``act`` can do."""

    actions: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.inbox: deque[Received] = deque(maxlen=INBOX)
        self.said: deque[str] = deque(maxlen=INBOX)
        self.listeners: list[Callable[[Received], None]] = []
        self._got = 0
        self._expected = 0
        self._news = asyncio.Event()
        self._files = 0

    @property
    @abstractmethod
    def id(self) -> str:
        """How scenarios and the control API call the person."""

    def _hear(self, received: Received) -> None:
        self.inbox.append(received)
        self._got += 1
        self._news.set()
        for listener in self.listeners:
            listener(received)

    async def expect(self, *, text: str | None = None, type: str | None = None, within_s: float = 10.0) -> Received:
        """The next message that fits and was not expected before. ``text`` is searched as a regular expression without
        regard to case; ``within_s`` is real time.

        Raises: ``SimulationError`` saying what came instead.
        """
        pattern = re.compile(text, re.IGNORECASE) if text else None
        seen: list[str] = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._expected < self._got:
                        behind = self._got - self._expected
                        self._expected += 1
                        if behind > len(self.inbox):
                            continue
                        received = self.inbox[-behind]
                        if (pattern is None or pattern.search(received.text)) and type in (None, received.type):
                            return received
                        seen.append(f"{received.type} {received.text!r}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            wanted = f"{type or 'a message'}{f' like {text!r}' if text else ''}"
            came = f"; it got {', '.join(seen[-5:])}" if seen else "; nothing came"
            raise SimulationError(f"{self.id} expected {wanted} within {within_s:g} s{came}.") from None

    def _offered(self, choice: str, of: str | None) -> tuple[Received, Choice]:
        """What is tapped: by id or title, the first one by default, of the last message that has any."""
        offered = next((r for r in reversed(self.inbox) if r.choices and of in (None, r.wamid)), None)
        if offered is None:
            raise SimulationError(f"{self.id} got nothing to tap.")
        found = next((c for c in offered.choices if choice in ("", c.id, c.title)), None)
        if found is None:
            raise SimulationError(f"{self.id} sees no {choice!r} among {[c.title for c in offered.choices]}.")
        return offered, found

    def _file(self, kind: str) -> File:
        self._files += 1
        try:
            return make(kind, self._files)
        except KeyError:
            raise SimulationError(f"There is no kind of file {kind}.") from None

    def _last(self) -> Received:
        if not self.inbox:
            raise SimulationError(f"{self.id} got no message yet.")
        return self.inbox[-1]


def act(customer: Inbox, action: str, arguments: Mapping[str, Any]) -> str:
    """Do one of a person's ``actions`` by name, and return the id of the message, "" where it has none.

    Raises ``SimulationError`` for another action, or for arguments that it does not take.
    """
    if action not in customer.actions:
        raise SimulationError(f"{customer.id} does not {action!r}; there are {', '.join(customer.actions)}.")
    try:
        return str(getattr(customer, action)(**arguments))
    except TypeError as error:
        raise SimulationError(f"{action}: {error}") from error
