"""Ids that derive from what a provider calls a thing, so that a second delivery lands on the same key."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

_SEPARATOR = "\x1f"
_REMEMBERED = 16_384  # ids asked for again and again: a message asks for those of its person and thread several times


def derived_id(prefix: str, *parts: str) -> str:
    """The id that the same parts always give: ``{prefix}_`` and 30 hex digits (120 bits).

    Parts are joined by the ASCII unit separator, so ``("a", "bc")`` and ``("ab", "c")`` differ.
    """
    joined = _SEPARATOR.join(parts)
    try:
        raw = joined.encode()
    except UnicodeEncodeError:
        raw = joined.encode("utf-8", "surrogatepass")
    return f"{prefix}_{blake2b(raw, digest_size=15).hexdigest()}"


def message_id(account_id: str, external_id: str) -> str:
    """The id of a message that a provider named first (inbound, echo, history)."""
    return derived_id("msg", account_id, external_id)


def part_ref(external_id: str, part: int) -> str:
    """What a part of a provider's message is called here; the provider itself has a name only for the whole."""
    return f"{external_id}#{part}" if part else external_id


def identity_id(scope: str, kind: str, value: str) -> str:
    """The id of an identity; ``scope`` is the resolved scope, "" for global kinds."""
    return derived_id("idn", scope, kind, value)


@lru_cache(_REMEMBERED)
def thread_id(account_id: str, line_id: str) -> str:
    """The id of the thread between an account and the identity that owns the line."""
    return derived_id("thr", account_id, line_id)


def media_id(message: str, file: int | str) -> str:
    """The id of a media of a message: of its n-th, or of the one whose bytes the provider calls so."""
    return derived_id("med", message, str(file))


def account_id(channel: str, external_id: str) -> str:
    """The id of a channel account."""
    return derived_id("acc", channel, external_id)
