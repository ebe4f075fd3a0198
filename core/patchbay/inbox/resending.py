"""Sending again, taking back, reacting, and telling the provider what was read. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, MESSAGES, OUTBOX, THREADS
from patchbay.errors import SendError, StateConflict, Unsupported
from patchbay.inbox.checks import usable_channel
from patchbay.inbox.edits import react
from patchbay.inbox.landing import conversation_of, emit_message
from patchbay.inbox.outbox_ids import entry_id
from patchbay.inbox.receipts import FINAL, arrived
from patchbay.inbox.sending import GIVE_UP_AFTER, new_entry, provider_id, recipient_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import derived_id
from patchbay.model.message import Actor, Delivery, Message, Reaction
from patchbay.model.outbox import EntryKind, OutboxEntry

JUST_AFTER = timedelta(milliseconds=1)


def retry_message(uow: UnitOfWork, message_id: str) -> Message:
    """Send a message again that failed, expired, was cancelled, or whose outcome stayed unknown.

    It takes a new attempt, so that reports about the old one change nothing any more (invariant 4). Parts that the
    provider took stay as they are. Raises ``NotFound``, ``StateConflict`` (not_retryable).
    """
    message = uow.reach(MESSAGES, message_id)
    if message.direction != "outbound" or message.delivery.state not in ("failed", "expired", "cancelled", "unknown"):
        raise StateConflict(
            f"Only an outbound message that failed can be sent again; this one is {message.delivery.state}.",
            code="not_retryable",
        )
    ids = [entry_id(message.id, part) for part in range(message.parts)]
    entries = uow.get_all(OUTBOX, ids)
    if any(entry.state in ("claimed", "sending") for entry in entries.values()):
        raise StateConflict("A part of the message is just being sent; try again in a minute.", code="not_retryable")
    attempt = message.attempt + 1
    refs = tuple(
        replace(ref, attempt=attempt) if ref.attempt == message.attempt and ref.state not in FINAL else ref
        for ref in message.external_refs
    )
    message = uow.put(MESSAGES, message, attempt=attempt, external_refs=refs, delivery=Delivery(state="queued"))
    for part, id in enumerate(ids):
        if arrived(message, part):
            continue  # what the person has is not sent again
        fresh = new_entry(uow, message, part)
        if id in entries:
            uow.put(OUTBOX, replace(fresh, version=entries[id].version, created_at=entries[id].created_at))
        else:
            uow.add(OUTBOX, fresh)
    emit_message(uow, "message.queued", message, conversation_of(uow, message))
    return message


def cancel_message(uow: UnitOfWork, message_id: str) -> Message:
    """Take back a message that has not begun to leave."""
    message = uow.reach(MESSAGES, message_id)
    entries = uow.get_all(OUTBOX, [entry_id(message.id, part) for part in range(message.parts)])
    waiting = [entry for entry in entries.values() if entry.state in ("queued", "retry", "paused")]
    if message.direction != "outbound" or message.delivery.state != "queued" or len(waiting) != message.parts:
        raise StateConflict(
            f"Only a message that is still queued can be cancelled; this one is {message.delivery.state}.",
            code="not_cancellable",
        )
    for entry in waiting:
        uow.put(OUTBOX, entry, state="cancelled", lease=None)
    message = uow.put(MESSAGES, message, delivery=replace(message.delivery, state="cancelled"))
    emit_message(uow, "message.cancelled", message, conversation_of(uow, message))
    return message


def set_reaction(
    uow: UnitOfWork, channels: Mapping[str, Channel], message_id: str, emoji: str | None, *, actor: Actor
) -> Message:
    """Our reaction to a message, queued for the provider; None takes it back.

    Raises ``Unsupported``; ``StateConflict`` (not_reactable) for what the provider does not know as a message, and what
    ``usable_channel`` raises.
    """
    message = uow.reach(MESSAGES, message_id)
    account = uow.need(ACCOUNTS, message.account_id)
    channel = usable_channel(channels, account)
    if not channel.capabilities.reactions:
        raise Unsupported(f"{channel.title} cannot carry reactions.", pointer="/emoji")
    if message.origin == "system":
        raise StateConflict("This is a notice that nobody wrote, so nobody can react to it.", code="not_reactable")
    if not message.external_refs or message.deleted is not None:
        raise StateConflict("The provider does not know this message, so nobody can react to it.", code="not_reactable")
    _may_react(uow, channel, account, message, emoji)
    business = Actor(type="agent", id=account.id, name=actor.name)  # one business, one reaction at the provider
    known = next((known for known in message.reactions if known.actor.id == account.id), None)
    at = uow.now if known is None else max(uow.now, known.occurred_at + JUST_AFTER)  # the provider's clock may be ahead
    react(uow, message, Reaction(actor=business, emoji=emoji, occurred_at=at))
    _queue(uow, message, "reaction", emoji)
    return uow.need(MESSAGES, message_id)


def _may_react(uow: UnitOfWork, channel: Channel, account: ChannelAccount, message: Message, emoji: str | None) -> None:
    """Raise what the channel refuses before it asks for anything: a flow is pure, so its beginning can be tried."""
    target = provider_id(message)
    recipient = recipient_of(uow, uow.need(THREADS, message.thread_id))
    try:
        flow = channel.react(account, recipient, target or "", emoji)
        next(flow, None)
        flow.close()
    except Unsupported as refused:
        raise Unsupported(refused.reason, pointer="/emoji", hint=refused.hint) from None
    except SendError as refused:
        raise StateConflict(refused.reason, code="not_reactable", hint=refused.hint) from None


def take_reaction_back(uow: UnitOfWork, message_id: str, account_id: str) -> None:
    """The provider refused our reaction: nobody sees it, so it is not shown here either."""
    message = uow.get(MESSAGES, message_id)
    held = None if message is None else next((one for one in message.reactions if one.actor.id == account_id), None)
    if message is not None and held is not None and held.emoji is not None:
        react(uow, message, replace(held, emoji=None, occurred_at=max(uow.now, held.occurred_at + JUST_AFTER)))


def queue_read(uow: UnitOfWork, channels: Mapping[str, Channel], message: Message) -> None:
    """Tell the provider that an inbound message was read, where the channel can and the account is usable."""
    account = uow.get(ACCOUNTS, message.account_id)
    channel = None if account is None else channels.get(account.channel)
    if account is None or channel is None or not account.works:
        return
    if channel.capabilities.read_receipts and message.direction == "inbound" and message.external_refs:
        _queue(uow, message, "read", None)


def _queue(uow: UnitOfWork, message: Message, kind: EntryKind, emoji: str | None) -> None:
    id = derived_id("obx", message.id, kind)
    fresh = OutboxEntry(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        message_id=message.id,
        kind=kind,
        part=0,
        account_id=message.account_id,
        thread_id=message.thread_id,
        queue=f"{message.thread_id}:{kind}",
        order=message.seq,
        lane="reply" if kind == "reaction" else "notify",
        not_before=uow.now,
        expires_at=uow.now + GIVE_UP_AFTER,
        emoji=emoji,
    )
    known = uow.get(OUTBOX, id)
    if known is None:
        uow.add(OUTBOX, fresh)
    elif kind == "reaction":
        uow.put(OUTBOX, replace(fresh, version=known.version, created_at=known.created_at))
