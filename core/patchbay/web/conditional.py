"""ETags are versions: ``If-Match``, ``If-None-Match``."""

from __future__ import annotations

import re

from patchbay.errors import FieldError, Invalid
from patchbay.inbox.versions import require_version

__all__ = ["etag", "expected_version", "is_unchanged", "require_version"]

_ETAG = re.compile(r'(?:W/)?"([^"]*)"')
_VERSION = re.compile(r"[0-9]{1,18}")


def etag(version: int) -> str:
    """The version as an ETag."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version that ``If-Match`` demands; None when it demands none (absent, or ``*``).

    A tag that none of ours could be is a version that never was: 0. Raises ``Invalid`` when it is no single tag.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _ETAG.fullmatch(if_match.strip())
    if tag is None:
        raise Invalid(
            'If-Match takes one ETag as it was given, in quotes, like "3".',
            errors=[FieldError("#If-Match", "invalid", "Not one ETag.")],
        )
    return int(tag[1]) if _VERSION.fullmatch(tag[1]) else 0


def is_unchanged(if_none_match: str | None, version: int) -> bool:
    """Whether the client holds this version already."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return str(version) in _ETAG.findall(if_none_match)
