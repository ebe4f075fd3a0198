"""When to try again. Pure: the random number is an argument."""

from __future__ import annotations

from datetime import timedelta

from patchbay.errors import Unavailable
from patchbay.settings import DeliverySettings


def delay(attempt: int, error: Unavailable, settings: DeliverySettings, jitter: float) -> timedelta:
    """How long to wait after the ``attempt``-th try failed: full jitter over a doubling bound.

    The provider's own word (``Retry-After``) is honoured within [base, 1 h]; ``jitter`` is from 0 up to 1.
    """
    base, cap = settings.base_delay_s, settings.max_delay_s
    if error.retry_after_s is not None:
        return timedelta(seconds=min(max(error.retry_after_s, base), 3600.0))
    bound = min(cap, base * 2 ** min(attempt - 1, 30))
    return timedelta(seconds=base / 2 + (bound - base / 2) * jitter)


def exhausted(attempt: int, error: Unavailable) -> bool:
    """Whether an error that may be tried only a few times has used them up."""
    return error.limit is not None and attempt >= error.limit
