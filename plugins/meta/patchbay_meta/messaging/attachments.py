"""What is attached to a message, each attachment as content. No IO.

An attachment names no size, mime type or file name; its URL is signed and expires at a time that nobody promises, so it
is fetched at once. Source: Messenger Platform, Webhooks, "messages", the attachment types.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from patchbay.channel.inbound import RemoteMedia
from patchbay.model.content import (
    AnyContent,
    Audio,
    DocumentFile,
    Image,
    Location,
    MediaRef,
    Share,
    Sticker,
    SystemNotice,
    Unsupported,
    Video,
)
from patchbay_meta.messaging.cards import template
from patchbay_meta.messaging.links import file_name
from patchbay_meta.messaging.links import web_url as web_url
from patchbay_meta.reading import kept, moment_of, part, text

FACEBOOK = "https://www.facebook.com/"
INSTAGRAM = "https://www.instagram.com/"
# The thumbs-up, by how long it was held. Source: Messenger Platform, Webhooks, "messages", sticker_id.
THUMBS_UP = {"369239263222822": "small", "369239343222814": "medium", "369239383222810": "large"}
NO_FILE = "The message names no file."


class Said(NamedTuple):
    """A content, the file at the provider that belongs to it, and what has no field of its own."""

    content: AnyContent
    media: RemoteMedia | None = None
    context: Mapping[str, Any] = {}


Attachment = Callable[[dict[str, Any]], Said]


def attachment(raw: Any, readers: Mapping[str, Attachment]) -> Said:
    """One member of ``message.attachments``; one of a kind that nobody reads is ``Unsupported``, not lost."""
    kind = text(raw, "type") if isinstance(raw, dict) else None
    if kind is None:
        return Said(Unsupported(provider_type="attachment", reason="The attachment does not say what it is."))
    read = readers.get(kind)
    return unsupported(kind, raw) if read is None else read(raw)


def unsupported(kind: str, raw: dict[str, Any], reason: str = "Attachments of this kind are not known here.") -> Said:
    """What cannot be shown as itself: what it is called, with its address where there is one."""
    url = web_url(text(part(raw, "payload"), "url"))
    return Said(Unsupported(provider_type=kind, reason=reason), context={"url": url} if url else {})


def remote(raw: dict[str, Any], *, named: bool = False) -> RemoteMedia:
    """The file of an attachment; with the reason when there is none."""
    url = web_url(text(part(raw, "payload"), "url"))
    if url is None:
        return RemoteMedia(error=NO_FILE)
    return RemoteMedia(url=url, filename=file_name(url) if named else None)


def image(raw: dict[str, Any]) -> Said:
    """A picture; before August 2026 stickers came as pictures too."""
    if text(part(raw, "payload"), "sticker_id"):
        return sticker(raw)
    return Said(Image(media=MediaRef(id="")), remote(raw))


def video(raw: dict[str, Any]) -> Said:
    return Said(Video(media=MediaRef(id="")), remote(raw))


def audio(raw: dict[str, Any]) -> Said:
    return Said(Audio(media=MediaRef(id="")), remote(raw))


def file(raw: dict[str, Any]) -> Said:
    media = remote(raw, named=True)
    return Said(DocumentFile(media=MediaRef(id="", filename=media.filename)), media)


def sticker(raw: dict[str, Any]) -> Said:
    context: dict[str, Any] = {}
    if id := text(part(raw, "payload"), "sticker_id"):
        context["sticker_id"] = id
        if id in THUMBS_UP:
            context["thumbs_up"] = THUMBS_UP[id]
    return Said(Sticker(media=MediaRef(id="")), remote(raw), context)


def location(raw: dict[str, Any]) -> Said:
    """A place; the key of the longitude is ``long``."""
    coordinates = part(part(raw, "payload"), "coordinates")
    latitude = _degrees(coordinates.get("lat"), 90)
    longitude = _degrees(coordinates.get("long", coordinates.get("lng")), 180)
    if latitude is None or longitude is None:
        return unsupported("location", raw, "The location has no coordinates.")
    url = web_url(text(raw, "url"))
    return Said(Location(latitude=latitude, longitude=longitude, name=text(raw, "title"), url=url))


def _degrees(given: Any, most: int) -> float | None:
    try:
        degrees = float(given) if isinstance(given, (int, float, str)) and not isinstance(given, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return degrees if abs(degrees) <= most else None


def shared(base: str) -> Attachment:
    """Of a reel or post that was shared: a page, not a file. Its address may be a path of the site ``base``."""

    def read(raw: dict[str, Any]) -> Said:
        payload = part(raw, "payload")
        kind = text(raw, "type") or "share"
        url, title = web_url(text(payload, "url"), base), text(payload, "title")
        ids = {name: id for name in payload if name.endswith("_id") and (id := text(payload, name))}
        if url is None and title is None and not ids:
            return unsupported(kind, raw, "It does not say what was shared.")
        return Said(Share(url=url, title=title), context={"share": {"type": kind, **ids}})

    return read


def fallback(raw: dict[str, Any]) -> Said:
    """A link, or what Messenger does not hand on. Older ones have title and address beside the type."""
    url, title = link(raw)
    if url is None and title is None:
        return Said(Unsupported(provider_type="fallback", reason="Messenger does not hand on what was shared."))
    return Said(Share(url=url, title=title))


def link(raw: dict[str, Any]) -> tuple[str | None, str | None]:
    """Address and title of a fallback."""
    payload = part(raw, "payload")
    url = text(payload, "url") or text(raw, "url")
    return web_url(url, FACEBOOK), text(payload, "title") or text(raw, "title")


def appointment(raw: dict[str, Any]) -> Said:
    """The card of an appointment: requested, confirmed, declined or cancelled. Its times are Unix seconds."""
    payload = part(raw, "payload")
    status = text(payload, "status") or "changed"
    begins, ends = moment_of(payload.get("start_time")), moment_of(payload.get("end_time"))
    said = f"Appointment {status}"
    if begins is not None:
        said += f": {begins:%Y-%m-%d %H:%M}" + (f" to {ends:%Y-%m-%d %H:%M}" if ends else "") + " UTC"
    return Said(SystemNotice(notice="appointment_booking", text=f"{said}.", data=kept(payload)))


# The kinds that both channels can meet; each channel adds its own.
ATTACHMENTS: Mapping[str, Attachment] = {
    "image": image,
    "video": video,
    "audio": audio,
    "file": file,
    "sticker": sticker,
    "location": location,
    "fallback": fallback,
    "template": lambda raw: Said(template(raw)),
    "reel": shared(FACEBOOK),
    "ig_reel": shared(INSTAGRAM),
    "post": shared(FACEBOOK),
    "ig_post": shared(INSTAGRAM),
    "appointment_booking": appointment,
}
