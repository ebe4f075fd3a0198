"""Damaged webhooks: what a parser has to survive. The same ones at every run. No IO."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

Path = tuple[str | int, ...]
_deep: Any = "bottom"
for _ in range(40):
    _deep = {"deeper": [_deep]}
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**63, 1e308),
    *("", " ", "x", "\x00", "9" * 400, "1e400", "nan", "\N{ARABIC-INDIC DIGIT THREE}", "2026-13-45T99:99:99Z"),
    *([], {}, [[]], [None], ["x"], {"id": None}, {"": ""}, {"id": [], "text": {}, "type": 7}, _deep),
)

ODD: tuple[Any, ...] = (None, 7, "x", [], {})  # what parsers stumble over most


def noise(random: Random, count: int) -> Iterator[bytes]:
    """Bodies that are no webhooks: bytes, text, JSON of every shape."""
    yield from (b"", b" ", b"null", b"[]", b"{}", b'"x"', b"1e999", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000)
    yield from (encoded(value) for value in JUNK)
    for number in range(count):
        size = random.randrange(200)
        yield random.randbytes(size) if number % 2 else encoded(_value(random, 4))


def _value(random: Random, depth: int) -> Any:
    chosen = random.randrange(4) if depth else 0
    if chosen == 1:
        return [_value(random, depth - 1) for _ in range(random.randrange(4))]
    if chosen >= 2:
        return {random.choice(("id", "from", "type", "text", "x")): _value(random, depth - 1) for _ in range(4)}
    return random.choice(JUNK)


def damaged(random: Random, body: bytes, count: int) -> Iterator[bytes]:
    """A body with one to three of its values dropped, replaced or of another type, and cut or spoilt as bytes."""
    yield from (body[: len(body) // 2], body + b"x", b"\xef\xbb\xbf" + body, body[::-1])
    spoilt = bytearray(body or b"x")
    spoilt[random.randrange(len(spoilt))] ^= 0x80
    yield bytes(spoilt)
    try:
        value = msgspec.json.decode(body)
    except ValueError:  # not JSON: form data, XML
        for _ in range(count):
            spoilt = bytearray(body or b"x")
            spoilt[random.randrange(len(spoilt))] = random.randrange(256)
            yield bytes(spoilt)
        return
    for path in paths(value):
        for junk in ODD:
            yield encoded(put(value, path, junk))
    for _ in range(count):
        changed = value
        for _ in range(random.randrange(1, 4)):
            spots = list(paths(changed))
            if spots:
                changed = _mutated(random, changed, random.choice(spots))
        yield encoded(changed)


def paths(node: Any, here: Path = ()) -> Iterator[Path]:
    """The places of all values inside."""
    steps: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, child in steps:
        yield (*here, step)
        yield from paths(child, (*here, step))


def put(value: Any, path: Path, new: Any) -> Any:
    """The value with another at this place inside; it itself stays as it is."""
    changed = copy.deepcopy(value)
    _at(changed, path[:-1])[path[-1]] = new
    return changed


def _mutated(random: Random, value: Any, path: Path) -> Any:
    changed = copy.deepcopy(value)
    parent = _at(changed, path[:-1])
    held = parent[path[-1]]
    match random.randrange(4):
        case 0:
            del parent[path[-1]]
        case 1:
            parent[path[-1]] = copy.deepcopy(random.choice(JUNK))
        case 2:
            parent[path[-1]] = [held]
        case _:
            parent[path[-1]] = held[0] if isinstance(held, list) and held else str(held)
    return changed


def _at(node: Any, path: Path) -> Any:
    for step in path:
        node = node[step]
    return node


def encoded(value: Any) -> bytes:
    """JSON, also of numbers that are none there."""
    return msgspec.json.encode(value)
