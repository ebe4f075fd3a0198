"""A content as one call of the Bot API. No IO. It trusts that ``check`` let the content pass."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchbay.channel import ApiRequest, FilePart
from patchbay.errors import MediaRefused, Unsupported
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    ContactCard,
    Contacts,
    DocumentFile,
    Image,
    Interactive,
    Location,
    MediaRef,
    Sticker,
    Text,
    Video,
    type_of,
)
from patchbay.model.media import Media

from patchbay_telegram.api import call
from patchbay_telegram.check import plain_type
from patchbay_telegram.limits import FLAG, FLAGS, QUICK_REPLIES_A_ROW, TOPICS

_TOPIC = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/ogg": "ogg",
    "application/gzip": "tgs",
    "application/x-tgsticker": "tgs",
    "application/pdf": "pdf",
    "text/plain": "txt",
}


@dataclass(frozen=True)
class Call:
    """A method and its parameters, without whom it goes to. ``field`` is that of the file, which is ``ref``."""

    method: str
    params: Mapping[str, Any]
    field: str | None = None
    ref: MediaRef | None = None


def call_for(content: AnyContent, media: Media | None) -> Call:
    """The call that sends this content."""
    match content:
        case Text():
            hidden = {} if content.preview_url else {"link_preview_options": {"is_disabled": True}}
            return Call("sendMessage", {"text": content.text, **hidden})
        case Image() | Video() | DocumentFile():
            return _file(type_of(content), content.media, media, _given(caption=content.caption))
        case Audio():
            return _file("voice" if content.voice else "audio", content.media, media)
        case Sticker():
            return _file("sticker", content.media, media)
        case Location():
            return _place(content)
        case Contacts(contacts=(card,)):
            return _card(card)
        case Interactive():
            return _interactive(content, media)
        case _:
            raise Unsupported(f"Telegram cannot send {type_of(content)!r}.", hint="Send it as text.")


def request(called: Call, to: Mapping[str, Any], media: Media | None, file_id: str | None) -> ApiRequest:
    """The call as a request: with the file itself, unless Telegram has it under ``file_id``."""
    params = {**to, **called.params}
    if called.field is None or called.ref is None:
        return call(called.method, params, effect=True)
    if file_id is not None:
        return call(called.method, {**params, called.field: file_id}, effect=True)
    if media is None:
        raise MediaRefused("The file of the message is not stored.", hint="Upload it and send the message again.")
    mime_type = plain_type(called.ref, media) or "application/octet-stream"
    name = called.ref.filename or media.filename or f"{called.field}.{_ENDINGS.get(mime_type, 'bin')}"
    form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in params.items()}
    part = FilePart(field=called.field, media=media, filename=name, content_type=mime_type)
    return call(called.method, form=form, file=part, effect=True)


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a message as parameters. Raises ``Unsupported`` for one that Telegram does not know or take."""
    return {name: _option(name, value) for name, value in given.items()}


def _option(name: str, value: Any) -> bool | int:
    taken: bool | int | None = None
    if name in FLAGS:
        taken = FLAG.get(value) if isinstance(value, str) else None
        hint = f"It may be: {', '.join(FLAG)}."
    elif name in TOPICS:
        taken = int(value) if isinstance(value, str) and _TOPIC.fullmatch(value) else None
        hint = "Give the number of a topic, in digits."
    else:
        hint = f"There are {', '.join((*FLAGS, *TOPICS))}."
    if taken is None:
        raise Unsupported(f"Telegram takes no {name} {value!r}.", pointer=f"/options/{name}", hint=hint)
    return taken


def _file(kind: str, ref: MediaRef, media: Media | None, params: Mapping[str, Any] | None = None) -> Call:
    """The field is called as the method: ``photo`` goes by sendPhoto. A GIF as a photo would stand still."""
    field = kind
    if kind == "image":
        field = "animation" if plain_type(ref, media) == "image/gif" else "photo"
    return Call(f"send{field.capitalize()}", params or {}, field, ref)


def _place(content: Location) -> Call:
    at = {"latitude": content.latitude, "longitude": content.longitude}
    if content.name and content.address:
        return Call("sendVenue", {**at, "title": content.name, "address": content.address})
    return Call("sendLocation", at)


def _card(card: ContactCard) -> Call:
    more = _given(last_name=card.last_name if card.first_name else None, vcard=card.vcard)
    name = card.first_name or card.formatted_name
    return Call("sendContact", {"phone_number": card.phones[0].phone, "first_name": name, **more})


def _interactive(content: Interactive, media: Media | None) -> Call:
    markup = {"reply_markup": _markup(content)}
    header = content.header
    if header is not None and header.media is not None:
        return _file(header.kind, header.media, media, {"caption": content.body, **markup})
    return Call("sendMessage", {"text": content.body, **markup})


def _markup(content: Interactive) -> dict[str, Any]:
    match content.kind:
        case "buttons":
            return {"inline_keyboard": [[_button(button)] for button in content.buttons]}
        case "quick_replies":
            return {"inline_keyboard": _rows([_button(button) for button in content.buttons], QUICK_REPLIES_A_ROW)}
        case "cta_url":
            return {"inline_keyboard": [[{"text": content.button, "url": content.url}]]}
        case _:
            asked = "request_contact" if content.kind == "contact_request" else "request_location"
            keyboard = [[{"text": content.button, asked: True}]]
            return {"keyboard": keyboard, "one_time_keyboard": True, "resize_keyboard": True}


def _button(button: Button) -> dict[str, Any]:
    target = {"callback_data": button.id} if button.url is None else {"url": button.url}
    return {"text": button.title, **target}


def _rows(buttons: Sequence[dict[str, Any]], most: int) -> list[list[dict[str, Any]]]:
    return [list(buttons[start : start + most]) for start in range(0, len(buttons), most)]


def _given(**members: str | None) -> dict[str, str]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value}
