"""What can be sent, checked before anything is queued. No IO.

Every refusal is ``Unsupported``: it names the part by a JSON pointer and says what to do. What is not refused here is
sent as it is, a long text and a caption as messages of their own (see ``parts``); nothing is cut or dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from msgspec.structs import replace

from patchbay.channel import Recipient
from patchbay.errors import Unsupported
from patchbay.model.content import (
    AnyContent,
    Audio,
    DocumentFile,
    Image,
    Interactive,
    MediaRef,
    Native,
    Template,
    Text,
    Video,
    type_of,
)
from patchbay.model.media import Media
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.recipients import person_in
from patchbay_meta.messaging.split import split_text

PARTS_AT_MOST = 20  # messages that one text may become: more is not a conversation
ANY_TYPE = "*/*"
_WEB = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


def refuse(pointer: str, reason: str, hint: str) -> NoReturn:
    """Raise ``Unsupported``; ``pointer`` is a JSON pointer below the content."""
    raise Unsupported(reason, pointer="/content" + pointer, hint=hint)


def parts(content: AnyContent, to: Dialect) -> Sequence[AnyContent]:
    """The content as the messages that it takes: a file goes before its caption, for the Send API knows no captions."""
    match content:
        case Text():
            texts = split_text(content.text, to.text_limit, to.measure)
            return [replace(content, text=text) for text in texts] if len(texts) > 1 else (content,)
        case Image(caption=str(caption)) | Video(caption=str(caption)) | DocumentFile(caption=str(caption)):
            texts = split_text(caption, to.text_limit, to.measure) if caption else ()
            return (replace(content, caption=None), *(Text(text=text) for text in texts))
        case _:
            return (content,)


def check_common(content: AnyContent, recipient: Recipient, media: Media | None, to: Dialect) -> None:
    """Judge what needs no more than the dialect: whom it is for, texts and files."""
    if person_in(recipient, to.kind) is None:
        raise Unsupported(f"No {to.name} id of this person is known.", pointer="/to", hint="Give one.")
    if type_of(content) not in to.capabilities.contents:
        refuse("", f"{to.name} cannot send {type_of(content)!r}.", "Send it as text.")
    match content:
        case Text():
            check_words(content.text, "/text", to)
        case Image() | Video() | DocumentFile():
            if content.caption:
                check_words(content.caption, "/caption", to)
            check_file(type_of(content), content.media, media, to)
        case Audio():
            check_file("audio", content.media, media, to)
        case Interactive() if content.kind not in to.capabilities.interactive:
            hint = "Use quick_replies (up to 13) or buttons (up to 3)."
            refuse("/kind", f"{to.name} has no interactive message of the kind {content.kind!r}.", hint)
        case Native():
            check_native(content)
        case Interactive() | Template() | _:
            return


def check_native(content: Native) -> None:
    """A value of ``message`` that Meta alone judges. Its note is ours: by it an echo is known again."""
    if not content.payload:
        refuse("/payload", "The message is empty.", 'Give the value of "message", like {"text": "Hello"}.')
    if "metadata" in content.payload:
        refuse("/payload/metadata", "The metadata of a message is set here.", "Leave it out.")


def check_words(text: str, pointer: str, to: Dialect) -> None:
    """A text that may take several messages, none of which would be blank."""
    if not text.strip():
        refuse(pointer, "The text is empty.", "Give a text.")
    length = to.measure(text)
    pieces = split_text(text, to.text_limit, to.measure) if length <= PARTS_AT_MOST * to.text_limit else ()
    if not 1 <= len(pieces) <= PARTS_AT_MOST:
        reason = f"The text has {length} {to.unit}; that is more than {PARTS_AT_MOST} messages."
        refuse(pointer, reason, "Make it shorter.")
    if not all(piece.strip() for piece in pieces):
        refuse(pointer, "There is more white space in one place than a message holds.", "Take some out.")


def check_text(
    value: str | None, pointer: str, limit: int, hint: str = "Make it shorter.", *, to: Dialect | None = None
) -> None:
    """A text of at most ``limit`` with something to see in it; counted in characters unless a dialect is given."""
    text = value or ""
    length, unit = (len(text), "characters") if to is None else (to.measure(text), to.unit)
    if length > limit:
        refuse(pointer, f"The text has {length} {unit}; {limit} are taken.", hint)
    if not text.strip():
        refuse(pointer, "The text is empty.", "Give a text.")


def check_link(url: str | None, pointer: str) -> None:
    """An address that a phone can open."""
    if not url or not _WEB.fullmatch(url):
        refuse(pointer, "A link starts with https:// or http://.", "Give the whole address.")


def check_file(kind: str, ref: MediaRef, media: Media | None, to: Dialect, pointer: str = "/media") -> None:
    """Judge a file by its type and size, as sniffed when it was stored; the reference's own where there is no more.
    What is at an address only Meta finds out."""
    if ref.url is not None:
        return
    rule = to.rule(kind)
    mime_type = plain_type((media.mime_type if media else None) or ref.mime_type)
    size = media.size if media and media.size is not None else ref.size
    if mime_type is None:
        refuse(pointer, "The type of the file is not known.", "Upload the file first.")
    if not rule.mime_types & {mime_type, mime_type.partition("/")[0] + "/*", ANY_TYPE}:
        accepted = ", ".join(sorted(rule.mime_types))
        instead = ", or send it as a document" if ANY_TYPE in to.rule("document").mime_types else ""
        refuse(pointer, f"{to.name} takes no {mime_type} as {kind}.", f"Use one of {accepted}{instead}.")
    if size is not None and size > rule.max_bytes:
        reason = f"The file has {size} bytes; {to.name} takes {rule.max_bytes} for this kind."
        refuse(pointer, reason, "Make it smaller, or send a link.")
    if size == 0:
        refuse(pointer, "The file is empty.", "Upload it again.")


def plain_type(mime_type: str | None) -> str | None:
    """The MIME type without its parameters; None when there is none."""
    return (mime_type or "").partition(";")[0].strip().lower() or None
