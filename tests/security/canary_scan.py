"""Canaries: values that nobody else would write, handed to a gateway as secrets and as texts, and looked for after."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

SHORTEST = 12  # characters that must be found for a value to have leaked: its first part will do
CODE = 6  # digits of a second factor, which are looked for as they are


@dataclass
class Canaries:
    """By name, what must not be read. ``shown`` names the answers that a secret is given by, which is their purpose."""

    secrets: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def secret(self, name: str) -> str:
        """A secret of this name, which passes for a good one."""
        return self.learn(name, _drawn(f"secret {name}"))

    def text(self, name: str) -> str:
        """A word for a text, a name or a file."""
        return self.texts.setdefault(name, "Zq" + re.sub(r"[^A-Za-z0-9]", "x", _drawn(f"text {name}"))[:18])

    def phone(self, name: str) -> str:
        """A telephone number, as digits."""
        return self.texts.setdefault(name, "4915" + str(int(hashlib.sha256(name.encode()).hexdigest(), 16))[:9])

    def learn(self, name: str, secret: str) -> str:
        """A secret that the gateway made."""
        assert len(secret) >= CODE, name
        return self.secrets.setdefault(name, secret)


def held(wanted: dict[str, str], read: str) -> list[str]:
    """The names of those that can be read here: as they are, cut off, or only spelled otherwise."""
    return sorted(name for name, value in wanted.items() if any(each.search(read) for each in _patterns(value)))


def _patterns(value: str) -> Iterator[re.Pattern[str]]:
    if value.isdigit() and len(value) == CODE:
        yield re.compile(rf"(?<![\d.]){value}(?!\d)")
        return
    raw = value.encode()
    spellings = {value, quote(value, safe=""), json.dumps(value)[1:-1], raw.hex(), value[::-1]}
    yield from (re.compile(re.escape(each[:SHORTEST]), re.IGNORECASE) for each in spellings if each)
    for shift in range(3):  # base64 of it, wherever it began in what was encoded
        encoded = base64.b64encode(b"\0" * shift + raw).decode()[4 if shift else 0 : -4]
        if len(encoded) >= SHORTEST:
            yield re.compile(re.escape(encoded))


def _drawn(name: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(f"canary {name}".encode()).digest()).decode()[:32]
