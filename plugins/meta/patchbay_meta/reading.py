"""Reading what Meta sends: fields that may be missing or of another type, times, keys for what has no id. No IO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from patchbay.model.times import from_unix

EARLIEST_S = 1_230_768_000  # 2009, when WhatsApp began, the eldest of Meta's channels here: before it nothing is a time
LATEST_S = 4_102_444_800  # 2100
_DIGEST = re.compile(r"[A-Za-z_-]+:[0-9a-f]{32}")
_INTEGER = re.compile(r"-?\d{1,12}", re.ASCII)
MAX_DEPTH = 32  # levels of what is kept in the provider's own form
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_canonical = msgspec.json.Encoder(order="deterministic")


class Odd(ValueError):
    """Why an update cannot be read, for the person who looks after it; never with what somebody wrote."""


def each(value: dict[str, Any], name: str) -> list[Any]:
    """The members of a list. A single value in place of a list counts as one member, so that it is not lost."""
    members = value.get(name)
    if isinstance(members, list):
        return members
    return [] if members is None else [members]


def text(raw: dict[str, Any], name: str) -> str | None:
    """A text or whole number as text; None for what is absent, empty or something else."""
    value = raw.get(name)
    if value is None or isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def integer(value: object) -> int | None:
    """A code as a number: also where it came as text; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**12 else None
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def part(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name; {} when there is none."""
    value = raw.get(name)
    return value if isinstance(value, dict) else {}


def moment_of(value: Any) -> datetime | None:
    """A timestamp as a moment: Unix seconds or milliseconds, as a number or a text. None when it is not usable.

    Seconds are promised; milliseconds have been seen, and no second of this age has twelve digits.
    """
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            value = _number(value)
    elif not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    if EARLIEST_S <= value <= LATEST_S:
        return _second(value) if isinstance(value, int) else from_unix(value)
    if EARLIEST_S * 1000 <= value <= LATEST_S * 1000:
        return EPOCH + timedelta(milliseconds=int(value))
    return None


@lru_cache(1024)  # what happens within a second has one moment
def _second(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def digest(kind: str, *values: Any) -> str:
    """A key for what has no id: the same for the same content, whatever the order of its members."""
    return f"{kind}:{blake2b(_canonical.encode(values), digest_size=16).hexdigest()}"


def is_digest(key: str) -> bool:
    """Whether a key was made by ``digest``: then it is ours, and no provider knows it."""
    return _DIGEST.fullmatch(key) is not None


def kept(value: dict[str, Any]) -> dict[str, Any]:
    """The value, to be stored in the provider's own form.

    Raises: ``Odd`` when no store could hold it: more than ``MAX_DEPTH`` levels, or a number beyond 64 bits.
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        children = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
        if any(isinstance(child, int) and not -(2**63) <= child < 2**63 for child in children):
            raise Odd("a number in it is larger than 64 bits")
        level = [child for child in children if isinstance(child, (dict, list))]
        if not level:
            return value
    raise Odd(f"it is nested deeper than {MAX_DEPTH} levels")


def error_text(errors: Sequence[Any]) -> str:
    """What the first readable error says: code, title and details; "" when there is none."""
    for error in errors:
        if isinstance(error, dict):
            title = text(error, "message") or text(error, "title")
            said = " ".join(word for word in (text(error, "code"), title) if word)
            details = error_details(error)
            return f"{said}: {details}" if said and details and details != title else said or details or ""
    return ""


def error_details(error: dict[str, Any]) -> str | None:
    """The details of an error, wherever they sit: in ``error_data``, as ``error_data``, or beside the code."""
    return text(part(error, "error_data"), "details") or text(error, "error_data") or text(error, "details")
