"""Asking for a message whose content was withheld. No IO.

The answer is put into the form of the webhook that it replaces, so that both are read alike.

Sources: Graph API, Message; Instagram Platform, Conversations API; App review, Access levels.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from patchbay.channel import ApiRequest, ApiResponse, InboundEvent, Item
from patchbay.errors import AccountBroken, RecipientUnreachable, Rejected
from patchbay.model.account import ChannelAccount
from patchbay_instagram.parse import parse
from patchbay_meta.graph import GraphErrors, segment
from patchbay_meta.reading import each, moment_of, part, text

FIELDS = "id,created_time,from,to,message,attachments,shares,story,reply_to,is_unsupported"
NO_ACCESS = frozenset({"3", "10", "200"})  # what is said to an app that may not read the messages. Source: as above
REFUSED = "Instagram announces new messages without their content, and refuses to tell it."
HINT = (
    "The app needs Advanced Access to instagram_business_manage_messages (with a linked page: to"
    " instagram_manage_messages), and has to be live. Messages of the last seven days are then filled in."
)
# What a file is, by the member that names it; others go by their MIME type.
FILES: Mapping[str, str] = {"image_data": "image", "video_data": "video"}


def look_up(
    account: ChannelAccount, mid: str, errors: GraphErrors
) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
    """The events of a message, none where the answer does not say who wrote it."""
    response = yield ApiRequest("GET", f"/{segment(mid)}", query={"fields": FIELDS})
    try:
        errors.check(response)
    except (AccountBroken, Rejected) as refused:
        if refused.provider_code not in NO_ACCESS or isinstance(refused, RecipientUnreachable):
            raise
        raise AccountBroken(
            REFUSED, provider_code=refused.provider_code, details=refused.details, hint=HINT
        ) from refused
    return told(account, mid, response.body)


def told(account: ChannelAccount, mid: str, body: Mapping[str, Any]) -> Sequence[InboundEvent]:
    """The events of an answer."""
    answer = dict(body)
    sides, written_at = _sides(account, answer), _moment(answer)
    if sides is None or written_at is None:
        return ()
    sender, recipient = sides
    message: dict[str, Any] = {"mid": mid, "attachments": [*_attachments(answer)]}
    if answer.get("is_unsupported") is True:
        message["is_unsupported"] = True
    if said := text(answer, "message"):
        message["text"] = said
    if reply := _reply(answer):
        message["reply_to"] = reply
    event = {"sender": sender, "recipient": recipient, "timestamp": written_at, "message": message}
    entry = {"id": account.external_id, "time": written_at, "messaging": [event]}
    items = parse(msgspec.json.encode({"object": "instagram", "entry": [entry]}))
    return [item.event for item in items if isinstance(item, Item)]


def _sides(account: ChannelAccount, answer: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Sender and recipient as a webhook names them; None where the person is not named."""
    author = part(answer, "from")
    business = {"id": account.external_id}
    if text(author, "id") != account.external_id:
        return (author, business) if text(author, "id") else None
    to = [side for side in each(part(answer, "to"), "data") if isinstance(side, dict) and text(side, "id")]
    return (author, to[0]) if to else None


def _moment(answer: dict[str, Any]) -> int | None:
    """When it was written, in the milliseconds of webhooks; the answer gives ISO 8601 or Unix seconds."""
    given = answer.get("created_time")
    written_at = moment_of(given)
    if written_at is None and isinstance(given, str):
        with suppress(ValueError):
            written_at = datetime.fromisoformat(given)
    return None if written_at is None else int(written_at.timestamp() * 1000)


def _attachments(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in each(part(answer, "attachments"), "data"):
        if isinstance(one, dict):
            yield _attachment(one)
    for share in each(part(answer, "shares"), "data"):
        if isinstance(share, dict):
            yield {"type": "share", "payload": {"url": share.get("link"), "title": share.get("name")}}
    if mention := part(part(answer, "story"), "mention"):
        yield {"type": "story_mention", "payload": {"url": mention.get("link")}}


def _attachment(one: dict[str, Any]) -> dict[str, Any]:
    for member, kind in FILES.items():
        if data := part(one, member):
            return {"type": kind, "payload": {"url": data.get("url")}}
    kind = (text(one, "mime_type") or "").split("/")[0]
    return {"type": kind if kind in ("image", "video", "audio") else "file", "payload": {"url": one.get("file_url")}}


def _reply(answer: dict[str, Any]) -> dict[str, Any]:
    """What it answers: a story, or a message."""
    if story := part(part(answer, "story"), "reply_to"):
        return {"story": {"id": story.get("id"), "url": story.get("link")}}
    quoted = text(part(answer, "reply_to"), "mid")
    return {"mid": quoted} if quoted else {}
