"""API keys: ``pb_{prefix}_{secret}``. The prefix is shown in lists and logs, of the rest only a hash is kept.

The form is fixed, so that scanners of source code can find a key that was committed by mistake.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from patchbay.secrets import Entropy

from .opaque import TOKEN_BYTES, base64url, canonical, same

LIFETIME: Final = timedelta(days=90)  # unless the key is made with another; section 7, "API key"
PREFIX_BYTES: Final = 5  # 40 bits: eight characters
_KEY: Final = re.compile(r"pb_([a-z2-7]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_NOBODYS: Final = "0" * 64


@dataclass(frozen=True)
class PresentedKey:
    """A key as somebody sent it: where to look it up, and what to compare."""

    prefix: str
    digest: str = field(repr=False)

    def is_the_one(self, stored_digest: str | None) -> bool:
        """Whether this is the key whose digest was kept; None (no key has the prefix) takes as long as a wrong one."""
        is_equal = same(self.digest, _NOBODYS if stored_digest is None else stored_digest)
        return is_equal and stored_digest is not None


@dataclass(frozen=True)
class NewKey:
    """A key that was just made. ``text`` is shown to its owner this once; keep ``prefix`` and ``digest``."""

    prefix: str
    digest: str = field(repr=False)
    text: str = field(repr=False)


def new_key(entropy: Entropy = os.urandom) -> NewKey:
    """A new key: 40 random bits that name it, 256 that prove it. The prefix must be unique in the store."""
    prefix = base64.b32encode(entropy(PREFIX_BYTES)).decode("ascii").lower()
    text = f"pb_{prefix}_{base64url(entropy(TOKEN_BYTES))}"
    return NewKey(prefix, _digest(text), text)


def parse(text: str) -> PresentedKey | None:
    """What the text says, None when it is no key of ours: another authenticator may know it."""
    found = _KEY.fullmatch(text)
    if found is None or not canonical(found[2]):
        return None
    return PresentedKey(found[1], _digest(text))


def _digest(text: str) -> str:
    return hashlib.sha256(f"api key\0{text}".encode("ascii")).hexdigest()
