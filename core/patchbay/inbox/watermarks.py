"""Reports about everything up to a moment: which of our messages they cover, and those that they came before. No IO.

A provider that reports this way names no message. A part is covered when the provider had it by then: by its own
clock where an echo gave that, else by the moment when it gave us the id. Watermarks repeat and come late, so the latest
of each state stay on the thread, and a message whose echo comes after them catches up. Whatever the order, a message
came so far at the earliest moment that a report gives.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from patchbay.channel import IdentityKey, Person, ReceiptReceived, WatermarkReceived
from patchbay.collections import IDENTITIES, MESSAGES, THREADS
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import unpark
from patchbay.inbox.people import key_id, place_of
from patchbay.inbox.receipts import FINAL, RANK, apply_receipt
from patchbay.inbox.receive import Applied, parked
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Thread, Watermark
from patchbay.model.message import DeliveryState, ExternalRef, Message
from patchbay.ports import Query, Where

PAGE = 50  # messages looked at before it is seen whether the older ones were covered long ago
LEFT: tuple[DeliveryState, ...] = ("sending", "unknown")  # the provider may have it, and we were not told its id
KEPT = 8  # of one state on a thread: for the time of a message whose echo comes after so many of them

Covering = Literal["raised", "new", "known", "none"]  # "new": not covered yet; "none": nothing to be covered


def receive_watermark(uow: UnitOfWork, arrival: Arrival, event: WatermarkReceived) -> Applied:
    """Raise everything that the provider had by then."""
    thread = _thread_of(uow, arrival, event)
    if thread is None:
        reason = "nobody who is called so has a thread here yet"
        kept = [parked(uow, arrival, waits_for(key), event, reason) for key in event.person.keys]
        return kept[0] if kept else Applied(outcome="ignored", reason="it names nobody")
    if not _advance(uow, thread, event.state, Watermark(up_to=event.up_to, at=event.occurred_at)):
        return Applied(outcome="duplicate", ref=thread.id, reason="one that says as much is here already")
    return Applied(ref=thread.id)


def take_watermarks(uow: UnitOfWork, arrival: Arrival, person: Person) -> None:
    """Apply what was reported about somebody before they had a thread."""
    for key in person.keys:
        for early, origin in unpark(uow, arrival.account.id, waits_for(key)):
            if isinstance(early, WatermarkReceived):
                receive_watermark(uow, arrival.of(origin), early)


def waits_for(key: IdentityKey) -> str:
    """What a person is parked under, who is no message."""
    return f"person:{key.kind}:{key.value}"


def _advance(uow: UnitOfWork, thread: Thread, state: DeliveryState, mark: Watermark) -> bool:
    """Keep a watermark on its thread and raise what it covers; False where another said as much, and no later."""
    known = thread.watermarks.get(state, ())
    if any(_outdoes(other, mark) for other in known):
        return False
    kept = sorted((mark, *(other for other in known if not _outdoes(mark, other))), key=lambda one: one.up_to)
    uow.put(THREADS, thread, watermarks={**thread.watermarks, state: tuple(kept[-KEPT:])})
    _raise(uow, thread.id, state, mark)
    return True


def _outdoes(one: Watermark, other: Watermark) -> bool:
    return one.up_to >= other.up_to and one.at <= other.at


def raise_earlier(uow: UnitOfWork, message_id: str, event: ReceiptReceived) -> None:
    """A report about one message that means the earlier ones of its thread too."""
    message = uow.need(MESSAGES, message_id)
    named = next((ref for ref in message.external_refs if ref.external_id == event.external_id), None)
    if message.direction == "outbound" and named is not None:
        thread = uow.need(THREADS, message.thread_id)
        _advance(uow, thread, event.state, Watermark(up_to=_taken_at(message, named), at=event.occurred_at))


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
    for state, marks in thread.watermarks.items():
        for mark in marks:
            _cover(uow, uow.need(MESSAGES, message_id), state, mark)


def _thread_of(uow: UnitOfWork, arrival: Arrival, event: WatermarkReceived) -> Thread | None:
    """The person's thread; a report makes nobody's acquaintance."""
    for key in event.person.keys:
        identity = uow.get(IDENTITIES, key_id(arrival.account, key))
        if identity is not None:
            return place_of(uow, arrival.account.id, identity.line_id)[1]
    return None


def _raise(uow: UnitOfWork, thread: str, state: DeliveryState, mark: Watermark) -> None:
    """Newest first, until a page holds what was so far already and nothing that was not: what is older was, too."""
    before_seq: int | None = None
    while True:
        where = [Where("thread_id", "eq", thread), Where("direction", "eq", "outbound")]
        if before_seq is not None:
            where.append(Where("seq", "lt", before_seq))
        page = uow.find(Query(MESSAGES, tuple(where), sort="-seq", limit=PAGE))
        found = {_cover(uow, message, state, mark) for message in page}
        if len(page) < PAGE or ("known" in found and found <= {"known", "none"}):
            return
        before_seq = page[-1].seq


def _cover(uow: UnitOfWork, message: Message, state: DeliveryState, mark: Watermark) -> Covering:
    """What the report means for a message."""
    found: set[Covering] = set()
    for ref in message.external_refs:
        covering = _cover_part(uow, message, ref, state, mark)
        if covering == "raised":
            message = uow.need(MESSAGES, message.id)
        found.add(covering)
    if message.delivery.state in LEFT or ("new" in found and any(not ref.sent_at for ref in message.external_refs)):
        # What says when the provider had it may be committed just now, by somebody who read the watermarks before this
        # one. Both write the message, so one of them is refused, and sees the other.
        message = uow.put(MESSAGES, message)
    if "raised" in found:
        return "raised"
    if "new" in found or message.delivery.state in ("queued", "sending"):
        return "new"
    return "known" if "known" in found else "none"


def _cover_part(uow: UnitOfWork, message: Message, ref: ExternalRef, state: DeliveryState, mark: Watermark) -> Covering:
    if ref.attempt != message.attempt or ref.state in FINAL:
        return "none"
    if _taken_at(message, ref) > mark.up_to:
        return "new"
    if message.origin == "history_sync" and RANK[ref.state] >= RANK[state]:
        return "known"  # it came with its state, and without a time for it
    applied = apply_receipt(
        uow, message, ReceiptReceived(occurred_at=mark.at, external_id=ref.external_id, state=state)
    )
    return "known" if applied.outcome == "duplicate" else "raised"


def _taken_at(message: Message, ref: ExternalRef) -> datetime:
    """When the provider had a part: what was typed elsewhere it had when that was."""
    return ref.sent_at or ref.bound_at or message.occurred_at
