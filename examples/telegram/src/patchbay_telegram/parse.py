"""A webhook's bytes to items: one update, and for a group what it is called now. No IO.

Source: Telegram Bot API, "Update". An update does not say which bot it is for: the webhook's path does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import ValidationError, convert
from patchbay.channel import (
    AccountRef,
    IdentityRekeyed,
    InboundEvent,
    Item,
    Malformed,
    MessageEdited,
    MessageReceived,
)
from patchbay.errors import BadPayload
from patchbay.model.message import Referral
from patchbay.model.times import from_unix

from patchbay_telegram.acts import membership, pressed, reacted
from patchbay_telegram.contents import said
from patchbay_telegram.names import message_name, update_name
from patchbay_telegram.notices import called, notice_of, unread
from patchbay_telegram.people import author_of, group_of, with_number
from patchbay_telegram.wire import Message, Odd, kept

START = "/start "  # Source: Bot features, Deep linking: what follows is the parameter of the link
# What stands around a message and is kept in Telegram's own form.
_KEPT = ("forward_origin", "quote", "external_reply", "reply_to_story", "direct_messages_topic", "live_photo")


def parse(body: bytes) -> tuple[Item | Malformed, ...]:
    """The items of an update. Raises ``BadPayload`` when it is none, and nothing else."""
    try:
        update = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:  # msgspec's errors, and those of text that is not UTF-8
        raise BadPayload("the body is not JSON") from error
    id = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < 2**63:
        raise BadPayload("the body is not an update: it has no update_id")
    key, kinds = update_name(id), [name for name in update if name != "update_id"]
    kind = next((name for name in kinds if name in _READ), kinds[0] if kinds else "update")
    return _read(key, kind, update.get(kind))


def _read(key: str, kind: str, raw: Any) -> tuple[Item | Malformed, ...]:
    read = _READ.get(kind)
    if read is None:
        return (_item(0, key, unread(kind)),)
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


def _message(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    message = convert(raw, Message)
    if message.chat.type == "channel":
        return [unread("channel_post")]
    name = message_name(message.chat.id, message.message_id) if message.ephemeral_message_id is None else key
    event = notice_of(message, raw, name) or _received(message, raw, name)
    if isinstance(event, IdentityRekeyed):  # before it, the new name must not become somebody of its own
        return [event]
    return [*called(message.chat, message.sent_at), event]


def _received(message: Message, raw: dict[str, Any], name: str) -> MessageReceived:
    content, media, context, number = said(message, raw)
    reply, sender = message.quoted, author_of(message)
    if number is not None and _sent_by_hand(message, raw):
        sender = with_number(sender, number)
    return MessageReceived(
        occurred_at=message.sent_at,
        external_id=name,
        sender=sender,
        group=group_of(message.chat),
        content=content,
        media=media,
        reply_to=None if reply is None else message_name(reply.chat.id, reply.message_id),
        forwarded="forward_origin" in raw,
        referral=_referral(message),
        context={**_around(message, raw), **context},
    )


def _sent_by_hand(message: Message, raw: dict[str, Any]) -> bool:
    """Whether the person shared it just now, as themselves. What was forwarded may be old, and the number somebody
    else's by now."""
    return "forward_origin" not in raw and message.via_bot is None and message.sender_chat is None


def _referral(message: Message) -> Referral | None:
    text = message.text or ""
    if message.chat.type != "private" or not text.startswith(START) or not text[len(START) :].strip():
        return None
    return Referral(source_type="deep_link", source_id=text[len(START) :].strip())


def _around(message: Message, raw: dict[str, Any]) -> dict[str, Any]:
    """What stands around the content and has no field: formatting (places and lengths in UTF-16), album, topic, origin,
    the quoted words, what was quoted from elsewhere, the moving part of a live photo."""
    context: dict[str, Any] = {name: kept(raw[name]) for name in _KEPT if name in raw}
    if message.ephemeral_message_id is not None:
        context["ephemeral"] = True
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
        return [unread("edited_channel_post")]
    content, media, *_ = said(message, raw)
    return [
        MessageEdited(
            occurred_at=from_unix(message.edit_date or message.date),
            external_id=key,
            target=message_name(message.chat.id, message.message_id),
            content=content,
            media=media,
        )
    ]


_READ: Mapping[str, Callable[[dict[str, Any], str], list[InboundEvent]]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": pressed,
    "message_reaction": reacted,
    "my_chat_member": membership,
}
