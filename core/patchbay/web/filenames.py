"""What files are called by others, made fit to be kept and sent on. No IO."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

MAX_FILENAME = 255  # bytes
_MISLEADING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # x\u202egnp.exe
_NO_CHARACTER = re.compile(r"[\ud800-\udfff]")  # bytes that were no UTF-8, half of a pair: nothing encodes them
_TYPE = re.compile(r"[!-~]{1,127}(?:;[ -~]{0,127})?", re.ASCII)


def clean_filename(given: str | None) -> str | None:
    """The last part of a name, without what could mislead; None when nothing is left."""
    if given is None:
        return None
    plain = _NO_CHARACTER.sub("\ufffd", _MISLEADING.sub("", given))
    name = PurePosixPath(plain.replace("\\", "/")).name.strip(" .")
    while len(name.encode()) > MAX_FILENAME:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem[:-1]}{dot}{suffix}" if stem and len(suffix) < 16 else name[:-1]
    return name or None


def clean_type(declared: str | None) -> str | None:
    """A media type as somebody declared it; None for what cannot be one."""
    return declared if declared is not None and _TYPE.fullmatch(declared) else None
