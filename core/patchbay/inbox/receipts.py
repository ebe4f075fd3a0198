"""How far an outbound message came: a merge that only moves up, whatever the order of reports. No IO."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from patchbay.channel import ReceiptReceived
from patchbay.collections import CONTACTS, MESSAGES, OUTBOX
from patchbay.inbox.landing import Arrival, conversation_of, emit_message
from patchbay.inbox.locate import EXTERNAL_REF, locate, park, ref_value
from patchbay.inbox.outbox_ids import entry_id, parse_reference
from patchbay.inbox.receive import Applied
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.views import contact_view
from patchbay.model.message import Delivery, DeliveryState, ExternalRef, Message, Receipt

RANK: dict[DeliveryState, int] = {
    "queued": 1,
    "sending": 2,
    "unknown": 2,
    "accepted": 3,
    "sent": 4,
    "delivered": 5,
    "read": 6,
    "played": 7,
}
FINAL: tuple[DeliveryState, ...] = ("failed", "expired", "cancelled")
RECEIPTS_AT_MOST = 500  # per message; a group of hundreds reports each member


def merged(current: DeliveryState, reported: DeliveryState) -> DeliveryState:
    """The state after a report about the same attempt: the higher rank; ``failed`` wins only below ``delivered``.

    Associative and commutative over reports of one attempt, so that every order ends in one state.
    """
    if reported == "failed":
        return current if RANK.get(current, 0) >= RANK["delivered"] else "failed"
    if current == "failed":
        return reported if RANK[reported] >= RANK["delivered"] else "failed"
    if current in FINAL:
        return reported if RANK.get(reported, 0) >= RANK["accepted"] else current
    return reported if RANK[reported] > RANK[current] else current


def receive_receipt(uow: UnitOfWork, arrival: Arrival, event: ReceiptReceived) -> Applied:
    """Fold one report in: by our own reference where it came back, else by the provider's id."""
    account_id = arrival.account.id
    reference = parse_reference(event.reference)
    message = None
    if reference is not None:
        message = uow.get(MESSAGES, reference.message_id)
        if message is not None and message.account_id != account_id:
            message = None
    if message is None:
        message = locate(uow, account_id, event.external_id)
        reference = None
    if message is None:
        park(uow, account_id, event.external_id, event)
        return Applied(outcome="parked", reason="the message it is about is not here yet")
    if message.direction == "inbound":
        return Applied(outcome="ignored", ref=message.id, reason="a report about an inbound message")
    if reference is not None and all(ref.external_id != event.external_id for ref in message.external_refs):
        message = bind(uow, message, event.external_id, reference.part, reference.attempt)
        _settle_entry(uow, message, reference.part)
    return apply_receipt(uow, message, event)


def bind(uow: UnitOfWork, message: Message, external_id: str, part: int, attempt: int) -> Message:
    """Bind a provider's id to one part of our message, once."""
    uow.claim(EXTERNAL_REF, ref_value(message.account_id, external_id), message.id)
    reference = ExternalRef(external_id=external_id, part=part, attempt=attempt, state="accepted")
    return uow.put(MESSAGES, message, external_refs=(*message.external_refs, reference))


def _settle_entry(uow: UnitOfWork, message: Message, part: int) -> None:
    """A report proves that the send arrived: an entry whose outcome was unknown is settled by it."""
    entry = uow.get(OUTBOX, entry_id(message.id, part))
    if entry is not None and entry.state in ("unknown", "retry", "failed", "sending"):
        uow.put(OUTBOX, entry, state="sent", lease=None, unknown_since=None, last_error=None)


def apply_receipt(uow: UnitOfWork, message: Message, event: ReceiptReceived) -> Applied:
    """Fold a report into the message it is about."""
    known = next((ref for ref in message.external_refs if ref.external_id == event.external_id), None)
    current = message.delivery.state if known is None else known.state
    receipt = Receipt(
        state=event.state,
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        participant=event.participant,
        error=event.error,
    )
    if any(_same(receipt, other) for other in message.receipts):
        return Applied(outcome="duplicate", ref=message.id)
    following = merged(current, event.state)
    if known is not None and known.attempt < message.attempt:
        following = current  # a report about an attempt that was given up is kept, and changes nothing
    receipt = replace(receipt, late=following == current)
    refs = tuple(
        replace(ref, state=following) if ref.external_id == event.external_id else ref for ref in message.external_refs
    )
    before = message.delivery
    state = least_state(refs, message) if refs else following
    following_message = replace(
        message,
        receipts=(*message.receipts, receipt)[-RECEIPTS_AT_MOST:],
        external_refs=refs,
        delivery=replace(before, state=state),
        pricing={**message.pricing, **event.pricing},
    )
    message = uow.put(MESSAGES, following_message, delivery=_delivery(following_message))
    if event.error is not None and event.error.code == "opted_out":
        _record_opt_out(uow, message)
    if message.delivery.state != before.state:
        emit_message(uow, f"message.{state}", message, conversation_of(uow, message))
    return Applied(ref=message.id, reason="late" if receipt.late else None)


def _same(one: Receipt, other: Receipt) -> bool:
    return (one.state, one.external_id, one.participant) == (other.state, other.external_id, other.participant)


def least_state(refs: tuple[ExternalRef, ...], message: Message) -> DeliveryState:
    """A message of several parts is as far as its least part; a failed part fails it."""
    current = [ref.state for ref in refs if ref.attempt == message.attempt]
    if not current:
        return message.delivery.state
    for final in FINAL:
        if final in current:
            return final
    if len(current) < message.parts and message.delivery.state not in ("accepted", "sent", "delivered", "read"):
        return message.delivery.state
    return min(current, key=lambda state: RANK[state])


def _delivery(message: Message) -> Delivery:
    """Times and error by all reports about the present attempt, so that their order of arrival leaves no trace."""
    state = message.delivery.state
    current = {ref.external_id for ref in message.external_refs if ref.attempt == message.attempt}
    reports = [receipt for receipt in message.receipts if not current or receipt.external_id in current]
    first: dict[DeliveryState, datetime] = {}
    for receipt in sorted(reports, key=lambda receipt: receipt.occurred_at, reverse=True):
        first[receipt.state] = receipt.occurred_at
    failed = state == "failed"
    error = next((receipt.error for receipt in reports if receipt.state == "failed"), None)
    return replace(
        message.delivery,
        sent_at=first.get("sent"),
        delivered_at=first.get("delivered") or first.get("read") or first.get("played"),  # read implies delivered
        read_at=first.get("read") or first.get("played"),
        played_at=first.get("played"),
        failed_at=first.get("failed") if failed else None,
        error=error if failed else None,
    )


def _record_opt_out(uow: UnitOfWork, message: Message) -> None:
    conversation = conversation_of(uow, message)
    if conversation is None:
        return
    contact = uow.get(CONTACTS, conversation.contact_id)
    if contact is not None and contact.consent.get("marketing") != "stop":
        contact = uow.put(CONTACTS, contact, consent={**contact.consent, "marketing": "stop"})
        uow.emit("contact.updated", "contact", contact.id, {**contact_view(contact), "changed": ["consent"]})
