"""Long texts and several cards as the messages that Telegram takes. No IO."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from patchbay.model.content import AnyContent, Contacts, Text

from patchbay_telegram.limits import TEXT_LIMIT, length


def split(content: AnyContent) -> Sequence[AnyContent]:
    """The content as parts, in order. Nothing but white space where a text is parted is lost."""
    match content:
        case Text(text=text) if length(text) > TEXT_LIMIT:
            return tuple(replace(content, text=part) for part in parts_of(text)) or (content,)
        case Contacts(contacts=cards) if len(cards) > 1:
            return tuple(replace(content, contacts=(card,)) for card in cards)
    return (content,)


def parts_of(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Parts of at most ``limit`` characters, none of them blank; parted between paragraphs, lines or words where that
    leaves at least half of a part."""
    parts, rest = [], text.strip()
    while length(rest) > limit:
        head = _head(rest, limit)
        cut = _seam(head, rest) or len(head)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def _head(text: str, limit: int) -> str:
    """The longest beginning within the limit."""
    head = text[:limit]
    while length(head) > limit:
        head = head[: len(head) - max(1, (length(head) - limit) // 2)]
    return head


def _seam(head: str, text: str) -> int:
    """Where to part: at the last gap in the second half of the head, the widest kind first; 0 where there is none."""
    if text[len(head)].isspace():
        return len(head)
    for gap in ("\n\n", "\n", " "):
        at = head.rfind(gap)
        if at >= len(head) // 2:
            return at
    return 0
