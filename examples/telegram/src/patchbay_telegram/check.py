"""What can be sent, checked before anything is queued. No IO.

Every refusal names the part by a JSON pointer and says what to do. What is not refused is sent as it is.
"""

from __future__ import annotations

import re
from typing import NoReturn

from patchbay.channel import Recipient
from patchbay.errors import Unsupported
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

from patchbay_telegram import limits as the
from patchbay_telegram.names import chat_of

_WEB = re.compile(r"(https?://[^\s/?#]+|tg://)\S*", re.IGNORECASE)  # InlineKeyboardButton, "url"


def check(content: AnyContent, recipient: Recipient, media: Media | None) -> None:
    """Return if Telegram takes this content for this recipient; else raise ``Unsupported``."""
    chat = chat_of(recipient)
    if chat is None:
        raise Unsupported("No Telegram chat of this person is known.", pointer="/to", hint="The person writes first.")
    match content:
        case Text():
            _filled(content.text, "/text")
        case Image() | Video() | DocumentFile():
            _within(content.caption, "/caption", the.CAPTION_LIMIT)
            check_file(type_of(content), content.media, media)
        case Audio():
            _audio(content, media)
        case Sticker():
            check_file("sticker", content.media, media)
        case Location():
            _location(content)
        case Contacts():
            _contacts(content)
        case Interactive():
            _interactive(content, media, private=chat > 0)
        case _:
            refuse("", f"Telegram cannot send {type_of(content)!r}.", "Send it as text.")


def refuse(pointer: str, reason: str, hint: str) -> NoReturn:
    raise Unsupported(reason, pointer="/content" + pointer, hint=hint)


def check_file(kind: str, ref: MediaRef, media: Media | None, pointer: str = "/media") -> None:
    """Judge a file by its type and size, as sniffed when it was stored."""
    rule = the.CAPABILITIES.media[kind]
    mime_type = plain_type(ref, media)
    size = media.size if media is not None and media.size is not None else ref.size
    if mime_type is None:
        refuse(pointer, "The type of the file is not known.", "Upload the file first.")
    if mime_type not in rule.mime_types and the.ANY_TYPE not in rule.mime_types:
        accepted = ", ".join(sorted(rule.mime_types))
        refuse(pointer, f"Telegram takes no {mime_type} as {kind}.", f"Use {accepted}, or send it as a document.")
    most = the.STICKER_BYTES[mime_type] if kind == "sticker" else rule.max_bytes
    if size is not None and size > most:
        refuse(pointer, f"The file has {size} bytes; Telegram takes {most} for this kind.", "Make it smaller.")
    if size == 0:
        refuse(pointer, "The file is empty.", "Upload it again.")


def plain_type(ref: MediaRef, media: Media | None) -> str | None:
    """The MIME type without its parameters; None when there is none."""
    given = (media.mime_type if media is not None else None) or ref.mime_type or ""
    return given.partition(";")[0].strip().lower() or None


def _filled(text: str, pointer: str) -> None:
    if not text.strip():
        refuse(pointer, "The text is empty.", "Give a text.")


def _within(text: str | None, pointer: str, limit: int) -> None:
    if (count := the.length(text or "")) > limit:
        hint = "Send the rest as a text of its own."
        refuse(pointer, f"The text has {count} characters; Telegram takes {limit} here.", hint)


def _audio(content: Audio, media: Media | None) -> None:
    check_file("audio", content.media, media)
    if not content.voice and plain_type(content.media, media) == "audio/ogg":  # sendAudio: MP3 or M4A
        refuse("/media", "Telegram plays audio/ogg only as a voice message.", "Send it as voice, or as a document.")


def _location(content: Location) -> None:
    if not -90 <= content.latitude <= 90:  # also what is not a number
        refuse("/latitude", "A latitude is between -90 and 90 degrees.", "Correct it.")
    if not -180 <= content.longitude <= 180:
        refuse("/longitude", "A longitude is between -180 and 180 degrees.", "Correct it.")
    if content.url is not None:
        refuse("/url", "Telegram sends no link with a location.", "Send it as a text of its own.")
    if bool(content.name) != bool(content.address):  # sendVenue requires both
        missing = "/address" if content.name else "/name"
        refuse(missing, "Telegram shows a name and an address only together.", "Give both, or none.")


