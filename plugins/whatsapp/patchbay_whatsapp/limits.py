"""What can be sent, checked before anything is queued. No IO.

Every refusal is ``Unsupported``: it names the part by a JSON pointer and says what to do. What is not refused here is
sent as it is; nothing is cut, dropped or turned into something else.
"""

from __future__ import annotations

import re

from patchbay.channel import Recipient
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
    MediaRef,
    Native,
    Sticker,
    Template,
    Text,
    Video,
    type_of,
)
from patchbay.model.media import Media
from patchbay_whatsapp import capabilities as the
from patchbay_whatsapp.limits_interactive import check_interactive
from patchbay_whatsapp.limits_template import check_template
from patchbay_whatsapp.measure import check_text, refuse
from patchbay_whatsapp.recipients import group_of, phone_of, reachable

GROUP_CONTENTS = frozenset({"text", "image", "video", "audio", "document", "sticker", "template"})
_BIRTHDAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def check(content: AnyContent, recipient: Recipient, media: Media | None) -> None:
    """Return if WhatsApp takes this content for this recipient; else raise ``Unsupported``."""
    if not reachable(recipient):
        raise Unsupported(
            "Neither a phone number nor a WhatsApp user id of this person is known.", pointer="/to", hint="Give one."
        )
    if group_of(recipient) is not None and type_of(content) not in GROUP_CONTENTS:
        refuse("", "Groups take only text, files and templates.", "Send it as text.")
    match content:
        case Text():
            check_text(content.text, "/text", the.TEXT_LIMIT, "Send it as several messages.")
        case Image():
            _caption(content.caption)
            check_file("image", content.media, media)
        case Video():
            _caption(content.caption)
            check_file("video", content.media, media)
        case DocumentFile():
            _caption(content.caption)
            check_file("document", content.media, media)
        case Audio():
            _audio(content, media)
        case Sticker():
            largest = the.ANIMATED_STICKER_BYTES if content.animated else the.STATIC_STICKER_BYTES
            check_file("sticker", content.media, media, largest)
        case Location():
            _location(content)
        case Contacts():
            _contacts(content)
        case Interactive():
            check_interactive(content)
            header = content.header
            if header is not None and header.media is not None:
                check_file(header.kind, header.media, media, pointer="/header/media")
        case Template():
            check_template(content, by_phone=phone_of(recipient) is not None or group_of(recipient) is not None)
        case Native():
            _native(content)
        case _:
            refuse("", f"WhatsApp cannot send {type_of(content)!r}.", "Send it as text.")


def check_file(
    kind: str, ref: MediaRef, media: Media | None, largest: int | None = None, pointer: str = "/media"
) -> None:
    """Judge a file by its type and size, as sniffed when it was stored; the reference's own where there is no more.
    What is at an address only WhatsApp finds out."""
    if ref.url is not None:
        return
    rule = the.CAPABILITIES.media[kind]
    mime_type = plain_type((media.mime_type if media else None) or ref.mime_type)
    size = media.size if media and media.size is not None else ref.size
    accepted = ", ".join(sorted(rule.mime_types - {the.ANY_TYPE}))
    if mime_type is None:
        refuse(pointer, "The type of the file is not known.", "Upload the file first.")
    if mime_type not in rule.mime_types and the.ANY_TYPE not in rule.mime_types:
        hint = f"Use one of {accepted}, or send it as a document."
        refuse(pointer, f"WhatsApp takes no {mime_type} as {kind}.", hint)
    most = largest or rule.max_bytes
    if size is not None and size > most:
        refuse(pointer, f"The file has {size} bytes; WhatsApp takes {most} for this kind.", "Make it smaller.")
    if size == 0:
        refuse(pointer, "The file is empty.", "Upload it again.")


def plain_type(mime_type: str | None) -> str | None:
    """The MIME type without its parameters; None when there is none."""
    return (mime_type or "").partition(";")[0].strip().lower() or None


def _caption(caption: str | None) -> None:
    if caption is not None:
        check_text(caption, "/caption", the.CAPTION_LIMIT, "Send the rest as a text of its own.", least=0)


def _audio(content: Audio, media: Media | None) -> None:
    check_file("audio", content.media, media)
    mime_type = plain_type((media.mime_type if media else None) or content.media.mime_type)
    if content.voice and content.media.url is None and mime_type != "audio/ogg":
        refuse("/voice", f"A voice message is audio/ogg with Opus, not {mime_type}.", "Send it as plain audio.")


def _native(content: Native) -> None:
    """What says whom it is for, and what is ours to say, is not the content's."""
    kind = content.payload.get("type")
    if not isinstance(kind, str) or kind not in content.payload:
        hint = 'Give it like {"type": "text", "text": {...}}.'
        refuse("/payload/type", "A message has a type, and a member of that name.", hint)
    if others := sorted(content.payload.keys() - {"type", kind}):
        refuse(f"/payload/{others[0]}", "Beside its type and that member a message has nothing here.", "Leave it out.")


def _location(content: Location) -> None:
    if not -90 <= content.latitude <= 90:  # also what is not a number
        refuse("/latitude", "A latitude is between -90 and 90 degrees.", "Correct it.")
    if not -180 <= content.longitude <= 180:
        refuse("/longitude", "A longitude is between -180 and 180 degrees.", "Correct it.")
    if content.url is not None:
        refuse("/url", "WhatsApp sends no link with a location.", "Send it as a text of its own.")
    if content.address and not content.name:
        refuse("/name", "WhatsApp shows an address only below a name.", "Give the place a name.")


def _contacts(content: Contacts) -> None:
    if not content.contacts:
        refuse("/contacts", "There is no card.", "Give one.")
    if content.origin is not None:
        refuse("/origin", "The origin of cards is what WhatsApp says, not what is sent.", "Leave it out.")
    for place, card in enumerate(content.contacts):
        _card(card, f"/contacts/{place}")


def _card(card: ContactCard, pointer: str) -> None:
    names = card.extra.get("name")
    more = names if isinstance(names, dict) else {}
    if not card.formatted_name.strip():
        refuse(f"{pointer}/formatted_name", "A card needs a formatted name.", "Give the name as it is to be shown.")
    if not any((card.first_name, card.last_name, *(more.get(part) for part in the.NAME_PARTS))):
        hint = "Give a first name or a last name as well."
        refuse(f"{pointer}/first_name", "A card needs one part of the name beside the formatted one.", hint)
    if card.vcard is not None:
        refuse(f"{pointer}/vcard", "WhatsApp sends no vCard.", "Leave it out; the named fields are sent.")
    for name in card.extra:
        if name not in the.CARD_EXTRAS:
            refuse(f"{pointer}/extra/{name}", "WhatsApp knows no such part of a card.", "Leave it out.")
    for name in more:
        if name not in the.NAME_PARTS:
            refuse(f"{pointer}/extra/name/{name}", "WhatsApp knows no such part of a name.", "Leave it out.")
    birthday = card.extra.get("birthday")
    if birthday is not None and not (isinstance(birthday, str) and _BIRTHDAY.fullmatch(birthday)):
        refuse(f"{pointer}/extra/birthday", "A birthday is written YYYY-MM-DD.", "Correct it.")
    for at, phone in enumerate(card.phones):
        if not phone.phone.strip():
            refuse(f"{pointer}/phones/{at}/phone", "The phone number is empty.", "Leave it out.")
