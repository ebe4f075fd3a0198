"""Times: aware UTC datetimes inside, RFC 3339 with milliseconds on the wire."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(4096)  # one moment is written many times: a message, its conversation, their events
def rfc3339(moment: datetime) -> str:
    """``2026-11-22T09:33:00.000Z``; the moment must be aware and in UTC."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """As ``rfc3339``; None stays None."""
    return None if moment is None else rfc3339(moment)


def from_unix(seconds: float) -> datetime:
    """The moment ``seconds`` after the epoch, cut to milliseconds.

    Raises: ``ValueError`` when it lies outside the years 1 to 9999.
    """
    try:
        return to_milliseconds(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds!r} is not a moment between the years 1 and 9999") from error


def to_milliseconds(moment: datetime) -> datetime:
    """The moment without its microseconds: what every store can keep."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def unix_ms(moment: datetime) -> int:
    """Milliseconds since the epoch, as stores sort by."""
    return round(moment.timestamp() * 1000)
