"""Webhook payloads of Messenger (object ``page``) and Instagram. No IO.

Sources: Messenger Platform, Webhook events reference; Instagram Messaging, Webhooks and examples; Graph API, Webhooks
for pages (feed). Times are milliseconds in messaging events and seconds in changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patchbay_simulator.pages import Account, Comment, Profile, Thread

PAGE_INBOX = 263902037430900  # the app_id of what people write in the Page Inbox
INSTAGRAM_INBOX = 1217981644879628
_REACTIONS = {"❤️": "love", "😆": "laugh", "😮": "wow", "😢": "sad", "😠": "angry", "👍": "like"}
_MESSENGER_REACTIONS = {**_REACTIONS, "😀": "smile", "👎": "dislike"}
Part = Literal["messaging", "standby", "changes"]


@dataclass(frozen=True)
class PageUpdate:
    """One event of an account. Updates of one ``lane`` leave in order; ``field`` is what one subscribes to."""

    account: Account
    field: str
    part: Part
    item: Mapping[str, Any]
    lane: str


def page_body(updates: Sequence[PageUpdate], now: float) -> bytes:
    """A POST body for updates of one object. What is not ASCII is escaped, as Meta does before it signs."""
    entries: list[dict[str, Any]] = []
    for item in updates:
        if not entries or entries[-1]["id"] != item.account.entry_id or item.part not in entries[-1]:
            at = int(now) if item.part == "changes" else int(now * 1000)
            entries.append({"id": item.account.entry_id, "time": at, item.part: []})
        entries[-1][item.part].append(item.item)
    body = {"object": "instagram" if updates[0].account.on_instagram else "page", "entry": entries}
    return json.dumps(body, ensure_ascii=True, separators=(",", ":")).encode()


def from_person(thread: Thread, at: float, key: str, value: Any) -> dict[str, Any]:
    """An event that the person caused."""
    return {
        "sender": {"id": thread.scoped_id},
        "recipient": {"id": thread.account.id},
        "timestamp": _ms(at),
        key: value,
    }


def from_account(thread: Thread, at: float, key: str, value: Any) -> dict[str, Any]:
    """An event that the account caused: sender and recipient are the other way round."""
    return {
        "sender": {"id": thread.account.id},
        "recipient": {"id": thread.scoped_id},
        "timestamp": _ms(at),
        key: value,
    }


def echo(thread: Thread, at: float, mid: str, shape: Mapping[str, Any], app_id: int, metadata: str | None) -> Any:
    """What the account wrote. Messenger says which app sent it and its metadata; Instagram the mid alone."""
    message: dict[str, Any] = {"mid": mid, **shape, "is_echo": True}
    if not thread.account.on_instagram:
        message["app_id"] = app_id
        if metadata is not None:
            message["metadata"] = metadata
    return from_account(thread, at, "message", message)


def delivered(thread: Thread, at: float, mid: str, sent_at: float) -> Any:
    """Messenger alone tells that a message arrived: everything up to the watermark."""
    return from_person(thread, at, "delivery", {"mids": [mid], "watermark": _ms(sent_at)})


def seen(thread: Thread, at: float, mid: str, sent_at: float) -> Any:
    """Messenger: everything up to the watermark was read. Instagram: this message was."""
    value = {"mid": mid} if thread.account.on_instagram else {"watermark": _ms(sent_at)}
    return from_person(thread, at, "read", value)


def reaction(thread: Thread, at: float, mid: str, emoji: str) -> Any:
    """A reaction to a message; without an emoji it is taken back."""
    value: dict[str, Any] = {"mid": mid, "action": "react" if emoji else "unreact"}
    if emoji:
        names = _REACTIONS if thread.account.on_instagram else _MESSENGER_REACTIONS
        value |= {"reaction": names.get(emoji, "other"), "emoji": emoji}
    return from_person(thread, at, "reaction", value)


def copied(item: Mapping[str, Any]) -> dict[str, Any]:
    """An event as an app gets it that does not own the thread: of a postback only the title."""
    if "postback" not in item:
        return dict(item)
    return {**item, "postback": {key: value for key, value in item["postback"].items() if key != "payload"}}


def comment_change(comment: Comment, verb: str, *, photo: str | None = None) -> dict[str, Any]:
    """A comment or a visitor's post as a change: ``feed`` on a page, ``comments`` on Instagram."""
    thread = comment.thread
    if thread.account.on_instagram:
        return {"field": "comments", "value": _instagram_comment(comment)}
    value: dict[str, Any] = {
        "item": comment.kind,
        "verb": verb,
        "from": _commenter(thread.profile, thread.scoped_id),
        "post_id": comment.post_id,
        "created_time": int(comment.at),
    }
    if comment.kind == "comment":
        value |= {"comment_id": comment.id, "parent_id": comment.parent_id or comment.post_id}
        value["post"] = {"id": comment.post_id, "is_published": True, "permalink_url": _permalink(comment.post_id)}
    if verb != "remove":
        value["message"] = comment.text
        if photo is not None:
            value["photo"] = photo
    return {"field": "feed", "value": value}


def _instagram_comment(comment: Comment) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": comment.id,
        "text": comment.text,
        "from": {"id": comment.thread.scoped_id, "username": comment.thread.profile.username},
        "media": {"id": comment.post_id, "media_product_type": "FEED"},
    }
    return {**value, "parent_id": comment.parent_id} if comment.parent_id else value


def _commenter(profile: Profile, scoped_id: str) -> dict[str, str]:
    return {"id": scoped_id, **({"name": profile.spec.name} if profile.spec.name else {})}


def _permalink(post_id: str) -> str:
    page, _, post = post_id.partition("_")
    return f"https://www.facebook.com/{page}/posts/{post}"


def _ms(at: float) -> int:
    return int(at * 1000)
