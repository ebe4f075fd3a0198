"""When to try again, and which entry of a queue goes next. Pure: moments and random numbers are arguments. No IO."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from patchbay.errors import Unavailable
from patchbay.model.outbox import OutboxEntry
from patchbay.settings import DeliverySettings

NEVER = datetime.max.replace(tzinfo=UTC)
RETRY_AFTER_AT_MOST_S = 86_400.0  # no message waits longer than a day
PAUSED_LOOK = timedelta(seconds=15)  # a resumed entry is noticed at once; this is for one that another gateway resumed


def delay(attempt: int, error: Unavailable, settings: DeliverySettings, jitter: float) -> timedelta:
    """How long to wait after the ``attempt``-th try failed: full jitter over a doubling bound.

    The provider's own word (``Retry-After``) is honoured within [base, 24 h]; a channel's guess that may grow doubles
    with every try. ``jitter`` is from 0 up to 1.
    """
    base, cap = settings.base_delay_s, settings.max_delay_s
    if error.retry_after_s is not None:
        wait = max(error.retry_after_s, base)
        if error.grows_to_s is not None:
            wait = min(wait * 2 ** min(attempt - 1, 30), max(wait, error.grows_to_s))
        return timedelta(seconds=min(wait, RETRY_AFTER_AT_MOST_S))
    bound = min(cap, base * 2 ** min(attempt - 1, 30))
    return timedelta(seconds=base / 2 + (bound - base / 2) * jitter)


def exhausted(attempt: int, error: Unavailable) -> bool:
    """Whether an error that may be tried only a few times has used them up."""
    return error.limit is not None and attempt >= error.limit


class Turn(NamedTuple):
    """What a queue does next: send ``entry``, or rest for ``rest``; neither when all its entries were passed over."""

    entry: OutboxEntry | None = None
    rest: timedelta | None = None


def next_turn(
    entries: Iterable[OutboxEntry], now: datetime, held_until: datetime | None, settings: DeliverySettings
) -> Turn:
    """The turn of a queue, by its live entries in order.

    The head goes first. One that waits for its retry blocks the others for a while, one of unknown outcome for a
    shorter while; then they pass it. One that somebody holds, or whose account is paused, blocks them until it moves.
    """
    for entry in entries:
        if entry.state in ("queued", "retry"):
            ready = entry.not_before if held_until is None else max(entry.not_before, held_until)
            if ready <= now:
                return Turn(entry=entry)
            since, patience_s = entry.began_at, settings.head_blocks_at_most_s
        elif entry.state == "unknown":
            ready, since, patience_s = NEVER, entry.unknown_since or entry.updated_at, settings.unknown_hold_s
        else:
            return Turn(rest=PAUSED_LOOK if entry.state == "paused" else timedelta(seconds=1))
        if since is None:
            return Turn(rest=ready - now)
        passed_at = since + timedelta(seconds=patience_s)
        if passed_at > now:
            return Turn(rest=min(ready, passed_at) - now)
    return Turn()
