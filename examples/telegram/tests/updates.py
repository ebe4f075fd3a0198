"""Updates as the Bot API documents them, one of each kind; people and numbers are made up."""

from __future__ import annotations

from typing import Any

SENT = 1_790_000_000
MARA: dict[str, Any] = {
    "id": 7001,
    "is_bot": False,
    "first_name": "Mara",
    "last_name": "Voss",
    "username": "maravoss",
    "language_code": "de",
}
BOT: dict[str, Any] = {"id": 4242, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
PRIVATE: dict[str, Any] = {"id": 7001, "first_name": "Mara", "last_name": "Voss", "type": "private"}
GROUP: dict[str, Any] = {"id": -1001234567890, "title": "Bakers", "type": "supergroup"}
CHANNEL: dict[str, Any] = {"id": -1009999999999, "title": "News", "type": "channel"}


def message(chat: dict[str, Any] = PRIVATE, /, number: int = 11, **members: Any) -> dict[str, Any]:
    return {"message_id": number, "from": MARA, "chat": chat, "date": SENT, **members}


def update(id: int = 500, /, **kind: Any) -> dict[str, Any]:
    return {"update_id": id, **kind}


def file(name: str, **members: Any) -> dict[str, Any]:
    return {"file_id": f"id-{name}", "file_unique_id": f"u-{name}", **members}


PHOTO = [
    file("small", width=90, height=67, file_size=1200),
    file("large", width=1280, height=960, file_size=150_000),
    file("medium", width=320, height=240, file_size=20_000),
]
FORUM: dict[str, Any] = {**GROUP, "id": -1002222222222, "is_forum": True}
# What stands in every message of a topic that answers nothing.
IN_TOPIC: dict[str, Any] = {
    "reply_to_message": {
        "message_id": 5,
        "chat": FORUM,
        "date": SENT,
        "forum_topic_created": {"name": "Orders", "icon_color": 7322096},
    }
}
KEYBOARD = {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no"}]]}
QUESTION: dict[str, Any] = {
    "message_id": 10,
    "from": BOT,
    "chat": PRIVATE,
    "date": SENT,
    "text": "Sure?",
    "reply_markup": KEYBOARD,
}
PRESS: dict[str, Any] = {"id": "9000001", "from": MARA, "chat_instance": "1", "message": QUESTION, "data": "yes"}
REACTION: dict[str, Any] = {
    "chat": PRIVATE,
    "message_id": 10,
    "user": MARA,
    "date": SENT,
    "old_reaction": [],
    "new_reaction": [{"type": "emoji", "emoji": "👍"}],
}


def membership(was: str, is_now: str, chat: dict[str, Any] = PRIVATE) -> dict[str, Any]:
    old, new = {"user": BOT, "status": was}, {"user": BOT, "status": is_now}
    return {"chat": chat, "from": MARA, "date": SENT, "old_chat_member": old, "new_chat_member": new}


RICH: dict[str, Any] = {
    "blocks": [
        {"type": "heading", "size": 1, "text": "Order"},
        {"type": "paragraph", "text": ["Two ", {"type": "bold", "text": ["loaves", "!"]}]},
        {
            "type": "list",
            "items": [
                {"label": "1.", "blocks": [{"type": "paragraph", "text": "Rye"}]},
                {"label": "2.", "blocks": [{"type": "divider"}, {"type": "paragraph", "text": "Spelt"}]},
            ],
        },
        {"type": "table", "cells": [[{"text": "Rye", "align": "left"}, {"text": {"type": "italic", "text": "4"}}]]},
        {"type": "photo", "photo": PHOTO, "caption": {"text": "Like this", "credit": "Mara"}},
        {"type": "details", "summary": "More", "blocks": [{"type": "mathematical_expression", "expression": "2 x 4"}]},
    ]
}
SAID: dict[str, dict[str, Any]] = {
    "text": {"text": "Hello", "entities": [{"type": "bold", "offset": 0, "length": 5}]},
    "photo": {"photo": PHOTO, "caption": "Look"},
    "video": {"video": file("video", mime_type="video/mp4", file_name="a.mp4", file_size=900, duration=3)},
    "animation": {
        "animation": file("gif", mime_type="video/mp4", width=1, height=1, duration=1),
        "document": file("gif", mime_type="video/mp4"),
    },
    "audio": {"audio": file("song", mime_type="audio/mpeg", duration=9), "caption": "Ours"},
    "voice": {"voice": file("voice", mime_type="audio/ogg", duration=2)},
    "video_note": {"video_note": file("note", length=240, duration=2)},
    "document": {"document": file("doc", mime_type="application/pdf", file_name="offer.pdf")},
    "sticker": {
        "sticker": file("sticker", type="regular", is_animated=False, is_video=False, emoji="🙂", set_name="S")
    },
    "moving sticker": {"sticker": file("tgs", type="regular", is_animated=True, is_video=False)},
    "video sticker": {"sticker": file("webm", type="regular", is_animated=False, is_video=True)},
    "location": {"location": {"latitude": 48.2, "longitude": 16.4}},
    "live location": {"location": {"latitude": 48.2, "longitude": 16.4, "live_period": 900}},
    "venue": {
        "venue": {"location": {"latitude": 48.2, "longitude": 16.4}, "title": "Shop", "address": "Ring 1"},
        "location": {"latitude": 48.2, "longitude": 16.4},
    },
    "contact": {"contact": {"phone_number": "+15550001111", "first_name": "Mara", "user_id": 7001}},
    "web app": {"web_app_data": {"data": '{"size": 3}', "button_text": "Order"}},
    "poll": {"poll": {"id": "1", "question": "Q?", "options": []}},
    "dice": {"dice": {"emoji": "🎲", "value": 3}},
    "live photo": {
        "live_photo": file("live", mime_type="video/mp4", duration=3),
        "photo": PHOTO,
        "caption": "Look",
    },
    "passport": {"passport_data": {"data": [], "credentials": {}}},
    "rich": {"rich_message": RICH},
    "something new": {"hologram": {"file_id": "x"}},
}

# Every kind of update, by a name of its own.
UPDATES: dict[str, dict[str, Any]] = {
    **{name: update(message=message(**members)) for name, members in SAID.items()},
    "group text": update(message=message(GROUP, text="Hi all")),
    "album": update(message=message(photo=PHOTO, media_group_id="77")),
    "reply": update(message=message(text="That one", reply_to_message=QUESTION, quote={"text": "Sure", "position": 0})),
    "forward": update(message=message(text="See", forward_origin={"type": "user", "date": SENT, "sender_user": BOT})),
    "edit": update(501, edited_message=message(text="Hello!", edit_date=SENT + 60)),
    "press": update(502, callback_query=PRESS),
    "inline press": update(503, callback_query={"id": "9", "from": MARA, "inline_message_id": "i", "data": "x"}),
    "game press": update(504, callback_query={"id": "9", "from": MARA, "game_short_name": "g"}),
    "reaction": update(505, message_reaction=REACTION),
    "blocked": update(506, my_chat_member=membership("member", "kicked")),
    "added": update(507, my_chat_member=membership("left", "member", GROUP)),
    "title": update(508, message=message(GROUP, new_chat_title="Bakers")),
    "joined": update(509, message=message(GROUP, new_chat_members=[MARA])),
    "migration": update(510, message=message({"id": -55, "title": "B", "type": "group"}, migrate_to_chat_id=-1005)),
    "post": update(511, channel_post={"message_id": 1, "chat": CHANNEL, "date": SENT, "text": "News"}),
    "business": update(512, business_message=message(text="Hi", business_connection_id="b")),
    "inline query": update(513, inline_query={"id": "1", "from": MARA, "query": "x", "offset": ""}),
    "nothing": update(514),
    "ephemeral": update(
        515,
        message={**message(GROUP, 0, text="/me"), "ephemeral_message_id": 3, "receiver_user": BOT},
    ),
    "topic": update(516, message=message(FORUM, text="Hi", message_thread_id=5, is_topic_message=True, **IN_TOPIC)),
}