def _contacts(content: Contacts) -> None:
    if not 1 <= len(content.contacts) <= the.CARDS:
        refuse("/contacts", f"Between 1 and {the.CARDS} cards can be sent, each as its own message.", "Send fewer.")
    if content.origin is not None:
        refuse("/origin", "The origin of a card is what Telegram says, not what is sent.", "Leave it out.")
    for place, card in enumerate(content.contacts):
        _card(card, f"/contacts/{place}")


def _card(card: ContactCard, pointer: str) -> None:
    if len(card.phones) != 1 or not card.phones[0].phone.strip():
        refuse(f"{pointer}/phones", "A card at Telegram has exactly one phone number.", "Put others into the vCard.")
    if not (card.first_name or card.formatted_name).strip():
        refuse(f"{pointer}/formatted_name", "A card needs a name.", "Give one.")
    if card.extra:
        refuse(f"{pointer}/extra", "Telegram sends nothing more with a card.", "Put it into the vCard.")
    if card.vcard is not None and len(card.vcard.encode("utf-8", "surrogatepass")) > the.VCARD_BYTES:
        refuse(f"{pointer}/vcard", f"A vCard has at most {the.VCARD_BYTES} bytes.", "Make it shorter.")


def _interactive(content: Interactive, media: Media | None, *, private: bool) -> None:
    if content.kind not in the.CAPABILITIES.interactive:
        refuse("/kind", f"Telegram has nothing like {content.kind!r}.", "Use buttons, or send it as text.")
    for name in ("footer", "sections", "cards", "catalog_id", "product_id", "parameters"):
        if getattr(content, name):
            refuse(f"/{name}", f"Telegram shows no {name.replace('_', ' ')} here.", "Put it into the body.")
    _filled(content.body, "/body")
    if content.header is None:
        _within(content.body, "/body", the.TEXT_LIMIT)
    elif content.header.media is None:
        refuse("/header", "Telegram shows no title above a text.", "Put it into the body.")
    else:
        _within(content.body, "/body", the.CAPTION_LIMIT)
        check_file(content.header.kind, content.header.media, media, "/header/media")
    match content.kind:
        case "buttons" | "quick_replies":
            _buttons(content)
        case "cta_url":
            _label(content)
            _link(content.url, "/url")
        case _:
            _label(content)
            if not private:
                refuse("/kind", "Telegram asks for that in private chats only.", "Ask in words.")


def _buttons(content: Interactive) -> None:
    if not 1 <= len(content.buttons) <= the.BUTTONS:
        refuse("/buttons", f"There are between 1 and {the.BUTTONS} buttons.", "Send fewer.")
    if content.button is not None or content.url is not None:
        refuse("/button", "Buttons stand in the list of buttons.", "Move it there.")
    for place, button in enumerate(content.buttons):
        _button(button, f"/buttons/{place}")


def _button(button: Button, pointer: str) -> None:
    _filled(button.title, f"{pointer}/title")
    if button.payload is not None:
        refuse(f"{pointer}/payload", "A button at Telegram gives one value back, its id.", "Leave the payload out.")
    if button.url is not None:
        _link(button.url, f"{pointer}/url")
    elif not 1 <= len(button.id.encode("utf-8", "surrogatepass")) <= the.CALLBACK_BYTES:
        refuse(f"{pointer}/id", f"The id of a button has 1 to {the.CALLBACK_BYTES} bytes.", "Make it shorter.")


def _label(content: Interactive) -> None:
    _filled(content.button or "", "/button")
    if content.buttons:
        refuse("/buttons", "There is one button here; its label is `button`.", "Leave the list out.")


def _link(url: str | None, pointer: str) -> None:
    if not url or not _WEB.fullmatch(url):
        refuse(pointer, "A link starts with https://, http:// or tg://.", "Give the whole address.")
