"""Coexistence: the address book of the phone app, and what was written before we were connected. No IO.

Source: WhatsApp Cloud API, Webhooks reference, "smb_app_state_sync" and "history".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from msgspec.structs import replace

from patchbay.channel.inbound import (
    UNDATED,
    AccountNotice,
    HistoryMessage,
    Ignored,
    InboundEvent,
    Person,
    PersonChanged,
)
from patchbay.model.message import DeliveryState
from patchbay_meta.reading import Odd, digest, each, error_text, kept, part, text
from patchbay_whatsapp.change import Change, Update
from patchbay_whatsapp.contents import said
from patchbay_whatsapp.parse_messages import CHANGES, changed, echo_recipient, message_key
from patchbay_whatsapp.people import NOBODY, keys_of, person_of, phone_digits, plain_username
from patchbay_whatsapp.wire import WireAddressBookEntry
from patchbay_whatsapp.wire_heads import WireMessage

DECLINED = "2593109"  # the business does not share its history
_STATES: dict[str, DeliveryState] = {
    "PENDING": "accepted",
    "SENT": "sent",
    "DELIVERED": "delivered",
    "READ": "read",
    "PLAYED": "played",
    "ERROR": "failed",
}


def address_book(change: Change) -> Iterator[Update]:
    """``value.state_sync``: entries of the app's address book."""
    for raw in each(change.value, "state_sync"):
        yield Update(digest("contact", raw), raw, _address_book_entry)


def _address_book_entry(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    if (kind := text(raw, "type")) not in (None, "contact"):
        raise Odd(f"state_sync holds a {kind[:64] if kind else kind!r}, not a contact")
    wire = WireAddressBookEntry.of(raw.get("contact"))
    keys = keys_of(wire.phone_number, wire.user_id, wire.parent_user_id)
    if not keys:
        raise Odd(NOBODY)
    name = wire.full_name or wire.first_name or None
    return PersonChanged(
        occurred_at=change.moment(part(raw, "metadata")),
        person=Person(keys=keys, name=name, username=plain_username(wire.username)),
        removed=raw.get("action") == "remove",
    )


def history(change: Change) -> Iterator[Update]:
    """``value.history``: chunks of threads of messages; and, later, files of messages that came as placeholders."""
    for chunk in each(change.value, "history"):
        if not isinstance(chunk, dict):
            yield Update(digest("history", chunk), chunk, _empty)
            continue
        if chunk.get("errors"):
            yield Update(digest("history", chunk["errors"]), {"errors": chunk["errors"]}, _refused)
        elif not chunk.get("threads"):
            yield Update(digest("history", chunk), chunk, _empty)
        for thread in each(chunk, "threads"):
            yield from _thread(change, thread)
    # A file has the id of its placeholder, so it needs a key of its own.
    for raw in each(change.value, "messages"):
        yield Update(message_key(raw, "history_media"), raw, _history_message)
    for raw in each(change.value, "message_echoes"):
        yield Update(message_key(raw, "history_media"), raw, partial(_history_message, echo=True))


def _thread(change: Change, thread: Any) -> Iterator[Update]:
    if not isinstance(thread, dict) or not thread.get("messages"):
        yield Update(digest("history", thread), thread, _empty)
        return
    read = partial(_history_message, thread=_thread_person(change, thread))
    for raw in each(thread, "messages"):
        yield Update(message_key(raw, "history"), raw, read)


def _thread_person(change: Change, thread: dict[str, Any]) -> Person | None:
    context = part(thread, "context")
    person = person_of(
        change,
        text(context, "wa_id") or text(thread, "id"),
        text(context, "user_id"),
        text(context, "parent_user_id"),
    )
    username = plain_username(text(context, "username"))
    return replace(person, username=username) if person and username else person


def _history_message(
    change: Change, raw: dict[str, Any], key: str, *, thread: Person | None = None, echo: bool = False
) -> InboundEvent:
    wire = WireMessage.of(raw)
    outbound = echo or _is_ours(change, wire, raw)
    if outbound:
        person = thread or echo_recipient(change, raw)
    else:
        person = thread or person_of(change, wire.sender, wire.from_user_id, wire.from_parent_user_id)
    if wire.type in CHANGES:
        return changed(change, wire, raw, person, by_business=outbound)
    if person is None:
        raise Odd(NOBODY)
    content, media = said(wire.type, raw, each(raw, "errors"))
    status = text(part(raw, "history_context"), "status") or ""
    return HistoryMessage(
        occurred_at=change.moment(raw),
        external_id=wire.id,
        person=person,
        outbound=outbound,
        content=content,
        media=media,
        reply_to=text(wire.context, "id") if wire.context else None,
        state=_STATES.get(status.upper()) if outbound else None,
    )


def _is_ours(change: Change, wire: WireMessage, raw: dict[str, Any]) -> bool:
    """Whether the business wrote it: it is from our number, or from nobody and to somebody."""
    if wire.sender:
        ours = phone_digits(change.account.display or "")
        return ours is not None and phone_digits(wire.sender) == ours
    return not wire.from_user_id and bool(text(raw, "to") or text(raw, "to_user_id"))


def _refused(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    errors = each(raw, "errors")
    declined = any(isinstance(error, dict) and text(error, "code") == DECLINED for error in errors)
    return AccountNotice(
        occurred_at=change.occurred_at or UNDATED,
        notice="history_declined" if declined else "history_failed",
        text=error_text(errors) or "The history could not be shared.",
        data=kept(raw),
    )


def _empty(change: Change, raw: dict[str, Any], key: str) -> InboundEvent:
    return Ignored(occurred_at=change.occurred_at or UNDATED, reason="a part of the history without messages")
