"""What Instagram's messages consist of: hearts, shares and stories beside what Messenger has too. No IO.

Media of stories is never stored: it is shown from its address for as long as that works, and so gets no file here.
Sources: Instagram Platform, Webhooks, "messages", the attachment types; Story mentions, "must not be stored".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from patchbay.model.content import StoryMention, StoryReply, Text, Unsupported
from patchbay_meta.messaging.attachments import (
    ATTACHMENTS,
    INSTAGRAM,
    Attachment,
    Said,
    shared,
    unsupported,
    web_url,
)
from patchbay_meta.messaging.event import Event
from patchbay_meta.messaging.messages import Piece, pieces
from patchbay_meta.reading import each, part, text

HEART = "❤️"
_SPOKEN = frozenset({"text", "quick_reply"})


def contents(event: Event, raw: dict[str, Any]) -> list[Piece]:
    """The parts of a message. What is said to a story is one with the story, be it a text or an emoji."""
    raw = {**raw, "attachments": _without_twins(each(raw, "attachments"))}
    story = part(part(raw, "reply_to"), "story")
    if not story:
        return pieces(raw, READERS)
    beside = {name: value for name, value in raw.items() if name not in _SPOKEN}
    return [partial(_story_reply, raw, story), *pieces(beside, READERS)]


def _without_twins(attachments: list[Any]) -> list[Any]:
    """Without the shares that stand beside the same posts as ``ig_post``, as from November 2025 to April 2026."""
    posts = [one for one in attachments if _kind(one) == "ig_post"]
    shares = [one for one in attachments if _kind(one) == "share"]
    paired = len(shares) <= len(posts)  # each post came twice, be its address signed twice or once
    urls = {text(part(post, "payload"), "url") for post in posts}
    twins = [one for one in shares if paired or text(part(one, "payload"), "url") in urls]
    return [one for one in attachments if one not in twins]


def _kind(attachment: Any) -> Any:
    return attachment.get("type") if isinstance(attachment, dict) else None


def _story_reply(raw: dict[str, Any], story: dict[str, Any]) -> Said:
    content = StoryReply(text=text(raw, "text") or "", story_id=text(story, "id"), url=web_url(text(story, "url")))
    answer = text(part(raw, "quick_reply"), "payload")
    return Said(content, context={"quick_reply": answer} if answer else {})


def _story_mention(raw: dict[str, Any]) -> Said:
    return Said(StoryMention(url=web_url(text(part(raw, "payload"), "url"))))


def _story(raw: dict[str, Any]) -> Said:
    """A story that was sent along."""
    payload = part(raw, "payload")
    url = web_url(text(payload, "story_media_url") or text(payload, "url"))
    content = StoryReply(story_id=text(payload, "story_media_id"), url=url)
    return Said(content, context={"share": {"type": "ig_story"}})


def _heart(raw: dict[str, Any]) -> Said:
    """A sticker that has no picture: there is no payload."""
    return Said(Text(text=HEART), context={"like_heart": True})


def _ephemeral(raw: dict[str, Any]) -> Said:
    return Said(Unsupported(provider_type="ephemeral", reason="It could be seen once, in Instagram's app only."))


def _unsupported_type(raw: dict[str, Any]) -> Said:
    return unsupported("unsupported_type", raw, "Instagram does not hand on what this is.")


READERS: Mapping[str, Attachment] = {
    **ATTACHMENTS,
    "share": shared(INSTAGRAM),
    "story_mention": _story_mention,
    "ig_story": _story,
    "like_heart": _heart,
    "ephemeral": _ephemeral,
    "unsupported_type": _unsupported_type,
}
