"""What ``patchbay plugins certify telegram`` runs its checks with: updates, and the Bot API as a function. No IO.

A gateway never loads it. Source: Telegram Bot API 9, "Getting updates", "Available methods".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from patchbay.channel import ApiRequest, ApiResponse
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Sticker,
    Text,
    Video,
)
from patchbay.model.media import Media
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import account, stored_file

from patchbay_telegram import limits as the
from patchbay_telegram.channel import SECRET, TelegramChannel
from patchbay_telegram.settings import TelegramSettings

SECRET_TOKEN = "certification"  # of the samples, and of nothing else
MARA = {"id": 7001, "is_bot": False, "first_name": "Mara", "last_name": "Voss"}
CHAT = {"id": 7001, "type": "private", "first_name": "Mara"}
FILE = MediaRef(id="med_1")
BUTTONS = (Button(id="yes", title="Yes"), Button(title="Shop", url="https://shop.example"))
EDITS, REACTIONS, OTHERS = 10**6, 2 * 10**6, 3 * 10**6  # where the update ids of each kind begin
FAULTS: Mapping[Fault, tuple[int, str, Mapping[str, Any]]] = {
    "rate_limited": (429, "Too Many Requests: retry after 30", {"retry_after": 30}),
    "token_expired": (401, "Unauthorized", {}),
    "server_error": (500, "Internal Server Error: restart", {}),
    "unreachable": (403, "Forbidden: bot was blocked by the user", {}),
    "file_gone": (400, "Bad Request: file is too big", {}),
}
# What the bot may ask of, and what it is told. Source: Bot API, getMe, getWebhookInfo, getFile.
ASKED: Mapping[str, Mapping[str, Any]] = {
    "getMe": {"id": 4242, "is_bot": True, "first_name": "Shop"},
    "getWebhookInfo": {
        "url": "https://inbox.example/webhooks/telegram/4242",
        "pending_update_count": 0,
        "allowed_updates": ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"],
    },
    "getFile": {"file_id": "F", "file_unique_id": "u", "file_size": 900, "file_path": "photos/file_1.jpg"},
}
NOT_TOLD = "Telegram tells bots nothing of it"


def certification() -> ChannelSamples:
    """The samples."""
    return TelegramSamples()


class TelegramSamples(ChannelSamples):
    """Mara and the bot 4242 write to each other."""

    channel = TelegramChannel(TelegramSettings())
    account = account("telegram", "4242")
    secrets: ClassVar[Sequence[str]] = (SECRET_TOKEN,)
    states = ()
    retry_after_s = 30.0
    lacks: ClassVar[Mapping[str, str]] = {
        "batch": "a webhook has one update",
        "signed_body": "the header is a secret and signs nothing",
        **dict.fromkeys(("receipt", "failure", "receipt_reference", "watermark", "delete"), NOT_TOLD),
        **dict.fromkeys(("echo", "echo_reference"), "nobody else writes for a bot"),
        "window_closed": "a bot may answer at any time",
    }

    def id(self, number: int) -> str:
        return f"7001:{number}"

    def sign(self, body: bytes) -> Mapping[str, str]:
        return {SECRET: SECRET_TOKEN}

    def message(self, id: str, text: str, at: datetime) -> bytes:
        return _update(_number(id), message=_message(id, at, text=text))

    def unknown(self) -> bytes:
        return _update(OTHERS, hologram={"id": "1"})

    def broken(self) -> bytes:
        return _update(OTHERS + 1, message={"chat": CHAT, "text": "nobody can tell which"})

    def edit(self, id: str, target: str, text: str, at: datetime) -> bytes:
        changed = {**_message(target, at, text=text), "edit_date": int(at.timestamp())}
        return _update(EDITS + _number(id), edited_message=changed)

    def reaction(self, id: str, target: str, emoji: str | None, at: datetime) -> bytes:
        now = [] if emoji is None else [{"type": "emoji", "emoji": emoji}]
        about = {"chat": CHAT, "message_id": _number(target), "user": MARA, "date": int(at.timestamp())}
        return _update(REACTIONS + _number(id), message_reaction={**about, "old_reaction": [], "new_reaction": now})

    def others(self) -> Mapping[str, bytes]:
        at = datetime.fromisoformat("2026-11-22T12:00:30+00:00")
        group = {"id": -1001234567890, "title": "Bakers", "type": "supergroup"}
        photo = [{"file_id": "F", "file_unique_id": "u", "width": 90, "height": 67, "file_size": 900}]
        question = {"message_id": 40, "chat": CHAT, "date": 0}
        was, is_now = {"user": MARA, "status": "member"}, {"user": MARA, "status": "kicked"}
        told = {"chat": CHAT, "from": MARA, "date": 1_795_000_000, "old_chat_member": was, "new_chat_member": is_now}
        place = {"location": {"latitude": 48.2, "longitude": 16.4}, "title": "Shop", "address": "Ring 1"}
        bodies: Mapping[str, Mapping[str, Any]] = {
            "a photo": {"message": _message("7001:30", at, photo=photo, caption="Look")},
            "a place": {"message": _message("7001:31", at, venue=place)},
            "a text in a group": {"message": {**_message("7001:32", at, text="Hi"), "chat": group}},
            "a press of a button": {"callback_query": {"id": "9", "from": MARA, "message": question, "data": "yes"}},
            "a block": {"my_chat_member": told},
            "a post": {"channel_post": {"message_id": 1}},
        }
        return {name: _update(OTHERS + 10 + at, **kind) for at, (name, kind) in enumerate(bodies.items())}

    def contents(self) -> Sequence[ContentSample]:
        card = ContactCard(formatted_name="Mara Voss", first_name="Mara", phones=(ContactPhone(phone="+15550001111"),))
        ask: tuple[AnyContent, ...] = (
            Interactive(kind="buttons", body="Which?", buttons=BUTTONS),
            Interactive(kind="quick_replies", body="Which?", buttons=BUTTONS),
            Interactive(kind="cta_url", body="See", button="Open", url="https://shop.example"),
            Interactive(kind="contact_request", body="Call you?", button="My number"),
            Interactive(kind="location_request", body="Where?", button="Here"),
        )
        plain = (
            Text(text="Three are left."),
            Location(latitude=50.1, longitude=8.6),
            Location(latitude=50.1, longitude=8.6, name="Shop", address="Ring 1"),
            Contacts(contacts=(card,)),
            *ask,
        )
        titled = Interactive(kind="buttons", header=Header(kind="image", media=FILE), body="Which?", buttons=BUTTONS)
        return (
            *map(ContentSample, plain),
            ContentSample(Image(media=FILE, caption="Look"), stored_file("image", "image/jpeg")),
            ContentSample(Video(media=FILE, caption="Look"), stored_file("video", "video/mp4")),
            # As voice: of the declared types audio/ogg is a voice message and nothing else, see ``refused``.
            ContentSample(Audio(media=FILE, voice=True), stored_file("audio", "audio/ogg")),
            ContentSample(DocumentFile(media=FILE, caption="Look"), stored_file("document", "application/pdf")),
            ContentSample(Sticker(media=FILE), stored_file("sticker", "image/webp")),
            ContentSample(titled, stored_file("image", "image/png")),
        )

    def refused(self) -> Sequence[ContentSample]:
        long_id = Button(id="x" * (the.CALLBACK_BYTES + 1), title="Yes")
        return (
            ContentSample(Image(media=FILE, caption="x" * (the.CAPTION_LIMIT + 1)), _picture()),
            ContentSample(Interactive(kind="buttons", body="x" * (the.TEXT_LIMIT + 1), buttons=BUTTONS)),
            ContentSample(Interactive(kind="buttons", body="Which?", buttons=(long_id,))),
            ContentSample(Audio(media=FILE), stored_file("audio", "audio/ogg")),
        )

    def provider(self, request: ApiRequest, fault: Fault | None) -> ApiResponse:
        if fault is not None:
            return _refusal(*FAULTS[fault])
        prefix, _, method = request.path.rpartition("/")
        if prefix != "/bot{token}" or request.method != "POST":
            return _refusal(404, "Not Found")
        params = _params(request)
        if (told := ASKED.get(method)) is not None:
            fits = method != "getFile" or params.get("file_id") == "F"
            return ApiResponse(200, {"ok": True, "result": told}) if fits else _refusal(400, "Bad Request: no file_id")
        if params.get("chat_id") != CHAT["id"] and method != "answerCallbackQuery":
            return _refusal(400, "Bad Request: chat not found")
        if (wrong := _wrong(method, params, request)) is not None:
            return _refusal(400, f"Bad Request: {wrong}")
        if not self.shows(request) or method == "setMessageReaction":
            return ApiResponse(200, {"ok": True, "result": True})
        number = int.from_bytes(sha256(repr((method, params)).encode()).digest()[:5])
        return ApiResponse(200, {"ok": True, "result": {"message_id": number, "date": 1_795_000_000, "chat": CHAT}})

    def shows(self, request: ApiRequest) -> bool:
        method = request.path.rpartition("/")[2]
        return method == "setMessageReaction" or (method.startswith("send") and method != "sendChatAction")


def _picture() -> Media:
    return stored_file("image", "image/png")


def _params(request: ApiRequest) -> dict[str, Any]:
    """The parameters, as the API reads them: in a form, what is no text is JSON."""
    if request.json is not None:
        return dict(request.json)
    return {
        name: value if name in ("text", "caption") else json.loads(value)
        for name, value in (request.form or {}).items()
    }


def _wrong(method: str, params: Mapping[str, Any], request: ApiRequest) -> str | None:
    """What the Bot API would refuse of a call, None when it takes it."""
    field = method.removeprefix("send").lower()
    needed: Mapping[str, tuple[str, ...]] = {
        "sendMessage": ("text",),
        "sendLocation": ("latitude", "longitude"),
        "sendVenue": ("latitude", "longitude", "title", "address"),
        "sendContact": ("phone_number", "first_name"),
        "sendChatAction": ("action",),
        "setMessageReaction": ("message_id", "reaction"),
        "answerCallbackQuery": ("callback_query_id",),
    }
    files = ("photo", "video", "audio", "voice", "document", "sticker", "animation")
    if field in files and field not in params and (request.file is None or request.file.field != field):
        return f"there is no {field} in the request"
    if field not in files and method not in needed:
        return "method not found"
    for name in needed.get(method, ()):
        if params.get(name) in (None, ""):
            return f"{name} is empty"
    for name, most in (("text", the.TEXT_LIMIT), ("caption", the.CAPTION_LIMIT)):
        if the.length(params.get(name, "")) > most:
            return "message is too long" if name == "text" else "message caption is too long"
    rows = params.get("reply_markup", {}).get("inline_keyboard", [])
    for button in (button for row in rows for button in row):
        if not button["text"] or not (button.get("url") or 0 < len(button["callback_data"].encode()) <= 64):
            return "BUTTON_DATA_INVALID"
    return None


def _refusal(code: int, description: str, parameters: Mapping[str, Any] | None = None) -> ApiResponse:
    body: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return ApiResponse(code, {**body, "parameters": parameters} if parameters else body)


def _number(id: str) -> int:
    return int(id.rpartition(":")[2])


def _message(id: str, at: datetime, **members: Any) -> dict[str, Any]:
    return {"message_id": _number(id), "from": MARA, "chat": CHAT, "date": int(at.timestamp()), **members}


def _update(id: int, **kind: Any) -> bytes:
    return msgspec.json.encode({"update_id": id, **kind})
