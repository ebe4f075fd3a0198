"""Saying no: the words that all limits share. No IO."""

from __future__ import annotations

import re
from typing import NoReturn

from patchbay.errors import Unsupported

_WEB = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


def refuse(pointer: str, reason: str, hint: str) -> NoReturn:
    """Raise ``Unsupported``; ``pointer`` is a JSON pointer below the content."""
    raise Unsupported(reason, pointer="/content" + pointer, hint=hint)


def check_text(value: str | None, pointer: str, limit: int, hint: str = "Make it shorter.", *, least: int = 1) -> None:
    """A text of ``least`` to ``limit`` characters, with more in it than spaces."""
    length = len(value or "")
    if length > limit:
        refuse(pointer, f"The text has {length} characters; WhatsApp takes {limit}.", hint)
    if least and not (value or "").strip():
        refuse(pointer, "The text is empty.", "Give a text.")


def check_link(url: str | None, pointer: str) -> None:
    """An address that a phone can open."""
    if not url or not _WEB.fullmatch(url):
        refuse(pointer, "A link starts with https:// or http://.", "Give the whole address.")
