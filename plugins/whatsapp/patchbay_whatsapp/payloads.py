"""The body of a send, part by part. No IO.

``payload`` trusts that ``limits.check`` let the content pass. Source: WhatsApp Cloud API, Messages reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay.channel import Outgoing, Recipient
from patchbay.errors import Unsupported
from patchbay.model.content import (
    AnyContent,
    Audio,
    ContactCard,
    Contacts,
    DocumentFile,
    Image,
    Interactive,
    Location,
    Native,
    Sticker,
    Template,
    Text,
    Video,
    type_of,
)
from patchbay_whatsapp.payloads_interactive import file, interactive
from patchbay_whatsapp.payloads_template import template
from patchbay_whatsapp.recipients import address

REFERENCE_LIMIT = 512  # characters of biz_opaque_callback_data
KEY_HASH = "recipient_identity_key_hash"  # an option of a message: send only while the identity is still this one


def payload(message: Outgoing, media_id: str | None) -> Mapping[str, Any]:
    """The whole body of ``POST /{phone_number_id}/messages``. ``media_id`` is what WhatsApp calls the message's file.

    Raises ``RecipientUnreachable`` when there is nobody to send to.
    """
    shown = shown_as(message.content, media_id)
    body: dict[str, Any] = {**shown, "messaging_product": "whatsapp", **address(message.recipient)}
    if message.reply_to:
        body["context"] = {"message_id": message.reply_to}
    if message.reference:
        body["biz_opaque_callback_data"] = message.reference[:REFERENCE_LIMIT]
    if isinstance(key_hash := message.options.get(KEY_HASH), str) and key_hash:
        body[KEY_HASH] = key_hash
    return body


def shown_as(content: AnyContent, media_id: str | None) -> Mapping[str, Any]:
    """The members of the body that say what is sent."""
    if isinstance(content, Native):
        return content.payload
    kind, part = content_part(content, media_id)
    return {"type": kind, kind: part}


def content_part(content: AnyContent, media_id: str | None) -> tuple[str, Any]:
    """The content's type at WhatsApp and the value under the key of that name."""
    match content:
        case Text():
            return "text", {"body": content.text, "preview_url": content.preview_url}
        case Image() | Video():
            return type_of(content), {**file(content.media, media_id), **_given(caption=content.caption)}
        case DocumentFile():
            named = _given(caption=content.caption, filename=content.media.filename)
            return "document", {**file(content.media, media_id), **named}
        case Audio():
            return "audio", {**file(content.media, media_id), **({"voice": True} if content.voice else {})}
        case Sticker():
            return "sticker", file(content.media, media_id)
        case Location():
            place = _given(name=content.name, address=content.address)
            return "location", {"latitude": content.latitude, "longitude": content.longitude, **place}
        case Contacts():
            return "contacts", [_card(card) for card in content.contacts]
        case Interactive():
            return "interactive", interactive(content, media_id)
        case Template():
            return "template", template(content)
        case _:
            raise Unsupported(f"WhatsApp cannot send {type_of(content)!r}.", hint="Send it as text.")


def reaction(recipient: Recipient, target: str, emoji: str | None) -> Mapping[str, Any]:
    """Our reaction to the message ``target``; an empty emoji takes it back."""
    part = {"message_id": target, "emoji": emoji or ""}
    return {"messaging_product": "whatsapp", **address(recipient), "type": "reaction", "reaction": part}


def read_mark(external_id: str) -> Mapping[str, Any]:
    """Marks this message and those before it as read."""
    return {"messaging_product": "whatsapp", "status": "read", "message_id": external_id}


def typing_mark(external_id: str) -> Mapping[str, Any]:
    """Shows that somebody is typing, for 25 s or until a message is sent; it marks the message as read, too."""
    return {**read_mark(external_id), "typing_indicator": {"type": "text"}}


def _card(card: ContactCard) -> dict[str, Any]:
    names = card.extra.get("name")
    name = {
        "formatted_name": card.formatted_name,
        **(names if isinstance(names, Mapping) else {}),
        **_given(first_name=card.first_name, last_name=card.last_name),
    }
    phones = [_given(phone=phone.phone, type=phone.type, wa_id=phone.wa_id) for phone in card.phones]
    extra = {key: value for key, value in card.extra.items() if key != "name"}
    return {"name": name, **({"phones": phones} if phones else {}), **extra}


def _given(**members: str | None) -> dict[str, str]:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value}
