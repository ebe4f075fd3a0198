"""The words of a rich message: headings, lists, tables and quotations as lines of text. No IO.

Such a message has no ``text``. Source: Telegram Bot API 10.1, "RichMessage", "RichBlock", "RichText".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay_telegram.wire import Odd

DEEPEST = 100  # blocks and texts in each other; Telegram nests blocks 16 deep
_WORDS = ("text", "alternative_text", "expression")  # of a text, a custom emoji, a formula


def words_of(message: Any) -> str:
    """The text, a line for each block that has words. "" when there are none. Raises ``Odd`` when it is too deep."""
    return "\n".join(line for line in _lines(message, 0) if line.strip())


def _lines(block: Any, depth: int) -> Iterator[str]:
    if not isinstance(block, dict):
        return
    yield _text(block.get("summary"), depth)
    if any(name in block for name in _WORDS):
        yield _text(block, depth)
    for item in _each(block, "items"):
        yield from _item(item, depth + 1)
    for row in _each(block, "cells"):
        yield " | ".join(_text(cell, depth) for cell in row) if isinstance(row, list) else ""
    for inner in _each(block, "blocks"):
        yield from _lines(inner, _down(depth))
    yield _text(block.get("caption"), depth)
    yield _text(block.get("credit"), depth)


def _item(item: Any, depth: int) -> Iterator[str]:
    """The lines of an item, the first one behind its label."""
    label = item.get("label") if isinstance(item, dict) else None
    head = f"{label} " if isinstance(label, str) and label else ""
    for line in _lines(item, _down(depth)):
        if line.strip():
            yield head + line
            head = ""


def _text(rich: Any, depth: int) -> str:
    match rich:
        case str():
            return rich
        case list():
            return "".join(_text(part, _down(depth)) for part in rich)
        case dict():
            return next((_text(rich[name], _down(depth)) for name in _WORDS if name in rich), "")
    return ""


def _each(block: dict[str, Any], name: str) -> list[Any]:
    inner = block.get(name)
    return inner if isinstance(inner, list) else []


def _down(depth: int) -> int:
    if depth >= DEEPEST:
        raise Odd("the rich message is nested too deep")
    return depth + 1
