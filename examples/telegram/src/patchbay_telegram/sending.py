"""A message as a flow of calls, and a file that came as one. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from patchbay.channel import (
    TOKEN_PLACE,
    ApiRequest,
    ApiResponse,
    Flow,
    MediaSource,
    Outgoing,
    Recipient,
    SendFlow,
    SendReceipt,
    UploadedMedia,
)
from patchbay.errors import MediaRefused, OutcomeUnknown, RecipientUnreachable, Rejected, Unavailable
from patchbay.model.media import Media

from patchbay_telegram.api import call, error_of, moved_to, result_of, unknown_file
from patchbay_telegram.limits import DOWNLOAD_BYTES, FILE_ID_DAYS
from patchbay_telegram.names import chat_of, key_of, message_name, named
from patchbay_telegram.payloads import Call, call_for, options, request

GONE = "Telegram does not have the file any more."
ASK_AGAIN = "Ask the person to send it again."


def send(message: Outgoing) -> SendFlow:
    """One message. What Telegram refused it did not do: so a group that moved is followed, and a file that Telegram
    does not know by its id any more is handed over."""
    chat = _chat(message.recipient)
    around = {**options(message.options), **_quoting(message.reply_to, chat)}
    called = call_for(message.content, message.media)
    file_id, moved = _known_file(message.provider_media_id, called), False
    while True:
        to = {"chat_id": chat, **around}
        response = yield request(called, to, message.media, file_id)
        error = error_of(response, effect=True, group=chat < 0)
        if error is None:
            break
        if (new := moved_to(response)) is not None and not moved:
            chat, moved = new, True
        elif file_id is not None and unknown_file(response):
            file_id = None
        else:
            raise error
    uploaded = None if file_id is not None else _uploaded(message.media, called, response)
    name = _name(response)
    keys = (key_of(chat),) if moved else ()
    return SendReceipt(name, response.body, recipient_keys=keys, uploaded=uploaded)


def react(recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
    """A bot has one reaction to a message. Source: Bot API, setMessageReaction."""
    at = named(target)
    if at.query is not None or at.chat is None or at.number is None:
        raise Rejected("Telegram takes reactions to messages only.")
    reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
    params = {"chat_id": at.chat, "message_id": at.number, "reaction": reaction}
    response = yield call("setMessageReaction", params, effect=True)
    if (error := error_of(response, effect=True, group=at.chat < 0)) is not None:
        raise error
    return SendReceipt(external_id=target, response=response.body)


def typing(recipient: Recipient) -> Flow:
    """Shown for 5 s or until a message is sent. Source: Bot API, sendChatAction."""
    result_of((yield call("sendChatAction", {"chat_id": _chat(recipient), "action": "typing"})))


def acknowledge(external_id: str) -> Flow:
    """Of the press of a button: until then, for a while, it shows that it waits. Source: Bot API,
    answerCallbackQuery."""
    query = named(external_id).query
    if query is not None:
        result_of((yield call("answerCallbackQuery", {"callback_query_id": query})))


def find_file(media: Media, api_url: str) -> Generator[ApiRequest, ApiResponse, MediaSource]:
    """Where a file can be downloaded for the next hour. Source: Bot API, getFile."""
    if not media.provider.media_id:
        raise MediaRefused(GONE, hint=ASK_AGAIN)
    response = yield call("getFile", {"file_id": media.provider.media_id})
    if (error := error_of(response)) is not None:
        if unknown_file(response) or "temporarily unavailable" in (error.details or ""):
            raise Unavailable("Telegram does not have the file just now.", details=error.details) from error
        if isinstance(error, Rejected) and not isinstance(error, MediaRefused):
            raise MediaRefused(GONE, provider_code=error.provider_code, details=error.details, hint=ASK_AGAIN)
        raise error
    found = response.body.get("result")
    told: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    path, size = told.get("file_path"), told.get("file_size")
    if not isinstance(path, str) or not path or path.startswith("/") or ".." in path:
        raise MediaRefused("Telegram named no path that can be downloaded from.", hint=ASK_AGAIN)
    size = size if isinstance(size, int) and not isinstance(size, bool) else None
    if size is not None and size > DOWNLOAD_BYTES:
        raise MediaRefused("The file is larger than the 20 MB that a bot may download.")
    url = f"{api_url}/file/bot{TOKEN_PLACE}/{quote(path)}"  # quoted: nothing in the path can pass for the token's place
    return MediaSource(url=url, authorise=True, mime_type=media.declared_mime_type, size=size)


def _chat(recipient: Recipient) -> int:
    chat = chat_of(recipient)
    if chat is None:
        raise RecipientUnreachable("No Telegram chat of this person is known.", hint="The person writes first.")
    return chat


def _quoting(external_id: str | None, chat: int) -> dict[str, Any]:
    """What quotes the message; for a press of a button the message that the button is on."""
    if external_id is None:
        return {}
    at = named(external_id)
    if at.number is None or at.chat is None:
        raise Rejected("Telegram cannot quote this.", hint="Send it without quoting.")
    elsewhere = {} if at.chat == chat else {"chat_id": at.chat}
    return {"reply_parameters": {"message_id": at.number, **elsewhere}}


def _known_file(provider_media_id: str | None, called: Call) -> str | None:
    """The id that Telegram has this file under, if it has it as the kind that is to be sent: a photo cannot be sent
    as a document by its id."""
    field, _, file_id = (provider_media_id or "").partition(":")
    return file_id if file_id and field == called.field else None


def _uploaded(media: Media | None, called: Call, response: ApiResponse) -> UploadedMedia | None:
    result = response.body.get("result")
    held = result.get(called.field) if isinstance(result, Mapping) and called.field is not None else None
    if isinstance(held, list):  # the sizes of a photo, the largest last
        held = held[-1] if held else None
    file_id = held.get("file_id") if isinstance(held, Mapping) else None
    if media is None or not isinstance(file_id, str) or not file_id:
        return None
    return UploadedMedia(media.id, f"{called.field}:{file_id}", timedelta(days=FILE_ID_DAYS))


def _name(response: ApiResponse) -> str:
    """What the message is called. Raises ``OutcomeUnknown``: it was taken, and nothing says as what."""
    result = response.body.get("result")
    sent = result if isinstance(result, Mapping) else {}
    chat, number = sent.get("chat"), sent.get("message_id")
    chat = chat.get("id") if isinstance(chat, Mapping) else None
    if not isinstance(chat, int) or not isinstance(number, int):
        raise OutcomeUnknown("Telegram took the message and did not say how it is called.")
    return message_name(chat, number)
