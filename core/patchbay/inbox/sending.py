"""Queueing a message: every check before it, and the outbox entries that a worker will send. No IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from patchbay.channel import Channel, Draft, Quoted, Recipient
from patchbay.collections import ACCOUNTS, CONVERSATIONS, IDENTITIES, MESSAGES, OUTBOX, THREADS
from patchbay.errors import StateConflict
from patchbay.inbox.checks import check_options, check_window, quoted_by, usable_channel
from patchbay.inbox.files import with_file
from patchbay.inbox.landing import after_outbound, emit_conversation, emit_message
from patchbay.inbox.outbox_ids import entry_id
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, text_content
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.message import Actor, Delivery, Message, Origin, ReplyTo
from patchbay.model.outbox import Lane, OutboxEntry
from patchbay.ports import Query, Where
from patchbay.views import message_view

GIVE_UP_AFTER = timedelta(hours=24)
PARTS_AT_MOST = 1000  # per message; leaves room in ``order``
AUTOMATED: tuple[Origin, ...] = ("bot", "automation", "campaign")  # what no person wrote
MISSED_AT_MOST = 50  # items shown when somebody else spoke in between
Speaking = Callable[[UnitOfWork, Conversation], None]


def anybody(uow: UnitOfWork, conversation: Conversation) -> None:
    """Whoever asks may speak."""


@dataclass(frozen=True)
class Ready:
    """A message that may be sent, and what was looked up to find that out."""

    conversation: Conversation
    thread: Thread
    account: ChannelAccount
    channel: Channel
    content: AnyContent
    quoted: Message | None


def ready_to_send(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    conversation_id: str,
    content: AnyContent,
    *,
    origin: Origin = "agent",
    reply_to: str | None = None,
    expected_last_seq: int | None = None,
    options: Mapping[str, Any] | None = None,
    allowed: Speaking = anybody,
) -> Ready:
    """Every check of a send, in their order; sending and its preview both ask here, and so they say the same.

    ``allowed`` raises for a speaker who may not speak in this conversation now. Raises: ``NotFound``, ``StateConflict``
    (conversation_closed, conversation_moved, channel_unavailable, channel_disabled), ``Invalid`` naming the field,
    ``Unsupported``, ``WindowClosed``, ``AccountBroken``.
    """
    conversation = uow.reach(CONVERSATIONS, conversation_id)
    if conversation.status == "closed":
        raise StateConflict(
            "The conversation is closed.",
            code="conversation_closed",
            hint="Send by recipient (POST /messages/send) to start a new one, or reopen this one.",
        )
    allowed(uow, conversation)
    expect_last_seq(uow, conversation, expected_last_seq)
    thread = uow.need(THREADS, conversation.thread_id)
    account = uow.need(ACCOUNTS, conversation.account_id)
    channel, content, quoted = sendable(
        uow, channels, account, thread, content, origin=origin, reply_to=reply_to, options=options
    )
    return Ready(conversation, thread, account, channel, content, quoted)


def sendable(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    account: ChannelAccount,
    thread: Thread,
    content: AnyContent,
    *,
    origin: Origin = "agent",
    reply_to: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Channel, AnyContent, Message | None]:
    """What depends on the line alone: the channel, the content with its file, and the quoted message. Raises as
    ``ready_to_send``."""
    channel = usable_channel(channels, account)
    recipient = recipient_of(uow, thread)
    content, media = with_file(uow, channel, content)
    channel.check(account, content, recipient, media)
    check_options(channel, options)
    quoted = quoted_by(uow, channel, thread, reply_to)
    check_window(channel, draft(content, recipient, quoted, options, origin), uow.now)
    return channel, content, quoted


def send_message(
    uow: UnitOfWork,
    channels: Mapping[str, Channel],
    conversation_id: str,
    content: AnyContent,
    *,
    author: Actor,
    origin: Origin = "agent",
    reply_to: str | None = None,
    client_ref: str | None = None,
    expected_last_seq: int | None = None,
    options: Mapping[str, Any] | None = None,
    lane: Lane = "reply",
    allowed: Speaking = anybody,
) -> Message:
    """Queue a message on a conversation that is not closed, durably and in order.

    Raises what ``ready_to_send`` raises.
    """
    ready = ready_to_send(
        uow,
        channels,
        conversation_id,
        content,
        origin=origin,
        reply_to=reply_to,
        expected_last_seq=expected_last_seq,
        options=options,
        allowed=allowed,
    )
    conversation, thread, quoted = ready.conversation, ready.thread, ready.quoted
    parts = ready.channel.split(ready.content)
    message = Message(
        id=uow.ids.new("msg"),
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=thread.id,
        conversation_id=conversation.id,
        account_id=ready.account.id,
        seq=thread.last_seq + 1,
        direction="outbound",
        origin=origin,
        author=author,
        content=ready.content,
        text=text_content(ready.content),
        reply_to=None if quoted is None else ReplyTo(external_id=provider_id(quoted), message_id=quoted.id),
        parts=len(parts),
        delivery=Delivery(state="queued"),
        client_ref=client_ref,
        options=dict(options or {}),
        occurred_at=uow.now,
        recorded_at=uow.now,
    )
    uow.add(MESSAGES, message)
    for part in range(len(parts)):
        uow.add(OUTBOX, new_entry(uow, message, part, lane))
    if conversation.status == "snoozed":
        conversation = uow.put(CONVERSATIONS, conversation, status="open", snoozed_until=None)
    _, conversation = after_outbound(uow, thread, conversation, message)
    emit_message(uow, "message.queued", message, conversation, actor=author)
    emit_conversation(uow, "conversation.updated", conversation)
    return message


def new_entry(uow: UnitOfWork, message: Message, part: int, lane: Lane = "reply") -> OutboxEntry:
    """The outbox entry of one part, due now."""
    return OutboxEntry(
        id=entry_id(message.id, part),
        created_at=uow.now,
        updated_at=uow.now,
        message_id=message.id,
        part=part,
        parts=message.parts,
        account_id=message.account_id,
        thread_id=message.thread_id,
        queue=message.thread_id,
        order=message.seq * PARTS_AT_MOST + part,
        lane=lane,
        not_before=uow.now,
        expires_at=uow.now + GIVE_UP_AFTER,
    )


def expect_last_seq(uow: UnitOfWork, conversation: Conversation, expected: int | None) -> None:
    """Raise ``conversation_moved`` with what was missed when somebody else spoke since ``expected``."""
    if expected is None or conversation.last_seq <= expected:
        return
    where = (
        Where("thread_id", "eq", conversation.thread_id),
        Where("conversation_id", "eq", conversation.id),  # others on the thread may be of other departments
        Where("seq", "gt", expected),
    )
    missed = uow.find(Query(MESSAGES, where, sort="seq", limit=MISSED_AT_MOST))
    raise StateConflict(
        f"The conversation moved on: its last item is {conversation.last_seq}, you have seen {expected}.",
        code="conversation_moved",
        extra={"last_seq": conversation.last_seq, "missed": [message_view(message) for message in missed]},
    )


def recipient_of(uow: UnitOfWork, thread: Thread) -> Recipient:
    """Where messages of this thread go: the identities of its line that are not superseded."""
    line = uow.find(Query(IDENTITIES, (Where("line_id", "eq", thread.identity_id),), limit=50))
    owner = uow.get(IDENTITIES, thread.identity_id)
    if owner is not None and all(identity.id != owner.id for identity in line):
        line = [owner, *line]
    return Recipient(
        identities=tuple(identity for identity in line if identity.status != "superseded"),
        window=thread.window,
        last_inbound_at=thread.last_inbound_at,
    )


def provider_id(message: Message) -> str | None:
    """What the provider calls a message: its first part, or the whole that it is a part of; None while it does not
    know it."""
    first = message.external_refs[0] if message.external_refs else None
    return None if first is None else first.of or first.external_id


def draft(
    content: AnyContent,
    recipient: Recipient,
    quoted: Message | None,
    options: Mapping[str, Any] | None = None,
    origin: Origin = "agent",
) -> Draft:
    """A message as its channel judges it before it is sent."""
    external_id = None if quoted is None else provider_id(quoted)
    answered = None
    if quoted is not None and external_id is not None:
        answered = Quoted(external_id=external_id, occurred_at=quoted.occurred_at)
    return Draft(content, recipient, answered, dict(options or {}), automated=origin in AUTOMATED)
