"""Calls of the Bot API, and what their answers mean. No IO. Source: Telegram Bot API, "Making requests".

Telegram has no list of its errors: the table holds descriptions as the API gives them, told apart by their words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from patchbay.channel import TOKEN_PLACE, ApiRequest, ApiResponse, FilePart
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    SendError,
    Throttled,
    Unavailable,
)

NEW_TOKEN = "Ask BotFather for the bot's token and reauthorise the account with it."
DESCRIPTION_LIMIT = 500  # characters of what is kept of a description


class Rule(NamedTuple):
    error: type[SendError]
    reason: str
    hint: str | None = None


FORBIDDEN: Sequence[tuple[str, str, str]] = (
    ("blocked by the user", "The person blocked the bot.", "Reach them on another channel."),
    ("user is deactivated", "The person's account was deleted.", "Reach them on another channel."),
    ("can't initiate conversation", "The person never wrote to the bot.", "The person writes first."),
    ("can't send messages to bots", "It is a bot, and bots do not read what bots write.", "Write to a person."),
    ("bot was kicked", "The bot was removed from the group.", "Let somebody of the group add it again."),
    ("bot is not a member", "The bot is not in the group.", "Let somebody of the group add it."),
    ("group chat was deleted", "The group was deleted.", "Reach its people on another line."),
)
REFUSALS: Sequence[tuple[str, Rule]] = (
    ("chat not found", Rule(RecipientUnreachable, "The chat is not known to this bot.", "The person writes first.")),
    ("user not found", Rule(RecipientUnreachable, "The person is not known to this bot.", "The person writes first.")),
    ("peer_id_invalid", Rule(RecipientUnreachable, "The chat is not known to this bot.", "The person writes first.")),
    ("not enough rights", Rule(RecipientUnreachable, "The bot may not write in this group.", "Give it the right to.")),
    (
        "have no rights to send",
        Rule(RecipientUnreachable, "The bot may not write in this group.", "Give it the right."),
    ),
    ("chat_write_forbidden", Rule(RecipientUnreachable, "The bot may not write in this group.", "Give it the right.")),
    ("input_user_deactivated", Rule(RecipientUnreachable, "The person's account was deleted.")),
    ("voice_messages_forbidden", Rule(Rejected, "The person takes no voice messages.", "Send it as a document.")),
    ("restricted receiving of", Rule(Rejected, "The person takes no messages of this kind.", "Send it as a document.")),
    ("message thread not found", Rule(Rejected, "The topic is gone.", "Send it without message_thread_id.")),
    ("topic_closed", Rule(Rejected, "The topic is closed.", "Reopen it, or send it to another one.")),
    ("replied not found", Rule(Rejected, "The quoted message is gone.", "Send it without quoting.")),
    ("replied message not found", Rule(Rejected, "The quoted message is gone.", "Send it without quoting.")),
    ("reply message not found", Rule(Rejected, "The quoted message is gone.", "Send it without quoting.")),
    ("message to react not found", Rule(Rejected, "The message is gone.")),
    ("reaction_invalid", Rule(Rejected, "Telegram takes no such reaction here.", "Use one of its standard emoji.")),
    ("message is too long", Rule(Rejected, "The text is too long for Telegram.", "Send it as several messages.")),
    ("caption is too long", Rule(Rejected, "The caption is too long for Telegram.", "Send the rest as a text.")),
    ("button_data_invalid", Rule(Rejected, "Telegram does not take the id of a button.", "Make it shorter.")),
    ("button_url_invalid", Rule(Rejected, "Telegram does not take the link of a button.", "Give a whole address.")),
    ("file identifier", Rule(MediaRefused, "Telegram does not know the file any more.")),
    ("file reference", Rule(MediaRefused, "Telegram does not know the file any more.")),
    ("can't use file of type", Rule(MediaRefused, "Telegram knows the file as one of another kind.")),
    ("type of file mismatch", Rule(MediaRefused, "Telegram knows the file as one of another kind.")),
    (
        "photo_invalid_dimensions",
        Rule(MediaRefused, "The picture is too large or too narrow.", "Send it as a document."),
    ),
    ("image_process_failed", Rule(MediaRefused, "Telegram cannot read the picture.", "Send it as a document.")),
    ("file is too big", Rule(MediaRefused, "The file is too large for Telegram.", "Make it smaller.")),
    ("file must be non-empty", Rule(MediaRefused, "The file is empty.", "Upload it again.")),
)
_KNOWN_FILE = ("file identifier", "file reference", "can't use file of type", "type of file mismatch")


def call(
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    form: Mapping[str, str] | None = None,
    file: FilePart | None = None,
    effect: bool = False,
) -> ApiRequest:
    """One call, as JSON or, where a file goes along, as a form."""
    path = f"/bot{TOKEN_PLACE}/{method}"
    if file is not None:
        return ApiRequest("POST", path, form=form or {}, file=file, effect=effect)
    return ApiRequest("POST", path, json=params or {}, effect=effect)


def result_of(response: ApiResponse) -> Any:
    """The result of a call that nobody sees. Raises the ``SendError`` that the answer means."""
    if (error := error_of(response)) is not None:
        raise error
    return response.body.get("result")


def error_of(response: ApiResponse, *, effect: bool = False, group: bool = False) -> SendError | None:
    """What an answer means, None when it is good. With ``effect`` an answer that does not tell whether it was done is
    ``OutcomeUnknown``. In a ``group`` a throttle is the group's, elsewhere the bot's."""
    body = response.body
    if body.get("ok") is True:
        return None
    code = body.get("error_code")
    status = code if isinstance(code, int) and not isinstance(code, bool) else response.status
    details = _readable(body.get("description"))
    more: dict[str, Any] = {"provider_code": str(status), "details": details}
    if status in (401, 404):  # a token of another form is no path that Telegram knows
        return AccountBroken("Telegram refused the bot's token.", hint=NEW_TOKEN, **more)
    if status == 403:
        return _forbidden(details, more)
    if status == 429:
        scope, wait = ("recipient" if group else "account"), retry_after_s(response)
        return Throttled("Telegram was asked too often.", scope=scope, retry_after_s=wait, **more)  # type: ignore[arg-type]
    if status == 413:
        return MediaRefused("The file is too large for Telegram.", hint="Make it smaller.", **more)
    if 400 <= status < 500:
        rule = _rule(details)
        return rule.error(rule.reason, hint=rule.hint, **more)
    if effect:
        return OutcomeUnknown("Telegram did not say whether it took the message: it may have arrived.", **more)
    return Unavailable("Telegram is not available just now.", **more)


def moved_to(response: ApiResponse) -> int | None:
    """The number of the supergroup that a group became. Source: ResponseParameters, "migrate_to_chat_id"."""
    moved = _parameter(response, "migrate_to_chat_id")
    return moved if isinstance(moved, int) and not isinstance(moved, bool) else None


def unknown_file(response: ApiResponse) -> bool:
    """Whether it was refused for the id of a file: then the file itself may be taken."""
    said = (_readable(response.body.get("description")) or "").lower()
    return any(words in said for words in _KNOWN_FILE)


def retry_after_s(response: ApiResponse) -> float | None:
    """Seconds to wait, by the answer's own word. Source: ResponseParameters, "retry_after"."""
    wait = _parameter(response, "retry_after")
    usable = isinstance(wait, int | float) and not isinstance(wait, bool) and 0 <= wait < 10**9
    return float(wait) if usable else None


def _parameter(response: ApiResponse, name: str) -> Any:
    parameters = response.body.get("parameters")
    return parameters.get(name) if isinstance(parameters, Mapping) else None


def _forbidden(details: str | None, more: Mapping[str, Any]) -> SendError:
    said = (details or "").lower()
    for words, reason, hint in FORBIDDEN:
        if words in said:
            return RecipientUnreachable(reason, hint=hint, **more)
    return RecipientUnreachable("The person or group does not let the bot write to it.", **more)


def _rule(details: str | None) -> Rule:
    said = (details or "").lower()
    found = next((rule for words, rule in REFUSALS if words in said), None)
    return found or Rule(Rejected, f"Telegram refused it: {details}" if details else "Telegram refused it.")


def _readable(value: object) -> str | None:
    return (value[:DESCRIPTION_LIMIT].strip() or None) if isinstance(value, str) else None
