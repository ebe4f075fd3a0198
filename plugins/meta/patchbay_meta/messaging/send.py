"""The requests of the Send API and what their answers say. No IO.

Sources: Messenger Platform, Send API; Attachment upload (April 2026: an attachment_id lives 90 days); Sender actions,
Reactions (January 2026); Instagram Platform, the same pages.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from patchbay.channel import ApiRequest, ApiResponse, FilePart, Outgoing, Recipient, SendReceipt, UploadedMedia
from patchbay.errors import AccountBroken, MediaRefused, OutcomeUnknown, Rejected, SendError, Unavailable, Unsupported
from patchbay.model.content import (
    AnyContent,
    DocumentFile,
    Header,
    Image,
    Interactive,
    MediaRef,
    Native,
    Text,
    Video,
    media_of,
    type_of,
)
from patchbay.model.media import Media
from patchbay_meta.messaging import options
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.messaging.interactive import interactive
from patchbay_meta.messaging.limits import plain_type
from patchbay_meta.messaging.recipients import address, has_mid, keys_in, private_reply_to

UPLOAD_FOR = timedelta(days=90)
METADATA_LIMIT = 999  # characters: "less than 1000"
ATTACHMENTS = {"image": "image", "video": "video", "audio": "audio", "document": "file"}
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "audio/aac": "aac",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "text/plain": "txt",
    "application/pdf": "pdf",
}
NO_TAG = "Meta does not let this app use the HUMAN_AGENT tag."
NO_TAG_HINT = "Ask for the Human Agent feature in App Review; until then answer within the window."


def envelope(message: Outgoing, to: Dialect) -> dict[str, Any]:
    """All of the body but ``message``. What answers something that Meta has no mid for goes without a quotation: the
    person saw no message there. Raises ``RecipientUnreachable``, ``Unsupported``."""
    found: dict[str, Any] = {
        "recipient": address(message.recipient, to.kind, message.reply_to),
        **options.members(message.content, message.options, to),
    }
    if message.reply_to and has_mid(message.reply_to):
        found["reply_to"] = {"mid": message.reply_to}
    return found


def noted(part: Mapping[str, Any], reference: str, to: Dialect) -> Mapping[str, Any]:
    """The value of ``message`` with our reference, where its echo gives it back."""
    return {**part, "metadata": reference[:METADATA_LIMIT]} if to.metadata and reference else part


def content_part(content: AnyContent, attachment_id: str | None, to: Dialect) -> Mapping[str, Any]:
    """The value of ``message`` for what both channels carry. ``limits`` let the content pass."""
    match content:
        case Text():
            return {"text": content.text}
        case Native():
            return content.payload
        case Interactive(header=None) if content.kind in to.capabilities.interactive:
            return interactive(content)
        case Image(caption=str(caption)) | Video(caption=str(caption)) | DocumentFile(caption=str(caption)) if caption:
            raise Unsupported(f"{to.name} sends a caption as a message of its own.", pointer="/content/caption")
        case _ if type_of(content) in ATTACHMENTS and type_of(content) in to.capabilities.contents:
            return {"attachment": {"type": ATTACHMENTS[type_of(content)], "payload": file(content, attachment_id)}}
        case _:
            raise Unsupported(f"{to.name} cannot send {type_of(content)!r}.", hint="Send it as text.")


def file(content: AnyContent, attachment_id: str | None) -> Mapping[str, str]:
    """A file by the address that Meta fetches it from, or by what Meta calls the one that was uploaded."""
    url = address_of(content)
    if attachment_id is None and url is not None:
        return {"url": url}
    if not attachment_id:
        raise ValueError("a file is sent by its id or its address")
    return {"attachment_id": attachment_id}


def address_of(content: AnyContent) -> str | None:
    """Where Meta fetches the content's file from, if it does."""
    named = media_of(content)
    return None if named is None else named.url


def file_kind(content: AnyContent) -> str | None:
    """What Meta calls the kind of the content's file; None for a content without one."""
    match content:
        case Interactive(header=Header(kind="image" | "video" as kind, media=MediaRef())):
            return kind
        case _:
            return ATTACHMENTS.get(type_of(content))


