"""What people do beside writing: they press buttons, react, block the bot or take it into a group. No IO.

Source: Telegram Bot API, "CallbackQuery", "MessageReactionUpdated", "ChatMemberUpdated".
"""

from __future__ import annotations

from typing import Any

from msgspec import convert
from patchbay.channel import UNDATED, InboundEvent, MessageReceived, ReactionChanged, ThreadNotice, Unrecognised
from patchbay.model.content import InteractiveReply
from patchbay.model.times import from_unix

from patchbay_telegram.names import message_name, press_name
from patchbay_telegram.notices import called, unread
from patchbay_telegram.people import chat_person, group_of, person_of
from patchbay_telegram.wire import CallbackQuery, ChatMemberUpdated, MessageReaction, Odd, ReactionType

GONE = ("left", "kicked")
TOLD = {
    "bot_blocked": "The person blocked the bot.",
    "bot_unblocked": "The person lets the bot write again.",
    "bot_added": "The bot was added to the group.",
    "bot_removed": "The bot was removed from the group.",
    "bot_rights_changed": "The bot's rights in the group changed.",
}


def pressed(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """A button was pressed. Telegram does not say when, so it happened when it arrived."""
    query = convert(raw, CallbackQuery)
    if query.data is None:
        return [Unrecognised(occurred_at=UNDATED, what="callback_query", reason="It is the button of a game.")]
    at = query.message
    chat, number = (None, None) if at is None or not at.message_id else (at.chat.id, at.message_id)
    return [
        MessageReceived(
            occurred_at=UNDATED,
            external_id=press_name(query.id, chat, number),
            sender=person_of(query.sender),
            group=None if at is None else group_of(at.chat),
            content=InteractiveReply(kind="button", id=query.data, title=_label(raw.get("message"), query.data)),
            reply_to=None if chat is None or number is None else message_name(chat, number),
        )
    ]


def _label(message: Any, data: str) -> str:
    """What stands on the button with this data; "" where the keyboard did not come along."""
    markup = message.get("reply_markup") if isinstance(message, dict) else None
    rows = markup.get("inline_keyboard") if isinstance(markup, dict) else None
    buttons = [one for row in rows if isinstance(row, list) for one in row] if isinstance(rows, list) else []
    labels = [one.get("text") for one in buttons if isinstance(one, dict) and one.get("callback_data") == data]
    return next((label for label in labels if isinstance(label, str)), "")


def reacted(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """What a person's reactions to a message are now; several stand in one text, none takes them back."""
    change = convert(raw, MessageReaction)
    if change.chat.type == "channel":
        return [unread("message_reaction_count")]
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


def membership(raw: dict[str, Any], key: str) -> list[InboundEvent]:
    """The bot was blocked, taken back, added to a group or removed from it."""
    change = convert(raw, ChatMemberUpdated)
    if change.chat.type == "channel":
        return [unread("channel_post")]
    was, is_now, at = change.old_chat_member.status, change.new_chat_member.status, from_unix(change.date)
    if change.chat.is_group:
        notice = "bot_removed" if is_now in GONE else "bot_added" if was in GONE else "bot_rights_changed"
    else:
        notice = "bot_blocked" if is_now in GONE else "bot_unblocked"
    return [
        *called(change.chat, at),
        ThreadNotice(
            occurred_at=at,
            external_id=key,
            notice=notice,
            person=person_of(change.sender),
            group=group_of(change.chat),
            text=TOLD[notice],
            data={"old_status": was, "new_status": is_now},
        ),
    ]
