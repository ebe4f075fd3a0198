"""Socket tickets: a page that has a session gets one, and shows it in the first message of its socket (E8).

They live for a minute and work once, so they stay in memory: a restart costs a client one more request.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from patchbay.secrets import Entropy

from . import opaque

if TYPE_CHECKING:
    from patchbay.ports import Clock

TICKET_LIFETIME_S: Final = 60  # E8
MAX_TICKETS: Final = 10_000  # waiting at once; the oldest goes first

Holder = TypeVar("Holder")


class Tickets(Generic[Holder]):
    """The tickets that were given out and not yet used, and for whom."""

    def __init__(self, clock: Clock, *, max_tickets: int = MAX_TICKETS, entropy: Entropy = os.urandom) -> None:
        self._clock = clock
        self._max_tickets = max_tickets
        self._entropy = entropy
        self._waiting: OrderedDict[str, tuple[float, Holder]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def issue(self, holder: Holder) -> str:
        """A new ticket. ``holder`` is what ``spend`` will answer: who, and by which session."""
        self._forget_late_ones()
        token = opaque.new_token(self._entropy)
        self._waiting[opaque.digest("ticket", token)] = (self._clock.monotonic() + TICKET_LIFETIME_S, holder)
        if len(self._waiting) > self._max_tickets:
            self._waiting.popitem(last=False)
        return token

    def spend(self, token: str) -> Holder | None:
        """Whose ticket it is, once; None when it is unknown, was used, or is a minute old."""
        if not opaque.is_token(token):
            return None
        ends, holder = self._waiting.pop(opaque.digest("ticket", token), (0.0, None))
        return holder if self._clock.monotonic() < ends else None

    def _forget_late_ones(self) -> None:
        now = self._clock.monotonic()
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self._waiting.popitem(last=False)
