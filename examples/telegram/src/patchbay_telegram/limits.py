"""What Telegram carries, and how much of it. No IO. Source: Telegram Bot API 10.3, the method that a line names."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.channel import Capabilities, MediaRule

TEXT_LIMIT = 4096  # characters; sendMessage, "text"
CAPTION_LIMIT = 1024  # characters; sendPhoto, "caption"
CALLBACK_BYTES = 64  # InlineKeyboardButton, "callback_data"
BUTTONS = 100  # of one keyboard; our own limit, for none is documented
QUICK_REPLIES_A_ROW = 3
VCARD_BYTES = 2048  # sendContact, "vcard"
CARDS = 20  # our own limit: each card is a message of its own
DOWNLOAD_BYTES = 20 * 2**20  # getFile
UPLOAD_BYTES = 50 * 2**20  # Sending files
PHOTO_BYTES = 10 * 2**20  # Sending files
STICKER_BYTES = {  # Stickers, "Static", "Animated" and "Video stickers and emoji": the largest file of each kind
    "image/webp": 512 * 1024,
    "application/x-tgsticker": 64 * 1024,
    "application/gzip": 64 * 1024,  # what an animated sticker is by its first bytes
    "video/webm": 256 * 1024,
}
ANY_TYPE = "*/*"  # a document may be of any type
FILE_ID_DAYS = 365  # no end is documented; one that Telegram takes no more is uploaded again
# What a message may carry beside its content; sendMessage
FLAGS = ("disable_notification", "protect_content")
FLAG: Mapping[str, bool] = {"true": True, "false": False}  # how they are written
TOPICS = ("message_thread_id", "direct_messages_topic_id")  # the numbers of topics, in digits

CAPABILITIES = Capabilities(
    contents=frozenset(
        {"text", "image", "video", "audio", "document", "sticker", "location", "contacts", "interactive"}
    ),
    interactive=frozenset({"buttons", "quick_replies", "cta_url", "contact_request", "location_request"}),
    reactions=True,
    replies=True,
    typing=True,
    acknowledges=True,
    account_in_path=True,
    text_limit=TEXT_LIMIT,
    starts_with=frozenset({"external"}),
    options={**dict.fromkeys(FLAGS, frozenset(FLAG)), **dict.fromkeys(TOPICS)},
    media={
        "image": MediaRule(frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"}), PHOTO_BYTES),
        "video": MediaRule(frozenset({"video/mp4"}), UPLOAD_BYTES),
        "audio": MediaRule(frozenset({"audio/mpeg", "audio/mp4", "audio/ogg"}), UPLOAD_BYTES),
        "document": MediaRule(frozenset({ANY_TYPE}), UPLOAD_BYTES),
        "sticker": MediaRule(frozenset(STICKER_BYTES), max(STICKER_BYTES.values())),
    },
)


def length(text: str) -> int:
    """Characters in UTF-16, as the Bot API counts the places of entities: one beyond the basic plane is two. How it
    counts for its limits is not documented; counted so, a text is never longer than it allows."""
    return len(text) + sum(sign > "\uffff" for sign in text)