def upload(
    node: str, content: AnyContent, media: Media | None, to: Dialect, form: Mapping[str, str]
) -> Generator[ApiRequest, ApiResponse, UploadedMedia]:
    """Hand the stored file of a content over, to be sent from this account. ``form`` is what the flow adds."""
    if media is None:
        raise MediaRefused("The file of the message is not stored.", hint="Upload it and send the message again.")
    kind = file_kind(content) or "file"
    content_type = plain_type(media.mime_type or media.declared_mime_type) or "application/octet-stream"
    attachment = {"attachment": {"type": kind, "payload": {"is_reusable": True}}}
    named = media_of(content)
    name = (named.filename if named else None) or media.filename or f"{kind}.{_EXTENSIONS.get(content_type, 'bin')}"
    response = yield ApiRequest(
        "POST",
        f"{node}/message_attachments",
        form={**form, "message": msgspec.json.encode(attachment).decode()},
        file=FilePart(field="filedata", media=media, filename=name, content_type=content_type),
    )
    attachment_id = _uploaded(response, to)
    return UploadedMedia(media_id=media.id, provider_media_id=attachment_id, lifetime=UPLOAD_FOR)


def fetch(
    node: str, content: AnyContent, url: str, to: Dialect, form: Mapping[str, str]
) -> Generator[ApiRequest, ApiResponse, str]:
    """Let Meta fetch a file for where only an id can stand; what Meta calls it."""
    attachment = {"attachment": {"type": file_kind(content), "payload": {"url": url, "is_reusable": True}}}
    response = yield ApiRequest("POST", f"{node}/message_attachments", json={**form, "message": attachment})
    return _uploaded(response, to)


def _uploaded(response: ApiResponse, to: Dialect) -> str:
    to.errors.check(response)
    attachment_id = _id(response.body.get("attachment_id"))
    if attachment_id is None:
        raise Unavailable(f"{to.name} took the file and gave it no id.", limit=3)
    return attachment_id


def post(node: str, body: Mapping[str, Any], *, effect: bool = True) -> ApiRequest:
    """One call of the Send API."""
    return ApiRequest("POST", f"{node}/messages", json=body, effect=effect)


def action(recipient: Mapping[str, str], name: str, payload: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The body of a sender action, which holds nothing else."""
    return {"recipient": recipient, "sender_action": name, **({"payload": payload} if payload else {})}


def reaction(recipient: Recipient, target: str, emoji: str | None, to: Dialect) -> dict[str, Any]:
    """Our reaction to a message; None takes it back. Raises ``Unsupported`` for what is no message of the chat."""
    if private_reply_to(target) is not None:
        raise Unsupported("A comment takes no reaction from here.", hint="React to it on the page.")
    if not has_mid(target):
        reason = f"{to.name} gave this no id: it is a tap, a cart or a notice, which takes no reaction."
        raise Unsupported(reason, hint="React to a message, or answer in words.")
    message = {"message_id": target}
    whom = address(recipient, to.kind)
    if not emoji:
        return action(whom, "unreact", message)
    return action(whom, "react", {**message, "reaction": to.reaction_names.get(emoji, emoji)})


def is_echoed(envelope: Mapping[str, Any], to: Dialect) -> bool:
    """Whether the echo of a send brings our reference back: to a person by their id, and nobody else. Source: Messenger
    Platform, Webhooks, "message_echoes"."""
    return to.metadata and "id" in envelope["recipient"]


def receipt(
    response: ApiResponse,
    to: Dialect,
    *,
    tagged: bool = False,
    echoed: bool = False,
    of: Collection[str] = (),
    uploaded: UploadedMedia | None = None,
) -> SendReceipt:
    """What was taken. A good answer that names no message is a failure, by the Send API's own word (Responses); it is
    left open only where an echo can still tell (``echoed``): elsewhere nothing would ever settle it."""
    check(response, to, tagged=tagged, of=of)
    external_id = _id(response.body.get("message_id"))
    if external_id is None and echoed:
        raise OutcomeUnknown(f"{to.name} answered without naming the message: it may have been sent.")
    if external_id is None:
        reason = f"{to.name} answered without naming the message, as if none had been sent."
        raise Rejected(reason, hint="Look into the conversation at Meta before sending it again.")
    keys = keys_in(response.body, to.kind)
    return SendReceipt(external_id=external_id, response=response.body, recipient_keys=keys, uploaded=uploaded)


def check(response: ApiResponse, to: Dialect, *, tagged: bool, of: Collection[str] = ()) -> None:
    """Raise what the answer to a send means. ``tagged``: the permission that lacks is the tag's, the account works.
    ``of`` are the account's ids."""
    if (error := to.errors.error(response, effect=True, of=of)) is None:
        return
    if tagged and isinstance(error, AccountBroken) and (error.provider_code, error.provider_subcode) == ("10", None):
        raise _without_tag(error) from error
    raise error


def _without_tag(error: SendError) -> Rejected:
    return Rejected(NO_TAG, provider_code=error.provider_code, details=error.details, hint=NO_TAG_HINT)


def _id(value: object) -> str | None:
    """An id as text, also where it came as a number; None for what is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None
