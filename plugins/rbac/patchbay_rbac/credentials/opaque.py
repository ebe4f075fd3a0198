"""Opaque tokens: 256 random bits that mean nothing by themselves, of which only a hash is kept.

Plain SHA-256 is enough for them, and for every other credential of 112 random bits or more: there is no list of likely
values to try, so a slow hash would buy nothing. It costs a microsecond, and so can be looked up at every request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from patchbay.secrets import Entropy

TOKEN_BYTES: Final = 32  # 256 bits; section 7, "Session", "Refresh", "API key"
RESET_LIFETIME: Final = timedelta(minutes=30)  # E22
INVITE_LIFETIME: Final = timedelta(days=7)  # E22
Purpose = Literal["session", "invite", "reset", "ticket", "refresh"]
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_token(entropy: Entropy = os.urandom) -> str:
    """A token of 43 URL-safe characters."""
    return base64url(entropy(TOKEN_BYTES))


def digest(purpose: Purpose, token: str) -> str:
    """What is kept of a token: 64 hex digits. Bound to its purpose, so that none can be used for another."""
    return hashlib.sha256(f"{purpose}\0{token}".encode("utf-8", "surrogatepass")).hexdigest()


def is_token(text: str) -> bool:
    """Whether the text has the form of a token: what has not need not be looked up."""
    return _TOKEN.fullmatch(text) is not None and canonical(text)


def same(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class OneUse:
    """What is kept of a token that works once: an invitation, a password reset."""

    digest: str
    purpose: Purpose
    expires_at: datetime
    used_at: datetime | None = None


def one_use(purpose: Purpose, token: str, now: datetime, lifetime: timedelta) -> OneUse:
    """What to keep of a token that was just made."""
    return OneUse(digest(purpose, token), purpose, now + lifetime)


def redeem(kept: OneUse, token: str, now: datetime) -> OneUse | None:
    """The same, now used; None when the token is another, was used, or came at its last moment or later.

    Commit the answer with the document's version compared: of many at once, one wins.
    """
    is_right = same(kept.digest, digest(kept.purpose, token))
    if not is_right or kept.used_at is not None or now >= kept.expires_at:
        return None
    return replace(kept, used_at=now)


def base64url(raw: bytes) -> str:
    """Base64 with the URL-safe alphabet, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes of a text whose alphabet was checked before."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def canonical(text: str) -> bool:
    """Whether no other text stands for the same bytes; the alphabet was checked before.

    Otherwise the unused bits of the last character would give every token several spellings.
    """
    return base64url(from_base64url(text)) == text
