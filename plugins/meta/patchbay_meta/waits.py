"""How long an answer asks to wait, by its headers. No IO.

Source: Graph API, Rate limits, "Business use case rate limits": the usage header and its
``estimated_time_to_regain_access``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from patchbay.model.account import ChannelAccount
from patchbay_meta.reading import integer

USAGE_HEADER = "x-business-use-case-usage"
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds in a ``Retry-After`` header; a date or anything else is as good as none."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            return float(value.strip()) if _SECONDS.fullmatch(value.strip()) else None
    return None


def regain_access_s(headers: Mapping[str, str], of: Collection[str] = ()) -> float | None:
    """Seconds until calls are let through again, by the usage header; None where it names no wait.

    The header counts minutes, for each business object and each kind of call, and the longest wait is the one that
    holds. Where it names an object of ``of``, the others' waits are theirs.
    """
    for name, value in headers.items():
        if name.lower() == USAGE_HEADER:
            usage = _usage(value)
            counted = [usage[id] for id in of if id in usage] or list(usage.values())
            return max((60.0 * minutes for rows in counted for minutes in rows), default=None)
    return None


def known_as(account: ChannelAccount) -> tuple[str, ...]:
    """The ids that the usage header may name an account by: its own, and that of its page or business account."""
    return (account.external_id, *((account.parent_external_id,) if account.parent_external_id else ()))


def _usage(header: str) -> dict[str, list[int]]:
    """The waits of each business object, in minutes."""
    try:
        usage = msgspec.json.decode(header)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return {id: _waits(rows) for id, rows in usage.items()} if isinstance(usage, dict) else {}


def _waits(rows: object) -> list[int]:
    given = [row.get("estimated_time_to_regain_access") for row in _objects(rows)]
    return [minutes for minutes in map(integer, given) if minutes is not None and minutes > 0]


def _objects(rows: object) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
