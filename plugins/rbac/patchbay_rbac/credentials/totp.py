"""Codes of six digits from an authenticator app (RFC 6238), and the codes on paper for the day the phone is lost.

Nothing is kept in here: the last accepted step and the digests of the codes that are left are the caller's, to be
committed with the version compared before the sign-in is answered. So of many uses of one code at once, one wins (E19).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pyotp import TOTP

from patchbay.errors import ConfigError
from patchbay.secrets import Entropy

from .opaque import same

SEED_BYTES: Final = 20  # 160 bits; section 7, "TOTP"
STEP_S: Final = 30
MAX_WINDOW: Final = 1  # steps to either side; section 7, "TOTP"
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15  # 120 bits each, at least 112 are wanted; 24 characters without padding
MAX_TYPED: Final = 64  # characters; of what is longer nothing is read
_CODE: Final = re.compile(r"[0-9]{6}", re.ASCII)
_RECOVERY_CODE: Final = re.compile(r"[0-9a-hjkmnp-tv-z]{24}", re.ASCII)
# Crockford's alphabet: what is read as a letter O is a zero, an I or L a one, and there is no U.
_TO_CROCKFORD: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")
_AS_READ: Final = str.maketrans("oil", "011", "- \t")


def check_window(window: int) -> int:
    """Raises ``ConfigError`` unless the setting is 0 or 1."""
    if not 0 <= window <= MAX_WINDOW:
        raise ConfigError(
            f"PATCHBAY_RBAC__TOTP_WINDOW is {window}; set 0, or 1 where the clocks of phones are more than "
            f"{STEP_S} s off."
        )
    return window


def new_seed(entropy: Entropy = os.urandom) -> str:
    """160 random bits as base32, as apps take it. Seal it before it is kept."""
    return base64.b32encode(entropy(SEED_BYTES)).decode("ascii")


def provisioning_uri(seed: str, account: str, issuer: str) -> str:
    """``otpauth://totp/...``, what the QR code says. It holds the seed: show it once, never log it."""
    return TOTP(seed).provisioning_uri(name=account, issuer_name=issuer)


def accept(seed: str, code: str, now: datetime, last_step: int | None, window: int = 0) -> int | None:
    """The step whose code this is, None when it is wrong or was used.

    ``last_step`` is the step that was accepted last: only later ones are, so each code works once, and none that came
    before it. Spaces in the code are let pass. Every allowed step is compared, whichever fits.
    """
    typed = code.replace(" ", "")
    if _CODE.fullmatch(typed) is None:
        return None
    machine = TOTP(seed, interval=STEP_S)
    present = int(now.timestamp()) // STEP_S
    reach = check_window(window)
    near = range(max(0, present - reach), present + reach + 1)
    fitting = [step for step in near if same(machine.generate_otp(step), typed)]
    unused = [step for step in fitting if last_step is None or step > last_step]
    return min(unused, default=None)


@dataclass(frozen=True)
class RecoveryCodes:
    """Codes that were just made: ``texts`` are shown this once, ``digests`` are kept."""

    texts: tuple[str, ...] = field(repr=False)
    digests: tuple[str, ...] = field(repr=False)


def new_recovery_codes(entropy: Entropy = os.urandom) -> RecoveryCodes:
    """Ten codes of 120 random bits, in groups of four.

    A plain SHA-256 of each is kept: of 2**120 equally likely codes none can be found by trying, at any speed, so a slow
    hash would protect nothing.
    """
    plain = [_spelled(entropy(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    texts = ("-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in plain)
    return RecoveryCodes(tuple(texts), tuple(_digest(code) for code in plain))


def spend(digests: Sequence[str], text: str) -> tuple[str, ...] | None:
    """The digests that are left when this code is used, None when it is none of them.

    Capitals, spaces and dashes do not matter, nor what is easily misread. All digests are compared.
    """
    code = text.lower().translate(_AS_READ) if len(text) <= MAX_TYPED else ""
    if _RECOVERY_CODE.fullmatch(code) is None:
        return None
    presented = _digest(code)
    left = tuple(kept for kept in digests if not same(kept, presented))
    return left if len(left) < len(digests) else None


def _spelled(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").translate(_TO_CROCKFORD)


def _digest(code: str) -> str:
    return hashlib.sha256(f"recovery code\0{code}".encode("ascii")).hexdigest()
