"""Service messages: what happened in a chat and nobody wrote. No IO. Source: Telegram Bot API, "Message"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.channel import IdentityRekeyed, InboundEvent, ThreadNotice

from patchbay_telegram.names import key_of, message_name
from patchbay_telegram.people import author_of, group_of
from patchbay_telegram.wire import Message, Odd, kept

SERVICE = frozenset(
    [
        "new_chat_members",
        "left_chat_member",
        "chat_owner_left",
        "chat_owner_changed",
        "new_chat_title",
        "new_chat_photo",
        "delete_chat_photo",
        "group_chat_created",
        "supergroup_chat_created",
        "channel_chat_created",
        "message_auto_delete_timer_changed",
        "pinned_message",
        "connected_website",
        "write_access_allowed",
        "proximity_alert_triggered",
        "boost_added",
        "chat_background_set",
        "checklist_tasks_done",
        "checklist_tasks_added",
        "direct_message_price_changed",
        "paid_message_price_changed",
        "forum_topic_created",
        "forum_topic_edited",
        "forum_topic_closed",
        "forum_topic_reopened",
        "general_forum_topic_hidden",
        "general_forum_topic_unhidden",
        "giveaway_created",
        "giveaway_completed",
        "suggested_post_approved",
        "suggested_post_approval_failed",
        "suggested_post_declined",
        "suggested_post_paid",
        "suggested_post_refunded",
        "video_chat_scheduled",
        "video_chat_started",
        "video_chat_ended",
        "video_chat_participants_invited",
    ]
)


def notice_of(message: Message, raw: Mapping[str, Any]) -> InboundEvent | None:
    """The event of a service message; None when the message says something."""
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
        external_id=message_name(message.chat.id, message.message_id),
        notice=name,
        person=author if author.keys or group is None else None,
        group=group,
        text=raw[name] if name == "new_chat_title" and isinstance(raw[name], str) else "",
        data=_data(name, raw[name]),
    )


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
