"""Queueing a message: every check before it, and the outbox entries that a worker will send. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from patchbay.channel import Channel, Draft, Quoted, Recipient
from patchbay.collections import ACCOUNTS, CONVERSATIONS, IDENTITIES, MEDIA, MESSAGES, OUTBOX, THREADS
from patchbay.errors import AccountBroken, FieldError, Invalid, StateConflict, Unsupported, WindowClosed
from patchbay.inbox.landing import after_outbound, emit_conversation, emit_message
from patchbay.inbox.outbox_ids import entry_id
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, MediaRef, media_of, text_content, with_media
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.media import Media
from patchbay.model.message import Actor, Delivery, Message, Origin, ReplyTo
from patchbay.model.outbox import Lane, OutboxEntry
from patchbay.ports import Query, Where
from patchbay.views import message_view

GIVE_UP_AFTER = timedelta(hours=24)
PARTS_AT_MOST = 1000  # per message; leaves room in ``order``
MISSED_AT_MOST = 50  # items shown when somebody else spoke in between


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
) -> Message:
    """Queue a message on a conversation that is not closed, durably and in order.

    Raises: ``NotFound``, ``StateConflict`` (conversation_closed, conversation_moved, channel_disabled), ``Invalid``
    naming the field, ``Unsupported``, ``WindowClosed``, ``AccountBroken``.
    """
    conversation = uow.need(CONVERSATIONS, conversation_id)
    if conversation.status == "closed":
        raise StateConflict(
            "The conversation is closed.",
            code="conversation_closed",
            hint="Send by recipient (POST /messages/send) to start a new one, or reopen this one.",
        )
    expect_last_seq(uow, conversation, expected_last_seq)
    thread = uow.need(THREADS, conversation.thread_id)
    account = uow.need(ACCOUNTS, conversation.account_id)
    channel = usable_channel(channels, account)
    recipient = recipient_of(uow, thread)
    content, media = with_stored_media(uow, content)
    channel.check(content, recipient, media)
    check_options(channel, options)
    quoted = quoted_by(uow, thread, reply_to)
    check_window(channel, draft(content, recipient, quoted, options), uow.now)
    parts = channel.split(content)
    message = Message(
        id=uow.ids.new("msg"),
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=thread.id,
        conversation_id=conversation.id,
        account_id=account.id,
        seq=thread.last_seq + 1,
        direction="outbound",
        origin=origin,
        author=author,
        content=content,
        text=text_content(content),
        reply_to=None if quoted is None else ReplyTo(external_id=first_external_id(quoted), message_id=quoted.id),
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


def usable_channel(channels: Mapping[str, Channel], account: ChannelAccount) -> Channel:
    """The account's channel. Raises when the account or its plugin cannot send now."""
    channel = channels.get(account.channel)
    if channel is None:
        raise StateConflict(f"The channel plugin {account.channel!r} is not loaded.", code="channel_unavailable")
    if account.status == "disabled":
        raise StateConflict(f"The channel account {account.name!r} is disabled.", code="channel_disabled")
    if account.status == "reauth_required":
        raise AccountBroken(
            f"The channel account {account.name!r} needs a new token.",
            hint=f"POST /api/v1/channels/{account.id}/reauthorize with new credentials.",
        )
    return channel


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


def first_external_id(message: Message) -> str | None:
    """What the provider calls a message, or its first part; None while it does not know it."""
    return message.external_refs[0].external_id if message.external_refs else None


def draft(
    content: AnyContent, recipient: Recipient, quoted: Message | None, options: Mapping[str, Any] | None = None
) -> Draft:
    """A message as its channel judges it before it is sent."""
    external_id = None if quoted is None else first_external_id(quoted)
    answered = None
    if quoted is not None and external_id is not None:
        answered = Quoted(external_id=external_id, occurred_at=quoted.occurred_at)
    return Draft(content, recipient, answered, dict(options or {}))


def check_options(channel: Channel, options: Mapping[str, Any] | None) -> None:
    """Raise ``Unsupported`` for an option that the channel does not know, or a value that it does not take."""
    known = channel.capabilities.options
    for name, value in (options or {}).items():
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Unsupported(
                f"{channel.title} has no option {name!r}.", pointer=f"/options/{name}", hint=f"It knows: {names}."
            )
        allowed = known[name]
        if allowed is not None and value not in allowed:
            raise Unsupported(
                f"The option {name!r} of {channel.title} cannot be {value!r}.",
                pointer=f"/options/{name}",
                hint=f"It may be: {', '.join(sorted(allowed))}.",
            )


def check_window(channel: Channel, draft: Draft, at: datetime) -> None:
    """Raise ``WindowClosed`` when this may not be sent at that moment."""
    closes = channel.closes_at(draft)
    if closes is not None and at >= closes:
        raise WindowClosed(
            "The reply window is closed: the person has not written within it.",
            hint=channel.capabilities.window_hint or "Wait until the person writes.",
        )


def expect_last_seq(uow: UnitOfWork, conversation: Conversation, expected: int | None) -> None:
    """Raise ``conversation_moved`` with what was missed when somebody else spoke since ``expected``."""
    if expected is None or conversation.last_seq <= expected:
        return
    where = (Where("thread_id", "eq", conversation.thread_id), Where("seq", "gt", expected))
    missed = uow.find(Query(MESSAGES, where, sort="seq", limit=MISSED_AT_MOST))
    raise StateConflict(
        f"The conversation moved on: its last item is {conversation.last_seq}, you have seen {expected}.",
        code="conversation_moved",
        extra={"last_seq": conversation.last_seq, "missed": [message_view(message) for message in missed]},
    )


def with_stored_media(uow: UnitOfWork, content: AnyContent) -> tuple[AnyContent, Media | None]:
    """The content with its media as stored, and that media. Raises ``Invalid`` naming the field."""
    named = media_of(content)
    if named is None:
        return content, None
    media = uow.get(MEDIA, named.id)
    if media is None:
        raise Invalid(
            "The media does not exist.",
            errors=[FieldError("/content/media/id", "not_found", f"There is no media {named.id!r}; upload it first.")],
        )
    if media.state != "stored":
        raise Invalid(
            "The media is not stored.",
            errors=[FieldError("/content/media/id", "not_stored", f"The media is {media.state}.")],
        )
    reference = MediaRef(
        id=media.id,
        mime_type=media.mime_type,
        size=media.size,
        filename=named.filename or media.filename,
        state="stored",
    )
    return with_media(content, reference), media


def quoted_by(uow: UnitOfWork, thread: Thread, message_id: str | None) -> Message | None:
    """The message that a reply answers. Raises ``Invalid`` when it is not on this thread."""
    if message_id is None:
        return None
    quoted = uow.get(MESSAGES, message_id)
    if quoted is None or quoted.thread_id != thread.id:
        raise Invalid(
            "The quoted message is not part of this conversation.",
            errors=[FieldError("/reply_to", "not_found", f"There is no message {message_id!r} on this thread.")],
        )
    return quoted
