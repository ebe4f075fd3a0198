"""Names, addresses and places as people type them. No IO."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from zoneinfo import ZoneInfo

from patchbay.errors import FieldError, Invalid

LONGEST_EMAIL: Final = 254  # characters; RFC 5321, 4.5.3.1
LONGEST_NAME: Final = 200
# One "@", with 64 characters before it at most (RFC 5321, 4.5.3.1), and nothing that would end an address in a mail's
# header. The host may have no dot: mail within one network.
_EMAIL: Final = re.compile(
    r'[^\s@<>()\[\],;:\\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\],;:\\"\x00-\x1f\x7f.]{1,63}'
    r'(?:\.[^\s@<>()\[\],;:\\"\x00-\x1f\x7f.]{1,63})*'
)
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)


def email_of(text: str) -> str:
    """The address without space around it. Raises ``Invalid``."""
    email = unicodedata.normalize("NFC", text.strip())
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        raise wrong("/email", "Write an e-mail address like mara@example.org.")
    return email


def name_of(text: str, pointer: str = "/name") -> str:
    """The name on one line, without space around it. Raises ``Invalid``."""
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > LONGEST_NAME:
        raise wrong(pointer, f"A name has 1 to {LONGEST_NAME} characters.", "length")
    if any(unicodedata.category(one) in ("Cc", "Zl", "Zp") for one in name):
        raise wrong(pointer, "A name stands on one line.")
    return name


def time_zone_of(name: str | None, pointer: str = "/time_zone") -> str | None:
    """A name of the IANA time zone database. Raises ``Invalid``."""
    if name is None or name == "UTC":
        return name
    try:
        if _ZONE.fullmatch(name) is None or name.startswith(("posix/", "right/")):
            raise ValueError(name)
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # no such name; a folder of the database; a file that is none of it
        raise wrong(pointer, "Name an IANA time zone, like Europe/Lisbon.") from None
    return name


def locale_of(name: str | None) -> str | None:
    """A language tag. Raises ``Invalid``."""
    if name is not None and _LOCALE.fullmatch(name) is None:
        raise wrong("/locale", "Name a language, like en or pt-BR.")
    return name


def wrong(pointer: str, message: str, code: str = "invalid") -> Invalid:
    """What is wrong with one field."""
    return Invalid(f"{pointer}: {message}", errors=[FieldError(pointer, code, message)])
