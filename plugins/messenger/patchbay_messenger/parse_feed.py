"""The page's feed: comments, visitors' posts, reactions, mentions. No IO.

A comment is a message that opens no window; whoever wrote it has the same kind of id as in a chat. What the page itself
wrote comes back too, and is none of the inbox's. Times are Unix seconds.
Source: Graph API, Webhooks, Page, "feed" and "mention".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from patchbay.channel.inbound import (
    AccountNotice,
    Ignored,
    InboundEvent,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    ReactionChanged,
    RemoteMedia,
    Unrecognised,
)
from patchbay.model.content import Image, MediaRef, Text, Unsupported, Video
from patchbay_meta.messaging import COMMENT, POST
from patchbay_meta.messaging.attachments import Said, web_url
from patchbay_meta.messaging.envelope import Event, Update
from patchbay_meta.messaging.people import person_of
from patchbay_meta.messaging.reactions import emoji_of
from patchbay_meta.reading import Odd, digest, kept, moment_of, part, text

POSTS = ("post", "status", "photo", "video", "share")  # items that are a post
REACTIONS = ("reaction", "like")
_IDS = {"comment": "comment_id", **dict.fromkeys(POSTS, "post_id")}
_PREFIXES = {"comment": COMMENT, "post": POST}
ADDED, EDITED, REMOVED = ("add",), ("edited", "edit"), ("remove",)
MODERATED = ("hide", "unhide", "block", "unblock", "mute", "unmute", "follow")  # nothing that anybody said changed


def feed(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """One thing that happened. ``created_time`` may stay that of the first writing, so changes go by the entry's."""
    item, verb = text(raw, "item") or "item", text(raw, "verb") or "verb"
    created_at, told_at = moment_of(raw.get("created_time")), event.occurred_at
    if verb in ADDED or item in REACTIONS:
        happened_at = created_at or told_at
        key = event.key(item, text(raw, _IDS[item])) if item in _IDS else event.key(f"{item}_{verb}")
    else:
        happened_at = told_at or created_at
        key = digest(f"{item}_{verb}", told_at.isoformat() if told_at else None, raw)
    event = replace(event, occurred_at=happened_at, person=_author(raw))
    read = _comment if item == "comment" else _reaction if item in REACTIONS else _post if item in POSTS else _other
    yield Update(key, lambda: read(event, raw, key))


def _author(raw: dict[str, Any]) -> Person | None:
    """Who it was; older bodies name them beside, and without a permission nobody is named."""
    return person_of("psid", part(raw, "from")) or person_of(
        "psid", {"id": text(raw, "sender_id"), "name": text(raw, "sender_name")}
    )


def _is_own(event: Event) -> bool:
    return event.person is not None and event.person.keys[0].value == event.entry_id


def _comment(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    id = text(raw, "comment_id")
    if id is None:
        raise Odd("the comment has no id")
    post_id, parent_id = text(raw, "post_id"), text(raw, "parent_id")
    url = web_url(text(part(raw, "post"), "permalink_url")) or web_url(text(raw, "permalink_url"))
    about = {"id": id, "post_id": post_id, "parent_id": parent_id, "url": url}
    answered = COMMENT + parent_id if parent_id and parent_id != post_id else None
    return _written(event, raw, key, "comment", about, answered)


def _post(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    id = text(raw, "post_id")
    if id is None:
        raise Odd("the post has no id")
    url = web_url(text(part(raw, "post"), "permalink_url")) or web_url(text(raw, "permalink_url"))
    return _written(event, raw, key, "post", {"id": id, "item": text(raw, "item"), "url": url}, None)


def _written(
    event: Event, raw: dict[str, Any], key: str, kind: str, about: dict[str, str | None], answered: str | None
) -> InboundEvent:
    """A comment or a post: written, changed or taken away."""
    verb, target = text(raw, "verb"), f"{_PREFIXES[kind]}{about['id']}"
    if _is_own(event):
        return Ignored(occurred_at=event.moment(), reason=f"the page's own {kind}")
    if verb in REMOVED:
        return MessageDeleted(occurred_at=event.moment(), external_id=key, target=target)
    if verb in EDITED:
        said = _said(raw, kind)
        return MessageEdited(
            occurred_at=event.moment(), external_id=key, target=target, content=said.content, media=said.media
        )
    if verb in MODERATED:
        return Ignored(occurred_at=event.moment(), reason=f"{kind}: {verb}")
    if verb not in ADDED:
        return _other(event, raw, key)
    context = {kind: {name: value for name, value in about.items() if value}}
    said = _said(raw, kind)
    if event.person is None:
        return AccountNotice(
            occurred_at=event.moment(),
            notice=kind,
            text=f"Somebody wrote a {kind}; who it was is not told.",
            data=kept({**context, "message": text(raw, "message")}),
        )
    return MessageReceived(
        occurred_at=event.moment(),
        external_id=target,
        sender=event.person,
        content=said.content,
        media=said.media,
        reply_to=answered,
        context=context,
        opens_window=False,
    )


def _said(raw: dict[str, Any], kind: str) -> Said:
    """The text, or the picture or clip with the text under it."""
    spoken = text(raw, "message")
    link = web_url(text(raw, "link")) if text(raw, "item") in ("photo", "video") else None
    clip = web_url(text(raw, "video")) or (link if text(raw, "item") == "video" else None)
    if clip is not None:
        return Said(Video(media=MediaRef(id=""), caption=spoken), RemoteMedia(url=clip))
    picture = web_url(text(raw, "photo")) or link
    if picture is not None:
        return Said(Image(media=MediaRef(id=""), caption=spoken), RemoteMedia(url=picture))
    if spoken is None:
        return Said(Unsupported(provider_type=kind, reason=f"The {kind} came without its content."))
    return Said(Text(text=spoken))


def _reaction(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """To a comment it is shown there; posts are nothing that the inbox shows."""
    comment_id, verb = text(raw, "comment_id"), text(raw, "verb")
    if comment_id is None:
        return Ignored(occurred_at=event.moment(), reason="a reaction to a post")
    if _is_own(event):
        return Ignored(occurred_at=event.moment(), reason="the page's own reaction")
    if verb not in (*ADDED, *EDITED, *REMOVED):
        return _other(event, raw, key)
    name = text(raw, "reaction_type") or ("like" if text(raw, "item") == "like" else None)
    return ReactionChanged(
        occurred_at=event.moment(),
        external_id=key,
        target=COMMENT + comment_id,
        person=event.known_person(),
        emoji=None if verb in REMOVED else emoji_of(name),
    )


def _other(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    what = ".".join(word for word in ("feed", text(raw, "item"), text(raw, "verb")) if word)
    return Unrecognised(occurred_at=event.moment(), what=what, reason="Changes of this kind are not known here.")


def mention(event: Event, raw: dict[str, Any], key: str) -> InboundEvent:
    """Somebody named the page in a post or a comment; who it was is not told."""
    place = "comment" if text(raw, "comment_id") else "post"
    said = text(raw, "message")
    return AccountNotice(
        occurred_at=moment_of(raw.get("created_time")) or event.moment(),
        notice="mention",
        text=f"The page was mentioned in a {place}" + (f": {said}" if said else "."),
        data=kept(raw),
    )
