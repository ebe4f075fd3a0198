"""A webhook's bytes to items: one update, and for a group what it is called now. No IO.

Source: Telegram Bot API, "Update". An update does not say which bot it is for: the webhook's path does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import ValidationError, convert
from patchbay.channel import (
    UNDATED,
    AccountRef,
    IdentityRekeyed,
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageEdited,
    MessageReceived,
    PersonChanged,
    ReactionChanged,
    ThreadNotice,
    Unrecognised,
)
from patchbay.errors import BadPayload
from patchbay.model.content import InteractiveReply
from patchbay.model.message import Referral
from patchbay.model.times import from_unix

from patchbay_telegram.contents import said
from patchbay_telegram.names import message_name, press_name
from patchbay_telegram.notices import notice_of
from patchbay_telegram.people import author_of, chat_person, group_of, person_of
from patchbay_telegram.wire import (
    CallbackQuery,
    ChatMemberUpdated,
    Message,
    MessageReaction,
    Odd,
    ReactionType,
    kept,
)

START = "/start "  # Source: Bot features, Deep linking: what follows is the parameter of the link
GONE = ("left", "kicked")
IGNORED: Mapping[str, str] = {
    "channel_post": "A post in a channel is for everybody: it is no conversation.",
    "edited_channel_post": "A post in a channel is for everybody: it is no conversation.",
    "message_reaction_count": "A count of anonymous reactions names nobody.",
    "chat_member": "Who else comes and goes is told by the group's messages.",
}


def parse(body: bytes) -> tuple[Item | Malformed, ...]:
    """The items of an update. Raises ``BadPayload`` when it is none, and nothing else."""
    try:
        update = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's errors, and those of text that is not UTF-8
        raise BadPayload("the body is not JSON") from error
    id = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < 2**63:
        raise BadPayload("the body is not an update: it has no update_id")
    key, kinds = f"update:{id}", [name for name in update if name != "update_id"]
    kind = next((name for name in kinds if name in _READ), kinds[0] if kinds else "update")
    return _read(key, kind, update.get(kind))


def _read(key: str, kind: str, raw: Any) -> tuple[Item | Malformed, ...]:
    read = _READ.get(kind)
    if read is None:
        return (_item(0, key, _unread(kind)),)
    if not isinstance(raw, dict):
        return (Malformed(index=0, key=key, error=f"{kind}: it is not an object"),)
    try:
        events = read(raw, key)
    except (ValidationError, Odd) as error:
        return (Malformed(index=0, key=key, error=f"{kind}: {error}"),)
    last = len(events) - 1  # the update itself; what goes before it has a key of its own
    return tuple(
        _item(at, key if at == last else f"{key}:{event.__struct_config__.tag}", event)
        for at, event in enumerate(events)
    )


def _item(index: int, key: str, event: InboundEvent) -> Item:
    return Item(index=index, key=key, account=AccountRef(), event=event)


def _unread(kind: str) -> InboundEvent:
    if kind in IGNORED:
        return Ignored(occurred_at=UNDATED, reason=IGNORED[kind])
    reason = "Nothing is in it." if kind == "update" else "Updates of this kind are not known here."
    return Unrecognised(occurred_at=UNDATED, what=kind[:64], reason=reason)


def _message(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    message = convert(raw, Message)
    if message.chat.type == "channel":
        return [_unread("channel_post")]
    event = notice_of(message, raw) or _received(message, raw)
    if isinstance(event, IdentityRekeyed):  # before it, the new name must not become somebody of its own
        return [event]
    return [*_called(message), event]


def _called(message: Message) -> list[InboundEvent]:
    """What a group is called now: nothing else of a message names the group by more than its number."""
    if not message.chat.is_group or not message.chat.title:
        return []
    return [PersonChanged(occurred_at=message.sent_at, person=chat_person(message.chat))]


def _received(message: Message, raw: dict[str, Any]) -> MessageReceived:
    content, media, context = said(message, raw)
    reply = message.reply_to_message
    return MessageReceived(
        occurred_at=message.sent_at,
        external_id=message_name(message.chat.id, message.message_id),
        sender=author_of(message),
        group=group_of(message.chat),
        content=content,
        media=media,
        reply_to=None if reply is None else message_name(reply.chat.id, reply.message_id),
        forwarded="forward_origin" in raw,
        referral=_referral(message),
        context={**_around(message, raw), **context},
    )


def _referral(message: Message) -> Referral | None:
    text = message.text or ""
    if message.chat.type != "private" or not text.startswith(START) or not text[len(START) :].strip():
        return None
    return Referral(source_type="deep_link", source_id=text[len(START) :].strip())


def _around(message: Message, raw: dict[str, Any]) -> dict[str, Any]:
    """What stands around the content and has no field: formatting, album, topic, origin, the quoted words."""
    context: dict[str, Any] = {}
    for name in ("forward_origin", "quote"):
        if name in raw:
            context[name] = kept(raw[name])
    if entities := raw.get("entities") or raw.get("caption_entities"):
        context["entities"] = kept(entities)
    if message.media_group_id:
        context["media_group_id"] = message.media_group_id
    if message.message_thread_id is not None:
        context["message_thread_id"] = message.message_thread_id
    if message.via_bot is not None and message.via_bot.username:
        context["via_bot"] = message.via_bot.username
    return context


def _edited(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """The whole message as it reads now; a live location that moved is an edit, too."""
    message = convert(raw, Message)
    if message.chat.type == "channel":
        return [_unread("edited_channel_post")]
    content, media, _ = said(message, raw)
    return [
        MessageEdited(
            occurred_at=from_unix(message.edit_date or message.date),
            external_id=key,
            target=message_name(message.chat.id, message.message_id),
            content=content,
            media=media,
        )
    ]


def _pressed(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """A button was pressed. Telegram does not say when, so it happened when it arrived."""
    query = convert(raw, CallbackQuery)
    if query.data is None:
        return [Unrecognised(occurred_at=UNDATED, what="callback_query", reason="It is the button of a game.")]
    at = query.message
    chat, number = (None, None) if at is None else (at.chat.id, at.message_id)
    return [
        MessageReceived(
            occurred_at=UNDATED,
            external_id=press_name(query.id, chat, number),
            sender=person_of(query.sender),
            group=None if at is None else group_of(at.chat),
            content=InteractiveReply(kind="button", id=query.data, title=_label(raw.get("message"), query.data)),
            reply_to=None if at is None else message_name(at.chat.id, at.message_id),
        )
    ]


def _label(message: Any, data: str) -> str:
    """What stands on the button with this data; "" where the keyboard did not come along."""
    markup = message.get("reply_markup") if isinstance(message, dict) else None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    buttons = [one for row in rows if isinstance(row, list) for one in row] if isinstance(rows, list) else []
    labels = [one.get("text") for one in buttons if isinstance(one, dict) and one.get("callback_data") == data]
    return next((label for label in labels if isinstance(label, str)), "")


def _reacted(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """What a person's reactions to a message are now; several stand in one text, none takes them back."""
    change = convert(raw, MessageReaction)
    if change.chat.type == "channel":
        return [_unread("message_reaction_count")]
    if change.user is not None:
        person = person_of(change.user)
    elif change.actor_chat is not None:
        person = chat_person(change.actor_chat)
    else:
        raise Odd("nobody is named")
    return [
        ReactionChanged(
            occurred_at=from_unix(change.date),
            external_id=key,
            target=message_name(change.chat.id, change.message_id),
            person=person,
            emoji="".join(map(_sign, change.new_reaction)) or None,
        )
    ]


