"""A person wrote: the message, the thread, the conversation and the window. No IO."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import HistoryMessage, IdentityKey, InboundEvent, MessageEchoed, MessageReceived, Person
from patchbay.collections import CONVERSATIONS, MESSAGES, THREADS
from patchbay.inbox.attach import attached
from patchbay.inbox.blocking import is_blocked, keep_aside
from patchbay.inbox.landing import (
    Arrival,
    after_inbound,
    emit_conversation,
    emit_message,
    open_conversation,
    refreshed_preview,
)
from patchbay.inbox.locate import PARKED_AT_MOST, park
from patchbay.inbox.people import Line, meet
from patchbay.inbox.quoting import reply_of
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Unsupported, text_content
from patchbay.model.document import Value
from patchbay.model.ids import message_id, part_ref
from patchbay.model.message import Actor, Delivery, ExternalRef, Message
from patchbay.model.raw import ItemOutcome


class Applied(Value, frozen=True, kw_only=True):
    """What became of one item: the outcome, the document it led to, and a reason where nothing was done.

    ``bound`` is a provider's id that the item showed to be that of a message of ours.
    """

    outcome: ItemOutcome = "applied"
    ref: str | None = None
    reason: str | None = None
    bound: str | None = None


def parked(
    uow: UnitOfWork,
    arrival: Arrival,
    external_id: str,
    event: InboundEvent,
    reason: str,
    *,
    thread_id: str | None = None,
) -> Applied:
    """Keep an event that came before the message it speaks of; it is let go where too many wait for that one."""
    if park(uow, arrival.account.id, external_id, event, origin=arrival.origin, thread_id=thread_id):
        return Applied(outcome="parked", reason=reason)
    return Applied(outcome="ignored", reason=f"{reason}, and {PARKED_AT_MOST} events wait for it already")


def receive_message(uow: UnitOfWork, arrival: Arrival, event: MessageReceived) -> Applied:
    """Fold a message in, once per external id: the id derives from it, so a second delivery meets the first."""
    account = arrival.account
    external_id = part_ref(event.external_id, event.part)
    id = message_id(account.id, external_id)
    known = uow.get(MESSAGES, id)
    if known is not None and known.origin == "history_sync" and known.direction == "inbound":
        return _now_live(uow, arrival, known, event)
    if known is not None:
        filled = filled_in(uow, known, event)
        return Applied(ref=id) if filled else Applied(outcome="duplicate", ref=id)
    if any(key.scope == "account" and key.value == account.external_id for key in event.sender.keys):
        return Applied(outcome="ignored", reason="the account wrote it itself")
    line, author = line_and_author(uow, arrival, event.sender, event.group)
    thread, conversation, told = line.thread, None, ""
    if thread.open_conversation_id is not None or not is_blocked(line):
        thread, conversation, told = open_conversation(uow, arrival, thread)
    message = Message(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        thread_id=thread.id,
        conversation_id=None if conversation is None else conversation.id,
        account_id=account.id,
        seq=thread.last_seq + 1,
        direction="inbound",
        origin="contact",
        author=author,
        content=event.content,
        text=text_content(event.content),
        reply_to=reply_of(uow, account.id, event.reply_to, by=id),
        forwarded=event.forwarded or event.frequently_forwarded,
        frequently_forwarded=event.frequently_forwarded,
        referral=event.referral,
        context=event.context,
        siblings=event.parts - 1 if event.part == 0 else 0,
        external_refs=(ExternalRef(external_id=external_id, of=whole_of(event), state="delivered"),),
        delivery=Delivery(state="delivered", sent_at=event.occurred_at, delivered_at=uow.now),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
        recorded_at=uow.now,
    )
    message = attached(uow, message, event.media)
    uow.add(MESSAGES, message)
    window = arrival.channel.window(thread.window, event, id)
    if conversation is None:
        keep_aside(uow, line, message, window, opens_window=event.opens_window)
        return Applied(ref=id)
    _, conversation = after_inbound(uow, thread, conversation, message, window, opens_window=event.opens_window)
    emit_message(uow, "message.received", message, conversation, actor=author)
    emit_conversation(uow, told, conversation)
    return Applied(ref=id)


def _now_live(uow: UnitOfWork, arrival: Arrival, known: Message, event: MessageReceived) -> Applied:
    """What a history showed before it was delivered: work from now on, and where it stands on the thread."""
    thread, conversation, told = open_conversation(uow, arrival, uow.need(THREADS, known.thread_id))
    message = fill_in(uow, known, event) or known
    message = replace(
        message,
        conversation_id=conversation.id,
        origin="contact",
        reply_to=message.reply_to or reply_of(uow, known.account_id, event.reply_to, by=known.id),
        forwarded=event.forwarded or event.frequently_forwarded,
        frequently_forwarded=event.frequently_forwarded,
        referral=event.referral,
        context=event.context,
        siblings=event.parts - 1 if event.part == 0 else 0,
        external_refs=tuple(replace(ref, state="delivered") for ref in known.external_refs),
        delivery=Delivery(state="delivered", sent_at=event.occurred_at, delivered_at=uow.now),
        raw_event_id=arrival.raw_id,
        occurred_at=event.occurred_at,
    )
    message = uow.put(MESSAGES, message)
    window = arrival.channel.window(thread.window, event, message.id)
    _, conversation = after_inbound(uow, thread, conversation, message, window, opens_window=event.opens_window)
    cursors = conversation.read_cursors  # whoever read past its place has not read it
    if any(cursor.seq >= message.seq for cursor in cursors.values()):
        lowered = {who: replace(cursor, seq=min(cursor.seq, message.seq - 1)) for who, cursor in cursors.items()}
        conversation = uow.put(CONVERSATIONS, conversation, read_cursors=lowered)
    emit_message(uow, "message.received", message, conversation, actor=message.author)
    emit_conversation(uow, told, conversation)
    return Applied(ref=message.id)


def whole_of(event: MessageReceived | MessageEchoed) -> str | None:
    """What the provider calls the message that a later part of it belongs to."""
    return event.external_id if event.part else None


def fill_in(uow: UnitOfWork, known: Message, event: MessageReceived | MessageEchoed | HistoryMessage) -> Message | None:
    """Put in what a placeholder was kept for: content that was withheld, or that could not be read then. None when
    there is nothing to fill in, or it was taken back. Where it was edited meanwhile, it is what the first edit
    replaced."""
    first = known.revisions[0].content if known.revisions else known.content
    if known.deleted is not None or not isinstance(first, Unsupported):
        return None
    if isinstance(event.content, Unsupported):
        if isinstance(event, MessageReceived | MessageEchoed) and event.part == 0 and event.parts - 1 > known.siblings:
            uow.put(MESSAGES, known, siblings=event.parts - 1)  # a deletion takes them too
        return None
    reply_to = known.reply_to or reply_of(uow, known.account_id, event.reply_to, by=known.id)
    filled = replace(known, reply_to=reply_to)
    if not isinstance(event, HistoryMessage):
        filled = replace(filled, context=event.context, siblings=event.parts - 1 if event.part == 0 else 0)
    if isinstance(event, MessageReceived):
        filled = replace(
            filled,
            referral=event.referral,
            forwarded=event.forwarded or event.frequently_forwarded,
            frequently_forwarded=event.frequently_forwarded,
        )
    if known.revisions:
        original = attached(uow, replace(filled, content=event.content), event.media).content
        revisions = (replace(known.revisions[0], content=original), *known.revisions[1:])
        return uow.put(MESSAGES, replace(filled, revisions=revisions))
    filled = replace(filled, content=event.content, text=text_content(event.content))
    return uow.put(MESSAGES, attached(uow, filled, event.media))


def filled_in(uow: UnitOfWork, known: Message, event: MessageReceived | MessageEchoed) -> bool:
    """Whether a placeholder was filled in (``fill_in``), which the log tells of then."""
    filled = fill_in(uow, known, event)
    if filled is not None:
        emit_message(uow, "message.edited", filled, refreshed_preview(uow, filled))
    return filled is not None


def line_and_author(
    uow: UnitOfWork, arrival: Arrival, person: Person | None, group: IdentityKey | None
) -> tuple[Line, Actor]:
    """The line that a message belongs to and who wrote it: a group's line is the group's, its author the member."""
    if group is not None:
        line = meet(uow, arrival.account, Person(keys=(group,)))
        if person is None or not person.keys:
            return line, Actor(type="contact", id=line.contact.id, name=line.contact.display_name)
        member = meet(uow, arrival.account, person).contact
        return line, Actor(type="contact", id=member.id, name=member.display_name)
    if person is None:
        raise ValueError("neither a person nor a group is named")
    line = meet(uow, arrival.account, person)
    return line, Actor(type="contact", id=line.contact.id, name=line.contact.display_name)
