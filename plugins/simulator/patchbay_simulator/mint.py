"""Ids as Meta makes them: opaque to whoever reads them, unique across runs, reproducible from a seed and a clock."""

from __future__ import annotations

import base64
import hashlib
from random import Random

from patchbay_simulator.clock import SimClock

_TRACE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"


class Mint:
    """Makes ids. The moment is part of message ids: two runs with one seed never make the same message twice."""

    def __init__(self, rng: Random, clock: SimClock) -> None:
        self._rng = rng
        self._clock = clock
        self._count = 0

    def _serial(self) -> str:
        self._count += 1
        return f"{int(self._clock.now() * 1000):011X}{self._count & 0xFFFFF:05X}{self._rng.getrandbits(16):04X}"

    def wamid(self, phone: str) -> str:
        """``wamid.`` and base64 that wraps a phone number and a serial, at most 128 characters."""
        raw = b"\x1d\x0b" + phone[:15].encode() + b"\x15\x02\x00\x12\x18\x14" + self._serial().encode() + b"\x00"
        return "wamid." + base64.b64encode(raw).decode()

    def mid(self, channel: str) -> str:
        """A message id of Messenger (``m_``) or Instagram (base64, some 180 characters)."""
        noise = "".join(self._rng.choices(_TRACE, k=96))
        if channel == "messenger":
            return f"m_{self._serial()}{noise}"
        text = f"item_1:IGMessageID:{self.number(17)}:{self.number(39)}:{self._serial()}"
        return "aWdfZAG1f" + base64.urlsafe_b64encode((text + noise[:40]).encode()).decode().rstrip("=") + "ZD"

    def wacid(self) -> str:
        return "wacid." + base64.b64encode(self._serial().encode()).decode()

    def number(self, digits: int = 16) -> str:
        """A decimal id such as media, templates and accounts have."""
        self._count += 1
        return str(self._rng.randrange(10 ** (digits - 1), 9 * 10 ** (digits - 1)) + self._count)

    def trace(self) -> str:
        """An ``fbtrace_id``."""
        return "A" + "".join(self._rng.choices(_TRACE, k=22))

    def secret(self) -> str:
        return f"{self._rng.getrandbits(128):032x}"

    def group(self, phone: str) -> str:
        return base64.urlsafe_b64encode(f"capi_group:{phone}:{self.number(18)}".encode()).decode().rstrip("=")


def scoped_id_of(account: str, person: str) -> str:
    """The id that a page or an Instagram account knows a person by: always the same, another one for each account."""
    return str(7 * 10**15 + int.from_bytes(hashlib.sha256(f"{account}:{person}".encode()).digest()[:6], "big"))


def bsuid_of(phone: str) -> str:
    """A business-scoped user id for a phone, always the same and not telling it: country, a dot, 20 digits."""
    return f"US.{int.from_bytes(hashlib.sha256(phone.encode()).digest()[:8], 'big'):020d}"
