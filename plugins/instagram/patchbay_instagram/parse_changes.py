"""Changes: comments, mentions, and how a story did. No IO.

A comment is a message that opens no window: it may be answered in private once, within 7 days. There is no webhook for
a comment that is edited or removed. Source: Instagram Platform, Webhooks, fields "comments", "live_comments",
"mentions" and "story_insights".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchbay.channel.inbound import AccountNotice, Ignored, InboundEvent, MessageReceived, Person
from patchbay.model.content import AnyContent, Text, Unsupported
from patchbay_meta.messaging import COMMENT
from patchbay_meta.messaging.event import Event, Update, Updates, single
from patchbay_meta.messaging.people import scoped_key
from patchbay_meta.reading import Odd, kept, part, text

LIVE = "LIVE"  # a comment during a broadcast can be answered in private only while it lasts
_MEDIA = ("media_product_type", "ad_id", "ad_title", "original_media_id")
_INSIGHTS = ("impressions", "reach", "replies")


def comments(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """The value is one comment. One on an advertisement may come a second time, for the post that was promoted."""
    yield Update(event.key("comment", text(raw, "id")), lambda: _comment(event, raw))


def _comment(event: Event, raw: dict[str, Any]) -> InboundEvent:
    id = text(raw, "id")
    if id is None:
        raise Odd("the comment has no id")
    author = part(raw, "from")
    if event.entry_id is not None and text(author, "id") == event.entry_id:
        return Ignored(occurred_at=event.moment(), reason="the account's own comment")
    person = _author(author)
    if person is None:
        said = "Somebody commented; Instagram does not say who."
        return AccountNotice(occurred_at=event.moment(), notice="comment", text=said, data=kept(raw))
    parent = text(raw, "parent_id")
    return MessageReceived(
        occurred_at=event.moment(),
        external_id=COMMENT + id,
        sender=person,
        content=_content(raw),
        reply_to=COMMENT + parent if parent else None,
        context={"comment": _about(event, raw, id, parent)},
        opens_window=False,
    )


def _author(author: dict[str, Any]) -> Person | None:
    """By the id that messages name the person by, where it is given, and by the comment's own."""
    ids = [id for name in ("self_ig_scoped_id", "id") if (id := text(author, name))]
    keys = tuple(scoped_key("igsid", id) for id in dict.fromkeys(ids))
    return Person(keys=keys, username=text(author, "username")) if keys else None


def _content(raw: dict[str, Any]) -> AnyContent:
    written = text(raw, "text")
    if written is None:
        return Unsupported(provider_type="comment", reason="The comment came without its text.")
    return Text(text=written)


def _about(event: Event, raw: dict[str, Any], id: str, parent: str | None) -> dict[str, Any]:
    """What was commented on, and where in the discussion."""
    media = part(raw, "media")
    told: dict[str, str | None] = {
        "id": id,
        "media_id": text(media, "id"),
        "parent_id": parent,
        **{name: text(media, name) for name in _MEDIA},
    }
    about: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if event.field == "live_comments" or about.get("media_product_type") == LIVE:
        about["live"] = True
    return about


def mentions(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """Ids only: who wrote what is to be asked for, and only accounts with a linked page may."""
    media = text(raw, "media_id")
    yield Update(event.key("mention", media, text(raw, "comment_id") or "caption"), lambda: _mention(event, raw))


def _mention(event: Event, raw: dict[str, Any]) -> InboundEvent:
    where = "a comment" if text(raw, "comment_id") else "a caption"
    return AccountNotice(
        occurred_at=event.moment(), notice="mention", text=f"The account was mentioned in {where}.", data=kept(raw)
    )


def _insights(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """What is below 5 comes as -1."""
    told = ", ".join(f"{name} {_count(count)}" for name in _INSIGHTS if (count := text(raw, name)))
    return AccountNotice(
        occurred_at=event.moment(),
        notice="story_insights",
        text=f"A story ended: {told}." if told else "A story ended.",
        data=kept(raw),
    )


def _count(count: str) -> str:
    return "below 5" if count == "-1" else count


story_insights: Updates = single(_insights)
