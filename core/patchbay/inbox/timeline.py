"""What appears on a timeline without being work: notices and history. No IO."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import HistoryMessage, ThreadNotice
from patchbay.collections import MESSAGES, THREADS
from patchbay.inbox.attach import attached
from patchbay.inbox.landing import (
    Arrival,
    after_inbound,
    conversation_of,
    emit_conversation,
    emit_message,
    open_conversation,
)
from patchbay.inbox.locate import locate
from patchbay.inbox.quoting import reply_of
from patchbay.inbox.receive import Applied, fill_in, line_and_author
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.watermarks import catch_up
from patchbay.model.content import SystemNotice, text_content
from patchbay.model.ids import message_id
from patchbay.model.message import SYSTEM, Actor, Delivery, ExternalRef, Message


def receive_notice(uow: UnitOfWork, arrival: Arrival, event: ThreadNotice) -> Applied:
    """Something happened that nobody wrote: a line of the timeline. Only what opens the window makes work."""
    account = arrival.account
    id = message_id(account.id, event.external_id)
    if uow.get(MESSAGES, id) is not None:
        return Applied(outcome="duplicate", ref=id)
    if event.person is None and event.group is None:
        return Applied(outcome="ignored", reason=f"{event.notice}: it names nobody")
    line, author = line_and_author(uow, arrival, event.person, event.group)
    content = SystemNotice(notice=event.notice, text=event.text, data=event.data)
    message = Message(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=line.thread.id,
        conversation_id=line.thread.open_conversation_id,
        account_id=account.id,
        seq=line.thread.last_seq + 1,
        direction="inbound",
        origin="system",
        author=author if event.opens_window else SYSTEM,
        content=content,
        text=text_content(content),
        external_refs=(ExternalRef(external_id=event.external_id, state="delivered"),),
        delivery=Delivery(state="delivered", sent_at=event.occurred_at, delivered_at=uow.now),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
        recorded_at=uow.now,
    )
    if not event.opens_window:
        uow.add(MESSAGES, message)
        uow.put(THREADS, line.thread, last_seq=message.seq)
        emit_message(uow, "message.received", message, conversation_of(uow, message))
        return Applied(ref=id)
    thread, conversation, told = open_conversation(uow, arrival, line.thread)
    message = uow.add(MESSAGES, replace(message, conversation_id=conversation.id))
    window = arrival.channel.window(thread.window, event, id)
    _, conversation = after_inbound(uow, thread, conversation, message, window, opens_window=event.opens_window)
    emit_message(uow, "message.received", message, conversation)
    emit_conversation(uow, told, conversation)
    return Applied(ref=id)


def receive_history(uow: UnitOfWork, arrival: Arrival, event: HistoryMessage) -> Applied:
    """A message from before we were connected: a timeline item and nothing else (invariant 7).

    A later delivery with the content of what was a placeholder fills the placeholder in.
    """
    account = arrival.account
    known = locate(uow, account.id, event.external_id)
    if known is not None:
        synced = known.origin == "history_sync"
        filled = fill_in(uow, known, event) if synced else None
        if filled is None:
            return Applied(outcome="duplicate", ref=known.id)
        emit_message(uow, "message.history_synced", filled, None)
        return Applied(ref=known.id)
    line, author = line_and_author(uow, arrival, event.person, None)
    id, state = message_id(account.id, event.external_id), event.state or "sent"
    message = Message(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=line.thread.id,
        account_id=account.id,
        seq=line.thread.last_seq + 1,
        direction="outbound" if event.outbound else "inbound",
        origin="history_sync",
        author=Actor(type="native_app") if event.outbound else author,
        content=event.content,
        text=text_content(event.content),
        reply_to=reply_of(uow, account.id, event.reply_to, by=id),
        external_refs=(ExternalRef(external_id=event.external_id, state=state),),
        delivery=Delivery(state=state, sent_at=event.occurred_at),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
        recorded_at=uow.now,
    )
    message = uow.add(MESSAGES, attached(uow, message, event.media))
    uow.put(THREADS, line.thread, last_seq=message.seq)
    emit_message(uow, "message.history_synced", message, None)
    if event.outbound:
        catch_up(uow, message.id)
    return Applied(ref=message.id)
