"""Echoes: what the business wrote elsewhere, told apart from what we sent ourselves. No IO."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from patchbay.channel import MessageEchoed, Person
from patchbay.collections import CONVERSATIONS, MESSAGES, OUTBOX, PARKED, THREADS
from patchbay.inbox.attach import attached
from patchbay.inbox.landing import (
    Arrival,
    after_outbound,
    emit_conversation,
    emit_message,
    open_conversation,
)
from patchbay.inbox.locate import locate
from patchbay.inbox.outbox_ids import parse_reference
from patchbay.inbox.people import meet
from patchbay.inbox.quoting import reply_of
from patchbay.inbox.receipts import advance, bind_reported
from patchbay.inbox.receive import Applied, fill_in, filled_in, parked, whole_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.watermarks import catch_up, note_sent_at, take_watermarks
from patchbay.model.content import text_content
from patchbay.model.conversation import Controller, Conversation, Thread
from patchbay.model.ids import message_id, part_ref
from patchbay.model.message import Actor, Delivery, ExternalRef, Message
from patchbay.model.outbox import OutboxEntry, Parked
from patchbay.ports import Query, Where

IN_FLIGHT = ("claimed", "sending", "unknown")
ECHO_WAITS = timedelta(seconds=120)  # for a send in flight; a send takes 30 s at most, its retry tells itself apart


def receive_echo(uow: UnitOfWork, arrival: Arrival, event: MessageEchoed, *, judged: bool = False) -> Applied:
    """An echo whose id or reference is ours merges into our message; otherwise it came from the provider's own app.

    An echo may beat the answer of our own send, so one that is unknown waits while a send is in flight on its thread,
    unless ``judged`` says that it has waited (invariant 6).
    """
    account = arrival.account
    external_id = part_ref(event.external_id, event.part)
    reference = parse_reference(event.reference)
    if reference is not None:
        ours = uow.get(MESSAGES, reference.message_id)
        if ours is not None and ours.account_id == account.id:
            bound = None
            if all(ref.external_id != event.external_id for ref in ours.external_refs):
                advance(uow, bind_reported(uow, ours, event.external_id, reference))
                bound = event.external_id
            note_sent_at(uow, ours.id, event.external_id, event.occurred_at)
            return Applied(outcome="duplicate", ref=ours.id, reason="an echo of our own message", bound=bound)
    known = locate(uow, account.id, external_id)
    if known is not None and known.origin == "history_sync" and known.direction == "outbound":
        return _now_live(uow, arrival, known, event)
    if known is not None:
        note_sent_at(uow, known.id, event.external_id, event.occurred_at)
        if known.origin == "native_app" and filled_in(uow, known, event):
            return Applied(ref=known.id)
        return Applied(outcome="duplicate", ref=known.id, reason="an echo of a message that is here already")
    if event.group is not None:
        line = meet(uow, account, Person(keys=(event.group,)))
    elif event.recipient is not None and event.recipient.keys:
        line = meet(uow, account, event.recipient)
    else:
        return Applied(outcome="ignored", reason="the echo names no recipient")
    if event.recipient is not None and event.group is None and not line.thread.watermarks:
        take_watermarks(uow, arrival, event.recipient)
        line = line._replace(thread=uow.need(THREADS, line.thread.id))
    if not judged and _send_in_flight(uow, line.thread):
        reason = "a send is in flight on this thread; the echo may be its own"
        return parked(uow, arrival, event.external_id, event, reason, thread_id=line.thread.id)
    thread, conversation, told = open_conversation(uow, arrival, line.thread)
    id = message_id(account.id, external_id)
    message = Message(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=thread.id,
        conversation_id=conversation.id,
        account_id=account.id,
        seq=thread.last_seq + 1,
        direction="outbound",
        origin="native_app",
        author=Actor(type="native_app", id=account.id, name=account.name),
        content=event.content,
        text=text_content(event.content),
        reply_to=reply_of(uow, account.id, event.reply_to, by=id),
        context=event.context,
        siblings=event.parts - 1 if event.part == 0 else 0,
        external_refs=(
            ExternalRef(external_id=external_id, of=whole_of(event), state="sent", sent_at=event.occurred_at),
        ),
        delivery=Delivery(state="sent", sent_at=event.occurred_at),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
        recorded_at=uow.now,
    )
    message = uow.add(MESSAGES, attached(uow, message, event.media))
    _appeared(uow, thread, conversation, told, message)
    return Applied(ref=id)


def _now_live(uow: UnitOfWork, arrival: Arrival, known: Message, event: MessageEchoed) -> Applied:
    """What a history showed before its echo came: part of the work from now on, and where it stands on the thread."""
    thread, conversation, told = open_conversation(uow, arrival, uow.need(THREADS, known.thread_id))
    message = fill_in(uow, known, event) or known
    message = uow.put(
        MESSAGES,
        message,
        conversation_id=conversation.id,
        origin="native_app",
        author=Actor(type="native_app", id=arrival.account.id, name=arrival.account.name),
        context=event.context,
        siblings=event.parts - 1 if event.part == 0 else 0,
        external_refs=tuple(replace(ref, sent_at=event.occurred_at) for ref in known.external_refs),
        delivery=replace(known.delivery, sent_at=event.occurred_at),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
    )
    _appeared(uow, thread, conversation, told, message)
    return Applied(ref=message.id)


def _appeared(uow: UnitOfWork, thread: Thread, conversation: Conversation, told: str, message: Message) -> None:
    """Let thread, conversation and log follow what was typed in the provider's own app: a bot falls silent then."""
    _, conversation = after_outbound(uow, thread, conversation, message)
    emit_message(uow, "message.sent", message, conversation, actor=message.author)
    if conversation.controller.type == "bot":
        conversation = uow.put(
            CONVERSATIONS, conversation, controller=Controller(type="none", token=uow.ids.new("ctl"))
        )
        emit_conversation(uow, "conversation.control_changed", conversation)
    emit_conversation(uow, told, conversation)
    catch_up(uow, message.id)


def _send_in_flight(uow: UnitOfWork, thread: Thread) -> bool:
    where = (Where("thread_id", "eq", thread.id), Where("state", "in", IN_FLIGHT))
    return any(_may_echo(uow, entry) for entry in uow.find(Query(OUTBOX, where, limit=100)))


def _may_echo(uow: UnitOfWork, entry: OutboxEntry) -> bool:
    """Whether an echo may still be this entry's: one of which nothing was heard for long has none to come."""
    if entry.state == "unknown" and entry.unknown_since is not None:
        return uow.now - entry.unknown_since < ECHO_WAITS
    return entry.state in IN_FLIGHT


def waiting_echoes(uow: UnitOfWork, thread: Thread) -> list[Parked]:
    """The echoes that waited for a send on this thread; none while a send is in flight."""
    where = (Where("thread_id", "eq", thread.id),)
    waiting = [parked for parked in uow.find(Query(PARKED, where, limit=100)) if parked.thread_id == thread.id]
    return [] if waiting and _send_in_flight(uow, thread) else waiting
