"""Edits; and the edit that is none: a message whose content is withheld from the app. No IO.

An app without Advanced Access to messages is told of each new message by ``message_edit`` with ``num_edit`` 0, without
its text and now and then without its two sides. Its content can be asked for by its id, once the access is granted.
Sources: Instagram Platform, Webhooks, field "message_edit"; App review, Access levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from patchbay.channel.inbound import UNDATED, AccountNotice, InboundEvent
from patchbay.model.content import Text, Unsupported
from patchbay_meta.graph import integer
from patchbay_meta.messaging.attachments import Said
from patchbay_meta.messaging.event import Event, Update
from patchbay_meta.messaging.messages import echoed, received
from patchbay_meta.messaging.messages import edits as true_edits
from patchbay_meta.reading import text

WITHHELD = "Instagram withheld the content: the app needs Advanced Access to messages."
NOTICE = (
    "Instagram announces new messages without their content. The app needs Advanced Access to"
    " instagram_business_manage_messages (with a linked page: to instagram_manage_messages), and has to be live."
)


def edits(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    """A new text; or, for version 0, a message and a notice of why it says nothing."""
    count = integer(raw.get("num_edit"))
    if count is None and not isinstance(raw.get("text"), str):
        count = 0
    if count == 0:
        yield from _first_version(event, raw)
    else:
        yield from true_edits(event, raw)


def _first_version(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
    mid, told = text(raw, "mid"), text(raw, "text") is not None
    placed = mid is not None and (event.person is not None or event.to_itself)
    if placed:
        read = echoed if event.from_business else received
        yield Update(event.key("first_version", mid), lambda: read(event, raw, partial(_said, raw), 0, 1))
    if not (placed and told):
        yield Update(_notice_key(event, mid, placed=placed), lambda: _notice(event, mid))


def _said(raw: dict[str, Any]) -> Said:
    """What the message says; nearly always nothing."""
    written = text(raw, "text")
    if written is not None:
        return Said(Text(text=written))
    return Said(Unsupported(provider_type="message_edit", reason=WITHHELD), context={"withheld": True})


def _notice_key(event: Event, mid: str | None, *, placed: bool) -> str:
    """Once a day beside messages, for all of such an app's come like this; else the notice is all there is of one."""
    if not placed:
        return event.key("advanced_access", mid)
    return event.key("advanced_access", (event.occurred_at or UNDATED).date().isoformat())


def _notice(event: Event, mid: str | None) -> InboundEvent:
    return AccountNotice(
        occurred_at=event.occurred_at or UNDATED,
        notice="advanced_access",
        text=NOTICE,
        data={"mid": mid} if mid else {},
    )
