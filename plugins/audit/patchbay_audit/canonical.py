"""The one way to write a value down, so that whoever writes it again gets the same bytes. No IO.

JSON with names in order of their code points, no spaces, UTF-8 without needless escapes, and no numbers but whole ones
that every language reads alike: what ``json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)``
gives for such values. ``plain`` makes any value one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

LARGEST = 2**53  # beyond it, a reader that keeps numbers as binary64 would see another one
DEEPEST = 8  # levels of nested values that are kept; of what is below, only that there was something
_encode = msgspec.json.Encoder(order="sorted").encode


def canonical(value: Any) -> str:
    """The canonical text of plain values, or of a struct of them."""
    return _encode(value).decode()


def digest(text: str) -> str:
    """The SHA-256 of a canonical text, as hex."""
    return sha256(text.encode()).hexdigest()


def plain(value: Any, depth: int = 0) -> Any:
    """The value made of texts, whole numbers, booleans, None, lists and mappings alone; what cannot be is a text."""
    match value:
        case None | bool():
            return value
        case int():
            return int(value) if -LARGEST < value < LARGEST else str(value)
        case str():
            return clean(value)
        case float():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return f"<{len(value)} bytes>"
        case Mapping() | list() | tuple() | set() | frozenset() if depth >= DEEPEST:
            return "<more>"
        case Mapping():
            return {clean(str(name)): plain(one, depth + 1) for name, one in value.items()}
        case list() | tuple():
            return [plain(one, depth + 1) for one in value]
        case set() | frozenset():
            return [plain(one, depth + 1) for one in sorted(value, key=str)]
    return plain(msgspec.to_builtins(value, enc_hook=str, order="sorted"), depth)


def clean(text: str) -> str:
    """The text where it is one; lone surrogates are no characters and cannot be written."""
    if text.isascii():
        return str(text)
    return text.encode("utf-8", "replace").decode()
