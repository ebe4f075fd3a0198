"""Refresh tokens that change at every use, as an automaton over a frozen value.

A sign-in starts a *family*. Its tokens are ``pbr_{handle}_{secret}``: the handle (128 random bits) is the same for the
whole family, the secret (256 bits) is new at each rotation. Only hashes of both are kept. Let *current* be the one
token that was given out last, *previous* the one it was given for. What a presented token does, the first that fits:

    the family was revoked              -> Revoked    nothing changes
    30 days after the sign-in, or later -> Expired    nothing changes; rotating prolongs nothing
    it is current                       -> Rotated    a new current; what was current is previous
    it is previous, <= 30 s since then  -> Replayed   the same answer again; nothing changes
    any other secret                    -> Reused     the whole family is revoked

*Why the last row is safe to act on:* the handle is in nobody's hands but of those who held a token of this family, so a
known handle with a spent secret is a copy. Which of the two holders is the thief cannot be told: both lose it.

*Why there is a grace:* the answer to a rotation can be lost (a tunnel, a closed lid). Without it an honest client would
be signed out. Only who shows that it is the same request again has it (``Idempotency-Key``; the caller sees to that):
for anybody else a token that comes twice is a copy. The retry gets the very token that the first answer held, so that
there is never more than one current token, and whichever of two answers arrives last is right. That token is not kept:
it is ``HMAC-SHA256(key=presented secret, salt)``, where the salt is drawn at each rotation and kept with the family.
Who has only a copy of the store cannot compute it for want of the secret; who has only an old secret, for want of the
salt.

*Why the grace is safe:* it ends with the first use of the new token, since then the answer did arrive, and after 30 s
by the clock, whichever way the clock was set. A thief who is quick enough gets no token of his own, only the same one;
from then on he and the owner hold one chain, and as soon as one of them uses it and the other comes later than 30 s,
or after a further use, the family is gone. Two who stay within 30 s of each other at every single step are not told
apart: that is the price of the grace (RFC 9700, 4.14.2), bounded by the 30 days.

Whoever keeps families must write them with the version compared. Of two rotations at once one then loses its write,
reads again, and finds that it is a replay.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from patchbay.secrets import Entropy

from .opaque import TOKEN_BYTES, base64url, canonical, digest, from_base64url, same

LIFETIME: Final = timedelta(days=30)  # from sign-in, absolute; section 7, "Refresh"
GRACE: Final = timedelta(seconds=30)  # for an identical retry; section 7, "Refresh"
HANDLE_BYTES: Final = 16
_TOKEN: Final = re.compile(r"pbr_([A-Za-z0-9_-]{22})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True)
class Presented:
    """A token as somebody sent it. ``family`` is the key to look its family up by."""

    handle: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def family(self) -> str:
        return digest("refresh", self.handle)

    @property
    def hash(self) -> str:
        return digest("refresh", self.secret)


@dataclass(frozen=True)
class Family:
    """What is kept of a family; nothing in it can be presented. ``rotations`` counts them, for people to read."""

    key: str
    current_hash: str = field(repr=False)
    born_at: datetime
    expires_at: datetime
    previous_hash: str | None = field(default=None, repr=False)
    salt: str | None = field(default=None, repr=False)
    rotated_at: datetime | None = None
    rotations: int = 0
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Rotated:
    """Commit ``family``, then answer with ``token``."""

    family: Family
    token: str = field(repr=False)


@dataclass(frozen=True)
class Replayed:
    """An answer was lost: give ``token`` again, there is nothing to commit."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class Reused:
    """A spent token came back: commit ``family``, which is revoked, and end its session. Answer as for any other."""

    family: Family


@dataclass(frozen=True)
class Expired:
    """The family is past its 30 days."""


@dataclass(frozen=True)
class Revoked:
    """The family was revoked before."""


Outcome = Rotated | Replayed | Reused | Expired | Revoked


def parse(text: str) -> Presented | None:
    """What the text says; None when it has not the form of a refresh token."""
    found = _TOKEN.fullmatch(text)
    if found is None or not canonical(found[1]) or not canonical(found[2]):
        return None
    return Presented(found[1], found[2])


def start(now: datetime, entropy: Entropy = os.urandom) -> tuple[Family, str]:
    """A new family, to be committed, and its first token."""
    first = Presented(base64url(entropy(HANDLE_BYTES)), base64url(entropy(TOKEN_BYTES)))
    return Family(first.family, first.hash, now, now + LIFETIME), _text(first)


def rotate(family: Family, presented: Presented, now: datetime, salt: bytes) -> Outcome:
    """What happens to the family when one of its tokens is presented; ``salt`` are 32 fresh random bytes.

    Raises ``ValueError`` when the token belongs to another family: it was looked up wrongly.
    """
    if not same(family.key, presented.family):
        raise ValueError("this refresh token belongs to another family")
    if family.revoked_at is not None:
        return Revoked()
    if now >= family.expires_at:
        return Expired()
    if same(family.current_hash, presented.hash):
        return _rotated(family, presented, now, salt)
    if _is_retry(family, presented, now) and family.salt is not None:
        return Replayed(_text(_successor(presented, from_base64url(family.salt))))
    return Reused(revoke(family, now))


def revoke(family: Family, now: datetime) -> Family:
    """The family without a future: at sign-out, when its user is suspended, when its session is ended."""
    return family if family.revoked_at is not None else replace(family, revoked_at=now, salt=None)


def _rotated(family: Family, presented: Presented, now: datetime, salt: bytes) -> Rotated:
    if len(salt) < TOKEN_BYTES:
        raise ValueError(f"a rotation needs {TOKEN_BYTES} random bytes")
    successor = _successor(presented, salt)
    rotated = replace(
        family,
        current_hash=successor.hash,
        previous_hash=presented.hash,
        salt=base64url(salt),
        rotated_at=now,
        rotations=family.rotations + 1,
    )
    return Rotated(rotated, _text(successor))


def _is_retry(family: Family, presented: Presented, now: datetime) -> bool:
    if family.previous_hash is None or family.rotated_at is None:
        return False
    return same(family.previous_hash, presented.hash) and abs(now - family.rotated_at) <= GRACE


def _successor(presented: Presented, salt: bytes) -> Presented:
    secret = hmac.digest(from_base64url(presented.secret), salt, hashlib.sha256)
    return Presented(presented.handle, base64url(secret))


def _text(token: Presented) -> str:
    return f"pbr_{token.handle}_{token.secret}"
