"""Cutting a text into parts that a provider takes, without cutting a word or what is shown as one character. No IO.

Whatever the text, the parts joined are the text: nothing is trimmed, added or lost.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

Measure = Callable[[str], int]
_VIRAMA = 9  # canonical combining class of signs that join two consonants into one shape
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
_EXTENDING = frozenset("\u200c\u200d\uff9e\uff9f")


def in_characters(text: str) -> int:
    """The length in code points."""
    return len(text)


def in_bytes(text: str) -> int:
    """The length in UTF-8."""
    return len(text.encode("utf-8", "surrogatepass"))


def split_text(text: str, limit: int, measure: Measure = in_characters) -> tuple[str, ...]:
    """The text in parts of at most ``limit``, which is 4 at least: cut behind white space where there is some in the
    part's second half, else between characters as people see them, and within one only where it alone is longer than a
    part.

    No part is blank, unless there is more white space in one place than a part holds.
    """
    ink = len(text.rstrip())  # the end of what can be seen
    parts, start = [], 0
    while measure(text[start:]) > limit:
        end = _cut(text, start, _reach(text, start, limit, measure), ink)
        parts.append(text[start:end])
        start = end
    return (*parts, text[start:])


def _reach(text: str, start: int, limit: int, measure: Measure) -> int:
    """The farthest end of a part that begins at ``start`` and still fits."""
    fits, beyond = start + 1, min(len(text), start + limit) + 1
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        if measure(text[start:middle]) <= limit:
            fits = middle
        else:
            beyond = middle
    return fits


def _cut(text: str, start: int, reach: int, ink: int) -> int:
    """Where the part that begins at ``start`` ends: ``reach`` or before, with something to see on both sides."""
    first = start + len(text[start:reach]) - len(text[start:reach].lstrip())  # nothing is seen before it
    places = range(min(reach, ink - 1), first, -1)
    middle = (start + reach) // 2  # a part that is nearly empty, for a long word's sake, would look like a mistake
    words = (place for place in places if place > middle and text[place - 1].isspace())
    behind_a_word = (place for place in words if is_boundary(text, place, start))
    between = (place for place in places if is_boundary(text, place, start))
    return next(behind_a_word, None) or next(between, reach)


def is_boundary(text: str, place: int, start: int = 0) -> bool:
    """Whether two characters as people see them meet before ``text[place]``; ``start`` is a place where two do.

    Where it says so, they do; it also keeps together some that Unicode lets part, such as what follows any joiner.
    Source: Unicode Standard Annex 29, Grapheme cluster boundaries.
    """
    if not start < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    if before == "\r":
        return after != "\n"
    if _extends(after) or before == "\u200d" or before in _PREPENDED or unicodedata.combining(before) == _VIRAMA:
        return False
    if _is_flag_letter(before) and _is_flag_letter(after):
        letters = 0
        while place - letters > start and _is_flag_letter(text[place - letters - 1]):
            letters += 1
        return letters % 2 == 0
    return not _hangul_joins(before, after)


def _extends(sign: str) -> bool:
    """Whether it belongs to what stands before it: marks, joiners, skin tones, the letters of a tag."""
    if sign < "\u0300":
        return False
    code = ord(sign)
    return (
        unicodedata.category(sign) in ("Mn", "Mc", "Me")
        or sign in _EXTENDING
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
    )


def _is_flag_letter(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _hangul_joins(before: str, after: str) -> bool:
    match _hangul(before), _hangul(after):
        case ("L", "L" | "V" | "LV" | "LVT") | ("V" | "LV", "V" | "T") | ("T" | "LVT", "T"):
            return True
        case _:
            return False


def _hangul(sign: str) -> str:
    """The kind of Korean letter: leading, vowel, trailing, or a whole syllable; "" for any other sign."""
    if not "\u1100" <= sign <= "\ud7fb":
        return ""
    if sign <= "\u115f" or "\ua960" <= sign <= "\ua97c":
        return "L"
    if "\u1160" <= sign <= "\u11a7" or "\ud7b0" <= sign <= "\ud7c6":
        return "V"
    if "\u11a8" <= sign <= "\u11ff" or sign >= "\ud7cb":
        return "T"
    if "\uac00" <= sign <= "\ud7a3":
        return "LV" if (ord(sign) - 0xAC00) % 28 == 0 else "LVT"
    return ""
