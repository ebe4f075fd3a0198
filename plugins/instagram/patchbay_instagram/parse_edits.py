"""Edits; and the edit that is none: a message whose content is withheld from the app. No IO.

An app without Advanced Access to messages is told of each new message by ``message_edit`` with ``num_edit`` 0, without
its text and now and then without its two sides. Its content can be asked for by its id, once the access is granted.
Sources: Instagram Platform, Webhooks, field "message_edit"; App review, Access levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from patchbay.channel.inbound import UNDATED, Ignored, InboundEvent, MessageWithheld, Unrecognised
from patchbay.model.content import Text
from patchbay_meta.graph import integer
from patchbay_meta.messaging.attachments import Said
from patchbay_meta.messaging.event import Event, Update
from patchbay_meta.messaging.messages import echoed, received
from patchbay_meta.messaging.messages import edits as true_edits
from patchbay_meta.reading import text

WITHHELD = "Instagram withheld the content: the app needs Advanced Access to messages."


def edits(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """A new text; or, for version 0, a message whose content is still to be asked for."""
    count = integer(raw.get("num_edit"))
    if count is None and not isinstance(raw.get("text"), str):
        count = 0
    if count == 0:
        yield _first_version(event, raw)
    else:
        yield from true_edits(event, raw)


def _first_version(event: Event, raw: dict[str, Any]) -> Update:
    mid, written = text(raw, "mid"), text(raw, "text")
    key = event.key("first_version", mid)
    if written is not None and mid is not None and event.person is not None:
        read = echoed if event.from_business else received
        return Update(key, lambda: read(event, raw, partial(Said, Text(text=written)), 0, 1))
    return Update(key, lambda: _withheld(event, mid))


def _withheld(event: Event, mid: str | None) -> InboundEvent:
    if event.to_itself:
        return Ignored(occurred_at=event.moment(), reason="the business wrote to itself")
    if mid is None:
        return Unrecognised(occurred_at=event.occurred_at or UNDATED, what="message_edit", reason="it names no message")
    return MessageWithheld(
        occurred_at=(event.occurred_at or UNDATED) if event.person is None else event.moment(),
        external_id=mid,
        person=event.person,
        by_business=event.from_business,
        provider_type="message_edit",
        reason=WITHHELD,
    )