def _sign(reaction: ReactionType) -> str:
    """An emoji; a custom one, which is a picture, by its id; a paid one by the star that it shows."""
    match reaction:
        case ReactionType(type="emoji", emoji=str(emoji)):
            return emoji
        case ReactionType(type="paid"):
            return "\N{WHITE MEDIUM STAR}"
    return f":{reaction.type}_{reaction.custom_emoji_id or ''}:"


def _membership(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """The bot was blocked, taken back, added to a group or removed from it."""
    change = convert(raw, ChatMemberUpdated)
    if change.chat.type == "channel":
        return [_unread("channel_post")]
    was, is_now = change.old_chat_member.status, change.new_chat_member.status
    if change.chat.is_group:
        notice = "bot_removed" if is_now in GONE else "bot_added" if was in GONE else "bot_rights_changed"
    else:
        notice = "bot_blocked" if is_now in GONE else "bot_unblocked"
    return [
        ThreadNotice(
            occurred_at=from_unix(change.date),
            external_id=key,
            notice=notice,
            person=person_of(change.sender),
            group=group_of(change.chat),
            data={"old_status": was, "new_status": is_now},
        )
    ]


_READ: Mapping[str, Callable[[dict[str, Any], str], list[InboundEvent]]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _pressed,
    "message_reaction": _reacted,
    "my_chat_member": _membership,
}
