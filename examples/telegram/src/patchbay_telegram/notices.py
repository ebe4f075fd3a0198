"""What is told and nobody wrote: service messages, what a group is called, updates that are for nobody here. No IO.

Source: Telegram Bot API, "Message"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import convert
from patchbay.channel import UNDATED, IdentityRekeyed, Ignored, InboundEvent, PersonChanged, ThreadNotice, Unrecognised

from patchbay_telegram.kinds import IGNORED, SERVICE, UNREAD
from patchbay_telegram.names import key_of
from patchbay_telegram.people import author_of, chat_person, group_of, person_of
from patchbay_telegram.wire import Chat, Message, Odd, User, kept


def unread(kind: str) -> InboundEvent:
    """An update that nothing is done for, with the reason."""
    if kind in IGNORED:
        return Ignored(occurred_at=UNDATED, reason=IGNORED[kind])
    unknown = "Nothing is in it." if kind == "update" else "Updates of this kind are not known here."
    reason = UNREAD.get(kind, unknown)
    return Unrecognised(occurred_at=UNDATED, what=kind[:64], reason=reason)


def called(chat: Chat, at: datetime) -> list[InboundEvent]:
    """What a group is called now: nothing else of an update names the group by more than its number."""
    if not chat.is_group or not chat.title:
        return []
    return [PersonChanged(occurred_at=at, person=chat_person(chat))]


def notice_of(message: Message, raw: Mapping[str, Any], external_id: str) -> InboundEvent | None:
    """The event of a service message; None when the message says something. ``external_id`` is what it is called."""
    for name in ("migrate_to_chat_id", "migrate_from_chat_id"):
        if name in raw:
            return _migrated(message, raw[name], to=name == "migrate_to_chat_id")
    name = next((name for name in raw if name in SERVICE), "")
    if not name:
        return None
    group = group_of(message.chat)
    author = author_of(message)
    return ThreadNotice(
        occurred_at=message.sent_at,
        external_id=external_id,
        notice=name,
        person=author if author.keys or group is None else None,
        group=group,
        text=_text(name, raw[name]),
        data=_data(name, raw[name]),
    )


def _text(name: str, value: Any) -> str:
    """The new title, or who came or went."""
    match name:
        case "new_chat_title":
            return value if isinstance(value, str) else ""
        case "new_chat_members":
            return ", ".join(person_of(user).name or "" for user in convert(value, tuple[User, ...]))
        case "left_chat_member":
            return person_of(convert(value, User)).name or ""
    return ""


def _data(name: str, value: Any) -> dict[str, Any]:
    """What happened, in Telegram's form; of a pinned message its number, for the message itself is in the timeline."""
    if name == "pinned_message":
        number = value.get("message_id") if isinstance(value, dict) else None
        return {"message_id": kept(number)}
    return {} if value is True else {name: kept(value)}


def _migrated(message: Message, other: Any, *, to: bool) -> InboundEvent:
    """A group became a supergroup: another chat by its number. Both chats tell of it, and it is one event."""
    if not isinstance(other, int) or isinstance(other, bool) or not -(2**52) <= other <= 2**52:
        raise Odd("the chat that it moved to is not named by a number")
    old, new = (message.chat.id, other) if to else (other, message.chat.id)
    return IdentityRekeyed(
        occurred_at=message.sent_at,
        external_id=f"migration:{old}:{new}",
        previous=(key_of(old),),
        current=(key_of(new),),
        text="The group became a supergroup.",
    )
