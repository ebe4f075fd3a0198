"""What a received or echoed message says: the object under its type, as content. No IO."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from patchbay.channel.inbound import RemoteMedia
from patchbay.model.content import (
    AnyContent,
    Audio,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Image,
    InteractiveReply,
    Location,
    MediaRef,
    Order,
    OrderItem,
    ReplyKind,
    Sticker,
    Text,
    Unsupported,
    Video,
)
from patchbay_meta.reading import Odd, each, error_text, kept, text
from patchbay_whatsapp.wire import (
    WireCallPermission,
    WireCard,
    WireFormReply,
    WireLocation,
    WireOrder,
    WireQuickReply,
    WireReply,
)
from patchbay_whatsapp.wire_heads import WireMedia

RECEIVED_MEDIA_LIFETIME_S = 7 * 86_400  # Cloud API, Media reference: ids that came with a webhook live 7 days
ADDRESS_FORM = "address_message"
_vcard_name = re.compile(r"^FN(?:;[^:\r\n]*)?:(.+?)\s*$", re.MULTILINE | re.IGNORECASE)


class Said(NamedTuple):
    """A content, and the file at the provider that belongs to it."""

    content: AnyContent
    media: RemoteMedia | None = None


def said(kind: str, raw: dict[str, Any], errors: Sequence[Any]) -> Said:
    """What the message ``raw`` of this type says. ``errors`` are those that may explain why something is missing.

    Raises: ``ValueError`` when the object under the type is there and not of its shape.
    """
    payload = raw.get(kind)
    read = _READ.get(kind)
    if read is not None and payload is not None:
        return read(payload, raw)
    if read is not None:
        reason = error_text(errors) or "The message came without its content."
    elif kind in ("unsupported", "unknown"):
        reason = error_text(errors) or "WhatsApp does not hand on messages of this kind."
        kind = (text(payload, "type") if isinstance(payload, dict) else None) or kind
    elif kind == "media_placeholder":
        reason = "The file of this older message comes later, or not at all."
    else:
        reason = error_text(errors) or "Messages of this kind are not known here."
    return Said(Unsupported(provider_type=kind, reason=reason))


def _text(payload: Any, raw: dict[str, Any]) -> Said:
    body = payload.get("body") if isinstance(payload, dict) else None
    if not isinstance(body, str):
        raise Odd("text.body is not a text")
    return Said(Text(text=body))


def remote_media(wire: WireMedia, errors: Sequence[Any] | None = None, lifetime_s: int | None = None) -> RemoteMedia:
    """The file; with the reason when it cannot be had."""
    error = error_text(errors) if errors else ""
    if not error and not wire.id and not wire.url:
        error = "The message names no file."
    return RemoteMedia(
        provider_id=wire.id or None,
        url=wire.url or None,
        mime_type=wire.mime_type or None,
        sha256=wire.sha256 or None,
        filename=wire.filename or None,
        lifetime_s=lifetime_s,
        error=error or None,
    )


def media_content(kind: str, wire: WireMedia) -> AnyContent:
    """The content of a media message; the core binds the empty reference."""
    ref = MediaRef(id="", mime_type=wire.mime_type or None, filename=wire.filename or None)
    caption = wire.caption or None
    match kind:
        case "image":
            return Image(media=ref, caption=caption)
        case "video":
            return Video(media=ref, caption=caption)
        case "document":
            return DocumentFile(media=ref, caption=caption)
        case "sticker":
            return Sticker(media=ref, animated=bool(wire.animated))
        case _:  # "voice" was a type of its own once
            return Audio(media=ref, voice=bool(wire.voice) or kind == "voice")


def _media(kind: str) -> Callable[[Any, dict[str, Any]], Said]:
    def read(payload: Any, raw: dict[str, Any]) -> Said:
        wire = WireMedia.of(payload)
        media = remote_media(wire, each(raw, "errors"), RECEIVED_MEDIA_LIFETIME_S)
        return Said(media_content(kind, wire), media)

    return read


def location(payload: Any, raw: dict[str, Any]) -> Said:
    wire = WireLocation.of(payload)
    return Said(
        Location(
            latitude=wire.latitude,
            longitude=wire.longitude,
            name=wire.name or None,
            address=wire.address or None,
            url=wire.url or None,
        )
    )


def contacts(payload: Any, raw: dict[str, Any]) -> Said:
    """Cards; ``origin`` ("contact_request", "other") has been seen on the cards and on the message."""
    if not isinstance(payload, list):
        raise Odd("contacts is not a list")
    origin = text(raw, "origin")
    cards = []
    for given in payload:
        wire = WireCard.of(given)
        origin = origin or wire.origin or None
        cards.append(_card(wire, given))
    return Said(Contacts(contacts=tuple(cards), origin=origin))


def _card(wire: WireCard, given: dict[str, Any]) -> ContactCard:
    name = wire.name
    formatted = name.formatted_name if name else None
    if not formatted and name:
        formatted = " ".join(word for word in (name.first_name, name.last_name) if word)
    if not formatted and (found := _vcard_name.search(wire.vcard or "")):
        formatted = found[1]
    return ContactCard(
        formatted_name=formatted or "",
        first_name=(name and name.first_name) or None,
        last_name=(name and name.last_name) or None,
        phones=tuple(
            ContactPhone(phone=phone.phone or f"+{phone.wa_id}", type=phone.type or None, wa_id=phone.wa_id or None)
            for phone in wire.phones or ()
            if phone.phone or phone.wa_id
        ),
        vcard=wire.vcard or None,
        extra=kept({key: value for key, value in given.items() if key not in ("name", "phones", "vcard", "origin")}),
    )


def interactive(payload: Any, raw: dict[str, Any]) -> Said:
    if not isinstance(payload, dict):
        raise Odd("interactive is not an object")
    kind = text(payload, "type")
    if kind is None:
        raise Odd("interactive.type is missing")
    answer: Any = payload.get(kind)
    match kind:
        case "button_reply":
            return Said(_reply("button", answer))
        case "list_reply":
            return Said(_reply("list", answer))
        case "nfm_reply":
            return Said(_form(answer))
        case "call_permission_reply":
            permission = WireCallPermission.of(answer)
            return Said(InteractiveReply(kind="call_permission", id=permission.response, data=kept(answer)))
        case _:
            reason = "Answers of this kind are not known here."
            return Said(Unsupported(provider_type=f"interactive.{kind}", reason=reason))


def _reply(kind: ReplyKind, answer: Any) -> InteractiveReply:
    wire = WireReply.of(answer)
    return InteractiveReply(kind=kind, id=wire.id, title=wire.title, description=wire.description or None)


def _form(answer: Any) -> InteractiveReply:
    """A form's answer; what is not a JSON object is kept as the text that it is, under "raw"."""
    wire = WireFormReply.of(answer)
    return InteractiveReply(
        kind="address" if wire.name == ADDRESS_FORM else "flow",
        title=wire.body or "",
        data=_form_data(wire.response_json) if wire.response_json else {},
    )


def _form_data(given: str) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(given)
        return kept(data) if isinstance(data, dict) else {"raw": given}
    except (ValueError, RecursionError):
        return {"raw": given}


def quick_reply(payload: Any, raw: dict[str, Any]) -> Said:
    wire = WireQuickReply.of(payload)
    return Said(InteractiveReply(kind="quick_reply", id=wire.payload or "", title=wire.text))


def order(payload: Any, raw: dict[str, Any]) -> Said:
    wire = WireOrder.of(payload)
    items = tuple(
        OrderItem(
            product_id=item.product_retailer_id,
            quantity=item.quantity,
            price=item.item_price or None,
            currency=item.currency or None,
        )
        for item in wire.product_items or ()
    )
    return Said(Order(catalog_id=wire.catalog_id or None, text=wire.text or "", items=items))


MEDIA_TYPES = ("image", "video", "audio", "voice", "document", "sticker")
_READ: dict[str, Callable[[Any, dict[str, Any]], Said]] = {
    "text": _text,
    **{kind: _media(kind) for kind in MEDIA_TYPES},
    "location": location,
    "contacts": contacts,
    "interactive": interactive,
    "button": quick_reply,
    "order": order,
}
