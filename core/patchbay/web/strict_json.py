"""Strict JSON for request bodies. No IO.

UTF-8 without a byte order mark, at most 32 containers deep and 10,000 values, integers of 64 bits, no NaN and no
infinity, no duplicate keys, no lone surrogates: what would otherwise break a store or read differently elsewhere.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from patchbay.errors import Unreadable

MAX_DEPTH = 32  # containers inside each other
MAX_NODES = 10_000  # values in all
_INT_DIGITS = 20  # with the sign: no 64-bit integer is longer
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def loads(body: bytes) -> Any:
    """The value that the body encodes. Raises ``Unreadable`` with one sentence about why."""
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8: byte {error.start} does not fit.") from error
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error.msg} at character {error.pos}.") from error
    except RecursionError as error:
        raise Unreadable(_TOO_DEEP) from error
    _measure(value)
    if b"\\u" in body:  # only an escape can make a lone surrogate
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise Unreadable("The body holds half of a surrogate pair, which is no character.") from error
    return value


_TOO_DEEP = f"The body nests deeper than {MAX_DEPTH} levels."


def _measure(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    depth = nodes = 1
    while level:
        if depth > MAX_DEPTH:
            raise Unreadable(_TOO_DEEP)
        below: list[Any] = []
        for container in level:
            nodes += len(container)
            held = container.values() if type(container) is dict else container
            below.extend(item for item in held if type(item) is dict or type(item) is list)
        if nodes > MAX_NODES:
            raise Unreadable(f"The body holds more than {MAX_NODES} values.")
        level = below
        depth += 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"The name {twice[:80]!r} stands twice in one object.")
    return made


def _integer(text: str) -> int:
    if len(text) <= _INT_DIGITS:
        value = int(text)
        if _INT_MIN <= value <= _INT_MAX:
            return value
    raise Unreadable("A whole number does not fit into 64 bits.")


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise Unreadable("A number is too large.")
    return value


def _constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
)
