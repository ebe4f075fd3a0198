"""CSV for people who open it in a spreadsheet: RFC 4180, and no cell that a spreadsheet would run. No IO.

A cell that begins with ``= + - @``, a tab, a carriage return or NUL is a formula to some program; an apostrophe in
front makes it text (E28). Numbers that are numbers here stay numbers; a text that looks like one is text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\0")
WIDE = "\uff1d\uff0b\uff0d\uff20"  # the full-width forms of the same signs, which some programs read alike
_SPECIAL = frozenset('",\r\n')
_SPACES = " \n\u00a0\u200b\ufeff"  # what programs skip before they look

Cell = str | int | float | bool | None


def cell(value: Cell) -> str:
    """One cell. None is an empty one; true and false are words."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = "'" + value if _would_run(value) else value
    text = text.replace("\0", "\ufffd")  # no program reads past it alike
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.intersection(text) or text != text.strip() else text


def row(values: Iterable[Cell]) -> str:
    """One record with its CRLF."""
    cells = [cell(value) for value in values]
    return ("" if cells != [""] else '""') + ",".join(cells) + "\r\n"  # a single empty cell is no empty line


def table(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    """A header and its records, one at a time. Raises ``ValueError`` for a record of another length."""
    yield row(names)
    for values in rows:
        if len(values) != len(names):
            raise ValueError(f"a record has {len(values)} cells, the header {len(names)}")
        yield row(values)


def _would_run(text: str) -> bool:
    bare = text.lstrip(_SPACES)
    return bare.startswith((*ACTIVE, *WIDE)) or text.startswith(ACTIVE)
