"""What a message says: the object under its kind, as content. No IO. Source: Telegram Bot API, "Message"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import convert
from patchbay.channel import RemoteMedia
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
    Sticker,
    Text,
    Unsupported,
    Video,
)

from patchbay_telegram.kinds import AROUND, UNSUPPORTED
from patchbay_telegram.limits import DOWNLOAD_BYTES
from patchbay_telegram.rich import words_of
from patchbay_telegram.wire import (
    File,
    Message,
    Odd,
    PhotoSize,
    Venue,
    WebAppData,
    WireContact,
    WireLocation,
    WireSticker,
    kept,
)

TOO_LARGE = "The file is larger than the 20 MB that a bot may download."


class Said(NamedTuple):
    """A content, the file that belongs to it, what has no field of its own, and the sender's phone number where they
    shared it."""

    content: AnyContent
    media: RemoteMedia | None = None
    context: Mapping[str, Any] = {}
    own_number: str | None = None


def said(message: Message, raw: Mapping[str, Any]) -> Said:
    """What the message says. The order of ``_READ`` decides: an animation comes with a document beside it, a venue
    with a location. Raises ``Odd`` or msgspec's ``ValidationError`` for what is not of its form."""
    for kind, read in _READ.items():
        if raw.get(kind) is not None:
            return read(message, raw[kind])
    if words := words_of(raw.get("rich_message")):
        return Said(Text(text=words), context=_as_given(raw, "rich_message"))
    for kind in UNSUPPORTED:
        if kind in raw:
            content = Unsupported(provider_type=kind, reason="There is no place for this kind of message here.")
            return Said(content, context=_as_given(raw, kind))
    unknown = next((name for name in raw if name not in AROUND), "message")
    content = Unsupported(provider_type=unknown[:64], reason="Messages of this kind are not known here.")
    return Said(content, context=_as_given(raw, unknown))


def _as_given(raw: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What is said in Telegram's own form, so that it can be looked at all the same; nothing of documents of identity,
    and of what no store could hold."""
    if kind == "passport_data" or raw.get(kind) is None:
        return {}
    try:
        return {kind[:64]: kept(raw[kind])}
    except Odd:
        return {}


def file_of(file: File, mime_type: str | None = None) -> tuple[MediaRef, RemoteMedia]:
    """The empty reference that the core binds, and where the file is."""
    mime_type, name = file.mime_type or mime_type, file.file_name or None
    if not file.file_id:
        raise Odd("the file has no id")
    remote = RemoteMedia(
        provider_id=file.file_id,
        unique_id=file.file_unique_id or None,
        mime_type=mime_type,
        size=file.file_size,
        filename=name,
        error=TOO_LARGE if (file.file_size or 0) > DOWNLOAD_BYTES else None,
    )
    return MediaRef(id="", mime_type=mime_type, size=file.file_size, filename=name), remote


def _text(message: Message, given: Any) -> Said:
    return Said(Text(text=convert(given, str)))


def _photo(message: Message, given: Any) -> Said:
    """The largest of the sizes; all are JPEG."""
    sizes = convert(given, tuple[PhotoSize, ...])
    if not sizes:
        raise Odd("photo is empty")
    best = max(sizes, key=lambda size: (size.width * size.height, size.file_size or 0))
    photo = File(file_id=best.file_id, file_unique_id=best.file_unique_id, file_size=best.file_size)
    ref, remote = file_of(photo, "image/jpeg")
    return Said(Image(media=ref, caption=message.caption), remote)


def _video(message: Message, given: Any) -> Said:
    ref, remote = file_of(convert(given, File), "video/mp4")
    return Said(Video(media=ref, caption=message.caption), remote)


def _animation(message: Message, given: Any) -> Said:
    """A GIF, mostly as a video without sound."""
    file = convert(given, File)
    ref, remote = file_of(file, "video/mp4")
    kind = Image if file.mime_type == "image/gif" else Video
    return Said(kind(media=ref, caption=message.caption), remote, {"animation": True})


def _video_note(message: Message, given: Any) -> Said:
    ref, remote = file_of(convert(given, File), "video/mp4")
    return Said(Video(media=ref), remote, {"video_note": True})


def _audio(message: Message, given: Any) -> Said:
    ref, remote = file_of(convert(given, File))
    return Said(Audio(media=ref), remote, _caption(message))


def _voice(message: Message, given: Any) -> Said:
    ref, remote = file_of(convert(given, File), "audio/ogg")
    return Said(Audio(media=ref, voice=True), remote, _caption(message))


def _caption(message: Message) -> dict[str, Any]:
    """Sounds have no caption here, but there they may."""
    return {"caption": message.caption} if message.caption else {}


def _document(message: Message, given: Any) -> Said:
    ref, remote = file_of(convert(given, File))
    return Said(DocumentFile(media=ref, caption=message.caption), remote)


def _sticker(message: Message, given: Any) -> Said:
    wire = convert(given, WireSticker)
    mime_type = "application/x-tgsticker" if wire.is_animated else "video/webm" if wire.is_video else "image/webp"
    file = File(file_id=wire.file_id, file_unique_id=wire.file_unique_id, file_size=wire.file_size)
    ref, remote = file_of(file, mime_type)
    about = {name: value for name, value in (("emoji", wire.emoji), ("set_name", wire.set_name)) if value}
    sticker = Sticker(media=ref, animated=wire.is_animated or wire.is_video)
    return Said(sticker, remote, {"sticker": about} if about else {})


def _location(message: Message, given: Any) -> Said:
    wire = convert(given, WireLocation)
    content = Location(latitude=wire.latitude, longitude=wire.longitude)
    live = isinstance(given, dict) and "live_period" in given
    return Said(content, None, {"live_location": kept(given)} if live else {})


def _venue(message: Message, given: Any) -> Said:
    wire = convert(given, Venue)
    place = wire.location
    name, address = wire.title or None, wire.address or None
    return Said(Location(latitude=place.latitude, longitude=place.longitude, name=name, address=address))


def _contact(message: Message, given: Any) -> Said:
    """One card. ``origin`` says whether it is the sender's own, which Telegram tells by the user's number."""
    wire = convert(given, WireContact)
    card = ContactCard(
        formatted_name=" ".join(word for word in (wire.first_name, wire.last_name) if word),
        first_name=wire.first_name or None,
        last_name=wire.last_name or None,
        phones=(ContactPhone(phone=wire.phone_number),),
        vcard=wire.vcard or None,
        extra={} if wire.user_id is None else {"user_id": str(wire.user_id)},
    )
    own = message.sender is not None and wire.user_id == message.sender.id
    content = Contacts(contacts=(card,), origin="own" if own else None)
    return Said(content, own_number=wire.phone_number if own else None)


def _web_app(message: Message, given: Any) -> Said:
    wire = convert(given, WebAppData)
    return Said(InteractiveReply(kind="flow", title=wire.button_text, data={"data": wire.data}))


_READ: Mapping[str, Callable[[Message, Any], Said]] = {
    "text": _text,
    "animation": _animation,
    "photo": _photo,
    "video": _video,
    "video_note": _video_note,
    "audio": _audio,
    "voice": _voice,
    "document": _document,
    "sticker": _sticker,
    "venue": _venue,
    "location": _location,
    "contact": _contact,
    "web_app_data": _web_app,
}
