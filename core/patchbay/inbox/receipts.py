"""How far an outbound message came: a merge that only moves up, whatever the order of reports. No IO."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from patchbay.channel import ReceiptReceived
from patchbay.collections import CONTACTS, MESSAGES, OUTBOX
from patchbay.inbox.landing import Arrival, conversation_of, emit_message
from patchbay.inbox.locate import EXTERNAL_REF, locate, ref_value, unclaim
from patchbay.inbox.outbox_ids import Reference, entry_id, parse_reference
from patchbay.inbox.receive import Applied, parked
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.message import Delivery, DeliveryState, ExternalRef, Message, Receipt
from patchbay.views import contact_view

# A total order, so that the merge of reports is their maximum. What ends badly stands where reports of more outdo it.
RANK: dict[DeliveryState, float] = {
    "queued": 1,
    "sending": 2,
    "unknown": 2,
    "cancelled": 2.5,
    "accepted": 3,
    "sent": 4,
    "expired": 4.4,
    "failed": 4.5,
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
        return parked(uow, arrival, event.external_id, event, "the message it is about is not here yet")
    if message.direction == "inbound":
        return Applied(outcome="ignored", ref=message.id, reason="a report about an inbound message")
    bound = None
    if reference is not None and all(ref.external_id != event.external_id for ref in message.external_refs):
        message = bind_reported(uow, message, event.external_id, reference)
        bound = event.external_id
    applied = apply_receipt(uow, message, event)
    return replace(applied, bound=bound)


def bind_reported(uow: UnitOfWork, message: Message, external_id: str, reference: Reference) -> Message:
    """Bind an id that a report or an echo gave, with our reference: it proves that this attempt at the part arrived.

    The outbox entry is settled by it, whatever we believed, unless a worker holds it and will conclude it itself.
    """
    message = bind(uow, message, external_id, reference.part, reference.attempt)
    entry = uow.get(OUTBOX, entry_id(message.id, reference.part))
    if reference.attempt == message.attempt and entry is not None and entry.state not in ("sending", "sent"):
        uow.put(OUTBOX, entry, state="sent", lease=None, unknown_since=None, last_error=None)
    return message


def bind(uow: UnitOfWork, message: Message, external_id: str, part: int, attempt: int) -> Message:
    """Bind a provider's id to one part of our message, once; what waited for it is the caller's to take."""
    unclaim(uow, message.account_id, external_id)
    uow.claim(EXTERNAL_REF, ref_value(message.account_id, external_id), message.id)
    reference = ExternalRef(external_id=external_id, part=part, attempt=attempt, state="accepted", bound_at=uow.now)
    return uow.put(MESSAGES, message, external_refs=(*message.external_refs, reference))


def arrived(message: Message, part: int) -> bool:
    """Whether the provider named this part of the present attempt: then it has it, whatever became of our request."""
    return any(ref.part == part and ref.attempt == message.attempt for ref in message.external_refs)


def advance(uow: UnitOfWork, message: Message) -> Message:
    """The message after the provider took a part of it."""
    before = message.delivery
    state = least_state(message.external_refs, message)
    if state == before.state and before.accepted_at is not None:
        return message
    if before.state in ("queued", "sending", "unknown") and state == "accepted":
        message = uow.put(MESSAGES, message, delivery=replace(before, state=state, accepted_at=uow.now, error=None))
        emit_message(uow, "message.accepted", message, conversation_of(uow, message))
    elif before.accepted_at is None and state not in ("queued", "sending", "unknown"):
        message = uow.put(MESSAGES, message, delivery=replace(before, accepted_at=uow.now))
    return message


def apply_receipt(uow: UnitOfWork, message: Message, event: ReceiptReceived) -> Applied:
    """Fold a report into the message it is about. Of two that say the same, the one of the earlier moment stays."""
    known = next((ref for ref in message.external_refs if ref.external_id == event.external_id), None)
    current = message.delivery.state if known is None else known.state
    receipt = Receipt(
        state=event.state,
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        participant=event.participant,
        error=event.error,
    )
    said = next((other for other in message.receipts if _same(receipt, other)), None)
    if said is not None and said.occurred_at <= receipt.occurred_at:
        return Applied(outcome="duplicate", ref=message.id)
    following = merged(current, event.state)
    if known is not None and known.attempt < message.attempt:
        following = current  # a report about an attempt that was given up is kept, and changes nothing
    receipt = replace(receipt, late=following == current and (said is None or said.late))
    refs = tuple(
        replace(ref, state=following) if ref.external_id == event.external_id else ref for ref in message.external_refs
    )
    before = message.delivery
    state = least_state(refs, message) if refs else following
    following_message = replace(
        message,
        receipts=(*(other for other in message.receipts if other is not said), receipt)[-RECEIPTS_AT_MOST:],
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
    parts: dict[int, DeliveryState] = {}
    for ref in refs:
        if ref.attempt == message.attempt:
            parts[ref.part] = merged(parts.get(ref.part, "queued"), ref.state)
    for final in FINAL:
        if final in parts.values():
            return final
    if not parts or len(parts) < message.parts:
        return message.delivery.state
    return min(parts.values(), key=lambda state: RANK[state])


def _delivery(message: Message) -> Delivery:
    """Times and error by all reports about the present attempt, so that their order of arrival leaves no trace.

    What nobody reported is known otherwise: when it was typed elsewhere, or how the send failed here.
    """
    before = message.delivery
    state = before.state
    current = {ref.external_id for ref in message.external_refs if ref.attempt == message.attempt}
    given_up = {ref.external_id for ref in message.external_refs if ref.attempt < message.attempt}
    reports = [
        receipt
        for receipt in message.receipts
        if receipt.external_id not in given_up and (not current or receipt.external_id in current)
    ]
    reports.sort(key=lambda receipt: (receipt.occurred_at, receipt.external_id))
    first: dict[DeliveryState, datetime] = {}
    for receipt in reports:
        first.setdefault(receipt.state, receipt.occurred_at)
    failed = state in ("failed", "expired")
    error = next((receipt.error for receipt in reports if receipt.state == state), None)
    elsewhere = message.origin in ("native_app", "history_sync")
    return replace(
        before,
        sent_at=message.occurred_at if elsewhere else first.get("sent"),
        delivered_at=first.get("delivered") or first.get("read") or first.get("played"),  # read implies delivered
        read_at=first.get("read") or first.get("played"),
        played_at=first.get("played"),
        failed_at=first.get(state, before.failed_at) if failed else None,
        error=(error or before.error) if failed else None,
    )


def _record_opt_out(uow: UnitOfWork, message: Message) -> None:
    conversation = conversation_of(uow, message)
    if conversation is None:
        return
    contact = uow.get(CONTACTS, conversation.contact_id)
    if contact is not None and contact.consent.get("marketing") != "stop":
        contact = uow.put(CONTACTS, contact, consent={**contact.consent, "marketing": "stop"})
        uow.emit("contact.updated", "contact", contact.id, {**contact_view(contact), "changed": ["consent"]})
