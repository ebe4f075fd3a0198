"""How many refusals of one address are written singly. No IO."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from patchbay.web.addresses import limiting_key

WINDOW_S: Final = 60.0
MOST_ADDRESSES: Final = 4_096  # counted apart; those beyond share one count
OTHERS: Final = "others"
MOST_OUTCOMES: Final = 20


@dataclass
class LeftOut:
    """What was not written of one address within one window."""

    address: str
    since: datetime
    until: datetime
    outcomes: Counter[str]

    @property
    def count(self) -> int:
        return self.outcomes.total()


@dataclass
class _Window:
    ends: float
    written: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    since: datetime | None = None
    until: datetime | None = None


class RefusalLimit:
    """Lets ``per_minute`` refusals of an address through in each window of a minute and counts the rest.

    A window opens with the first refusal. Memory is bounded: past ``MOST_ADDRESSES`` windows, all other addresses share
    one.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: OrderedDict[str, _Window] = OrderedDict()
        self._ended: list[LeftOut] = []

    def admits(self, address: str | None, outcome: str, *, now: float, at: datetime) -> bool:
        """Whether this refusal is written; if not, it is counted."""
        window = self._window(address, now)
        if window.written < self._per_minute:
            window.written += 1
            return True
        known = outcome in window.outcomes or len(window.outcomes) < MOST_OUTCOMES
        window.outcomes[outcome if known else "other"] += 1
        window.since, window.until = window.since or at, at
        return False

    def give_back(self, address: str | None, *, now: float) -> None:
        """One that was let through was not written after all, and comes again."""
        window = self._window(address, now)
        window.written = max(0, window.written - 1)

    def ended(self, now: float) -> list[LeftOut]:
        """What was left out in windows that are over; each is told once."""
        self._close(now)
        told, self._ended = self._ended, []
        return told

    def again(self, left_out: LeftOut) -> None:
        """Tell this one once more, for it could not be written."""
        if len(self._ended) < MOST_ADDRESSES:
            self._ended.append(left_out)

    def _window(self, address: str | None, now: float) -> _Window:
        key = limiting_key(address or "unknown")
        if key not in self._windows and len(self._windows) >= MOST_ADDRESSES:
            self._close(now)
            if len(self._windows) >= MOST_ADDRESSES:
                key = OTHERS
        window = self._windows.get(key)
        if window is not None and window.ends <= now:
            self._close(now)
            window = None
        if window is None:
            window = self._windows[key] = _Window(now + WINDOW_S)
        return window

    def _close(self, now: float) -> None:
        """Forget windows that are over; they stand in the order of their ends."""
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends > now:
                return
            del self._windows[key]
            if window.outcomes and window.since is not None and window.until is not None:
                self._add(LeftOut(key, window.since, window.until, window.outcomes))

    def _add(self, left_out: LeftOut) -> None:
        """Keep it until it is asked for; where nobody asks for long, what does not fit is told under one name."""
        if len(self._ended) < MOST_ADDRESSES:
            self._ended.append(left_out)
            return
        last = self._ended[-1]
        self._ended[-1] = LeftOut(
            OTHERS, min(last.since, left_out.since), max(last.until, left_out.until), last.outcomes + left_out.outcomes
        )
