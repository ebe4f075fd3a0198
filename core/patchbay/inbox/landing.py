"""Where a message lands: its place on the thread and its conversation, and what both look like afterwards. No IO."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from patchbay.channel import Channel
from patchbay.collections import CONTACTS, CONVERSATIONS, THREADS
from patchbay.inbox.audiences import of_conversation
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.conversation import Controller, Conversation, LastMessage, Thread, Window
from patchbay.model.event import Audience
from patchbay.model.message import Actor, Message
from patchbay.model.outbox import Origin
from patchbay.views import conversation_view, message_view, preview_of

CONVERSATION_NUMBER = "conversation_number"  # the scope of the unique keys of numbers
OPEN_CONVERSATION = "open_conversation"  # one per thread, by the store's word


class Arrival(Struct, frozen=True):
    """Where an event arrived: the account, its channel, the raw event, and how long what is closed may reopen.

    ``key`` is the item's dedupe key, ``display`` what the payload called the account.
    """

    account: ChannelAccount
    channel: Channel
    raw_id: str | None = None
    reopen_after: timedelta = timedelta(0)
    key: str = ""
    display: str | None = None

    @property
    def origin(self) -> Origin:
        """What is kept of it with an event that has to wait."""
        return Origin(raw_id=self.raw_id, key=self.key, reopen_after_s=self.reopen_after.total_seconds())

    def of(self, origin: Origin) -> Arrival:
        """The arrival of an event that waited."""
        reopen_after = timedelta(seconds=origin.reopen_after_s)
        return Arrival(self.account, self.channel, origin.raw_id, reopen_after, origin.key)


def emit_message(
    uow: UnitOfWork,
    type: str,
    message: Message,
    conversation: Conversation | None,
    *,
    actor: Actor | None = None,
    **more: Any,
) -> None:
    """An event about a message: the message as REST shows it, and what changed beside it."""
    audience = (
        Audience(account_id=message.account_id, thread_id=message.thread_id)
        if conversation is None
        else of_conversation(conversation)
    )
    view = message_view(message)
    view.update(more)
    uow.emit(type, "message", message.id, view, audience=audience, actor=actor)


def emit_conversation(
    uow: UnitOfWork, type: str, conversation: Conversation, *, before: Conversation | None = None, **more: Any
) -> None:
    """An event about a conversation: as REST shows it, and what changed beside it. Who had it ``before`` is told."""
    view = conversation_view(
        conversation, uow.get(CONTACTS, conversation.contact_id), uow.get(THREADS, conversation.thread_id)
    )
    view.update(more)
    uow.emit(type, "conversation", conversation.id, view, audience=of_conversation(conversation, before))


def open_conversation(uow: UnitOfWork, arrival: Arrival, thread: Thread) -> tuple[Thread, Conversation, str]:
    """The thread's conversation that is not closed, made or reopened where there is none.

    Also says which event tells of it: ``conversation.updated``, ``.reopened`` or ``.created``.
    """
    if thread.open_conversation_id is not None:
        return thread, uow.need(CONVERSATIONS, thread.open_conversation_id), "conversation.updated"
    previous = None
    if thread.last_conversation_id is not None:
        previous = uow.get(CONVERSATIONS, thread.last_conversation_id)
    if previous is not None and _may_reopen(previous, arrival, uow.now):
        uow.claim(OPEN_CONVERSATION, thread.id, previous.id)
        conversation = uow.put(CONVERSATIONS, previous, status="open", closed_at=None, close_reason=None)
        thread = uow.put(THREADS, thread, open_conversation_id=conversation.id)
        return thread, conversation, "conversation.reopened"
    number = uow.number()
    account = arrival.account
    conversation = Conversation(
        id=uow.ids.new("cnv"),
        created_at=uow.now,
        updated_at=uow.now,
        number=number,
        thread_id=thread.id,
        contact_id=thread.contact_id,
        account_id=account.id,
        channel=account.channel,
        previous_conversation_id=None if previous is None else previous.id,
        department_id=account.default_department_id,
        controller=Controller(token=uow.ids.new("ctl")),
        last_activity_at=uow.now,
        first_seq=thread.last_seq + 1,
        last_seq=thread.last_seq,
    )
    uow.claim(CONVERSATION_NUMBER, str(number), conversation.id)
    uow.claim(OPEN_CONVERSATION, thread.id, conversation.id)
    uow.add(CONVERSATIONS, conversation)
    thread = uow.put(THREADS, thread, open_conversation_id=conversation.id, last_conversation_id=conversation.id)
    return thread, conversation, "conversation.created"


def _may_reopen(previous: Conversation, arrival: Arrival, now: datetime) -> bool:
    own = arrival.account.policies.reopen_after_s
    limit = arrival.reopen_after if own is None else timedelta(seconds=own)
    return previous.closed_at is not None and now - previous.closed_at < limit


def after_inbound(
    uow: UnitOfWork,
    thread: Thread,
    conversation: Conversation,
    message: Message,
    window: Window,
    *,
    opens_window: bool = True,
) -> tuple[Thread, Conversation]:
    """Thread and conversation after the person wrote: a snoozed one wakes, the waiting clock starts. What opens no
    window (a comment) is nothing that the time to answer counts from."""
    last_inbound_at = later(thread.last_inbound_at, message) if opens_window else thread.last_inbound_at
    last_seq = max(thread.last_seq, message.seq)
    thread = uow.put(THREADS, thread, last_seq=last_seq, last_inbound_at=last_inbound_at, window=window)
    snoozed = conversation.status == "snoozed"
    conversation = uow.put(
        CONVERSATIONS,
        conversation,
        status="open" if snoozed else conversation.status,
        snoozed_until=None if snoozed else conversation.snoozed_until,
        waiting_since=conversation.waiting_since or uow.now,
        last_activity_at=uow.now,
        **_place(conversation, message),
        inbound_count=conversation.inbound_count + 1,
    )
    return thread, conversation


def after_outbound(
    uow: UnitOfWork, thread: Thread, conversation: Conversation, message: Message
) -> tuple[Thread, Conversation]:
    """Thread and conversation after we answered: the waiting clock stops, the first response is timed."""
    last_seq = max(thread.last_seq, message.seq)
    thread = uow.put(THREADS, thread, last_seq=last_seq, last_outbound_at=later(thread.last_outbound_at, message))
    first = conversation.first_response_at
    if first is None and conversation.inbound_count:
        first = uow.now
    conversation = uow.put(
        CONVERSATIONS,
        conversation,
        waiting_since=None,
        first_response_at=first,
        last_activity_at=uow.now,
        **_place(conversation, message),
    )
    return thread, conversation


def _place(conversation: Conversation, message: Message) -> dict[str, Any]:
    """What a message changes of its conversation's bounds and preview. One that a history brought before stands where
    it stood, maybe before all others."""
    last = conversation.last_message
    newest = last is None or message.seq > conversation.last_seq or message.occurred_at >= last.occurred_at
    return {
        "first_seq": min(conversation.first_seq, message.seq),
        "last_seq": max(conversation.last_seq, message.seq),
        "last_message": last_message(message) if newest else last,
    }


def last_message(message: Message) -> LastMessage:
    return LastMessage(
        id=message.id,
        direction=message.direction,
        preview=preview_of(message.content),
        occurred_at=message.occurred_at,
    )


def later(known: datetime | None, message: Message) -> datetime:
    """The later of a known moment and the message's."""
    return message.occurred_at if known is None or message.occurred_at > known else known


def refreshed_preview(uow: UnitOfWork, message: Message) -> Conversation | None:
    """The message's conversation, its preview following an edit or a deletion of its last message."""
    if message.conversation_id is None:
        return None
    conversation = uow.get(CONVERSATIONS, message.conversation_id)
    if conversation is not None and conversation.last_message is not None:
        fresh = last_message(message)
        if conversation.last_message.id == message.id and conversation.last_message != fresh:
            conversation = uow.put(CONVERSATIONS, conversation, last_message=fresh)
            emit_conversation(uow, "conversation.updated", conversation)
    return conversation


def conversation_of(uow: UnitOfWork, message: Message) -> Conversation | None:
    """The conversation that the message belongs to."""
    return None if message.conversation_id is None else uow.get(CONVERSATIONS, message.conversation_id)
