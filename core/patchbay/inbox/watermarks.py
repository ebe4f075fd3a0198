"""Reports about everything up to a moment: which of our messages they cover, and those that they came before. No IO.

A provider that reports this way names no message. A part is covered when the provider had it by then: by its own clock
where an echo gave that, else by the moment of its answer to us. Watermarks repeat and come late, so the latest of each
state stays on the thread, and a message whose echo comes after it catches up.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from patchbay.channel import IdentityKey, Person, ReceiptReceived, WatermarkReceived
from patchbay.collections import IDENTITIES, MESSAGES, THREADS
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import park, unpark
from patchbay.inbox.people import key_id
from patchbay.inbox.receipts import FINAL, RANK, apply_receipt
from patchbay.inbox.receive import Applied
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Thread
from patchbay.model.ids import thread_id
from patchbay.model.message import DeliveryState, ExternalRef, Message
from patchbay.ports import Query, Where

PAGE = 50  # messages looked at before it is seen whether the older ones were covered long ago


def receive_watermark(uow: UnitOfWork, arrival: Arrival, event: WatermarkReceived) -> Applied:
    """Raise everything that the provider had by then."""
    thread = _thread_of(uow, arrival, event)
    if thread is None:
        for key in event.person.keys:
            park(uow, arrival.account.id, _waits_for(key), event)
        return Applied(outcome="parked", reason="nobody who is called so has a thread here yet")
    if not _advance(uow, thread, event.state, event.up_to, event.occurred_at):
        return Applied(outcome="duplicate", ref=thread.id, reason="a later one is here already")
    return Applied(ref=thread.id)


def take_watermarks(uow: UnitOfWork, arrival: Arrival, person: Person) -> None:
    """Apply what was reported about somebody before they had a thread."""
    for key in person.keys:
        for event in unpark(uow, arrival.account.id, _waits_for(key)):
            if isinstance(event, WatermarkReceived):
                receive_watermark(uow, arrival, event)


def _waits_for(key: IdentityKey) -> str:
    """What a person is parked under, who is no message."""
    return f"person:{key.kind}:{key.value}"


def _advance(uow: UnitOfWork, thread: Thread, state: DeliveryState, up_to: datetime, occurred_at: datetime) -> bool:
    """Move a thread's watermark up and raise what it covers; False where a later one is here already."""
    known = thread.watermarks.get(state)
    if known is not None and known >= up_to:
        return False
    uow.put(THREADS, thread, watermarks={**thread.watermarks, state: up_to})
    _raise(uow, thread.id, state, up_to, occurred_at)
    return True


def raise_earlier(uow: UnitOfWork, message_id: str, event: ReceiptReceived) -> None:
    """A report about one message that means the earlier ones of its thread too."""
    message = uow.need(MESSAGES, message_id)
    named = next((ref for ref in message.external_refs if ref.external_id == event.external_id), None)
    if message.direction == "outbound" and named is not None:
        thread = uow.need(THREADS, message.thread_id)
        _advance(uow, thread, event.state, _taken_at(message, named), event.occurred_at)


def note_sent_at(uow: UnitOfWork, message_id: str, external_id: str, sent_at: datetime) -> None:
    """Keep when the provider took a part, as its echo says, and apply the watermarks that came before."""
    message = uow.need(MESSAGES, message_id)
    if any(ref.external_id == external_id and ref.sent_at is None for ref in message.external_refs):
        refs = tuple(
            replace(ref, sent_at=sent_at) if ref.external_id == external_id else ref for ref in message.external_refs
        )
        uow.put(MESSAGES, message, external_refs=refs)
        catch_up(uow, message_id)


def catch_up(uow: UnitOfWork, message_id: str) -> None:
    """Apply the watermarks that the message's thread holds already."""
    message = uow.need(MESSAGES, message_id)
    thread = uow.need(THREADS, message.thread_id)
    for state, up_to in thread.watermarks.items():
        _cover(uow, uow.need(MESSAGES, message_id), state, up_to, up_to)  # type: ignore[arg-type]


def _thread_of(uow: UnitOfWork, arrival: Arrival, event: WatermarkReceived) -> Thread | None:
    """The person's thread; a report makes nobody's acquaintance."""
    for key in event.person.keys:
        identity = uow.get(IDENTITIES, key_id(arrival.account, key))
        if identity is not None:
            return uow.get(THREADS, thread_id(arrival.account.id, identity.line_id))
    return None


def _raise(uow: UnitOfWork, thread: str, state: DeliveryState, up_to: datetime, occurred_at: datetime) -> None:
    """Newest first, until a whole page was so far already: what is older was, too."""
    before_seq: int | None = None
    while True:
        where = [Where("thread_id", "eq", thread), Where("direction", "eq", "outbound")]
        if before_seq is not None:
            where.append(Where("seq", "lt", before_seq))
        page = uow.find(Query(MESSAGES, tuple(where), sort="-seq", limit=PAGE))
        raised = [_cover(uow, message, state, up_to, occurred_at) for message in page]
        if len(page) < PAGE or not any(raised):
            return
        before_seq = page[-1].seq


def _cover(uow: UnitOfWork, message: Message, state: DeliveryState, up_to: datetime, occurred_at: datetime) -> bool:
    """Whether the report raised one of the message's parts."""
    raised = False
    for ref in message.external_refs:
        if ref.attempt != message.attempt or ref.state in FINAL or RANK[ref.state] >= RANK[state]:
            continue
        if _taken_at(message, ref) > up_to:
            continue
        report = ReceiptReceived(occurred_at=occurred_at, external_id=ref.external_id, state=state)
        apply_receipt(uow, uow.need(MESSAGES, message.id), report)
        raised = True
    return raised


def _taken_at(message: Message, ref: ExternalRef) -> datetime:
    return ref.sent_at or message.delivery.accepted_at or message.occurred_at
