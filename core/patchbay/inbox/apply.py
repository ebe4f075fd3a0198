"""Applying one item: from an inbound event to staged changes. No IO."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from patchbay.channel import (
    AccountNotice,
    HistoryMessage,
    IdentityRekeyed,
    Ignored,
    InboundEvent,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageWithheld,
    Person,
    PersonChanged,
    PreferenceChanged,
    ReactionChanged,
    ReceiptReceived,
    TemplateChanged,
    ThreadNotice,
    Unrecognised,
    WatermarkReceived,
)
from patchbay.collections import ACCOUNTS, MESSAGES, THREADS
from patchbay.inbox.echoes import receive_echo, waiting_echoes
from patchbay.inbox.edits import change_reaction, delete_message, edit_message
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import QuoteAwaited, Waited, take, unpark
from patchbay.inbox.quoting import quoted_appeared
from patchbay.inbox.receipts import FINAL, receive_receipt
from patchbay.inbox.receive import Applied, receive_message
from patchbay.inbox.reports import (
    account_notice,
    change_person,
    change_preference,
    change_template,
    rekey,
)
from patchbay.inbox.timeline import receive_history, receive_notice
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.watermarks import catch_up, raise_earlier, receive_watermark, take_watermarks
from patchbay.inbox.withholding import receive_withheld
from patchbay.model.ids import part_ref
from patchbay.model.outbox import Parked

HEALTH_EVERY = timedelta(seconds=60)  # how exact ``health.last_inbound_at`` is


def apply_event(uow: UnitOfWork, arrival: Arrival, event: InboundEvent) -> Applied:
    """Stage what an event changes. Applying it again, in any order with others, changes nothing more.

    Raises whatever a wrong event provokes: the caller rolls back to its mark and quarantines the item.
    """
    applied = _dispatch(uow, arrival, event)
    if applied.bound is not None and applied.ref is not None:
        replay_parked(uow, arrival, applied.bound)
        catch_up(uow, applied.ref)
    if applied.outcome == "applied":
        if isinstance(event, MessageReceived | MessageEchoed | MessageWithheld | HistoryMessage):
            replay_parked(uow, arrival, _name_of(event))
        _begun(uow, arrival, event, applied)
        _note_inbound(uow, arrival)
    return applied


def _dispatch(uow: UnitOfWork, arrival: Arrival, event: InboundEvent) -> Applied:
    match event:
        case MessageReceived():
            return receive_message(uow, arrival, event)
        case ReceiptReceived():
            applied = receive_receipt(uow, arrival, event)
            if event.watermark and applied.ref is not None:
                raise_earlier(uow, applied.ref, event)
            _outlived(uow, applied, event)
            return applied
        case WatermarkReceived():
            return receive_watermark(uow, arrival, event)
        case MessageEchoed():
            return receive_echo(uow, arrival, event)
        case MessageWithheld():
            return receive_withheld(uow, arrival, event)
        case ReactionChanged():
            return change_reaction(uow, arrival, event)
        case MessageEdited():
            return edit_message(uow, arrival, event)
        case MessageDeleted():
            return delete_message(uow, arrival, event)
        case HistoryMessage():
            return receive_history(uow, arrival, event)
        case ThreadNotice():
            return receive_notice(uow, arrival, event)
        case PersonChanged():
            return change_person(uow, arrival, event)
        case PreferenceChanged():
            return change_preference(uow, arrival, event)
        case IdentityRekeyed():
            return rekey(uow, arrival, event)
        case AccountNotice():
            return account_notice(uow, arrival, event)
        case TemplateChanged():
            return change_template(uow, arrival, event)
        case Ignored():
            return Applied(outcome="ignored", reason=event.reason)
        case Unrecognised():
            return Applied(outcome="ignored", reason=f"{event.what}: {event.reason}")


def _name_of(event: MessageReceived | MessageEchoed | MessageWithheld | HistoryMessage) -> str:
    return part_ref(event.external_id, event.part if isinstance(event, MessageReceived | MessageEchoed) else 0)


def _outlived(uow: UnitOfWork, applied: Applied, event: ReceiptReceived) -> None:
    """A message that was said to have failed arrived all the same: what it was not covered by then covers it now."""
    message = None if applied.ref is None or event.state in FINAL else uow.get(MESSAGES, applied.ref)
    if message is not None and any(receipt.state in FINAL for receipt in message.receipts):
        catch_up(uow, message.id)


def _begun(uow: UnitOfWork, arrival: Arrival, event: InboundEvent, applied: Applied) -> None:
    """Where the event was the first of its thread: what was reported about the person before they had one."""
    match event:
        case MessageReceived(sender=person, group=None) | ThreadNotice(person=Person() as person, group=None):
            pass
        case HistoryMessage(person=person) | MessageWithheld(person=Person() as person):
            pass
        case _:  # an echo has to know before it is told apart from what we send
            return
    made = None if applied.ref is None else uow.get(MESSAGES, applied.ref)
    if made is not None and made.seq == 1:
        take_watermarks(uow, arrival, person)


def replay_parked(uow: UnitOfWork, arrival: Arrival, external_id: str) -> None:
    """Apply what came before its message did (invariant 5)."""
    for waited in unpark(uow, arrival.account.id, external_id):
        _replay(uow, arrival, external_id, waited)


def _replay(uow: UnitOfWork, arrival: Arrival, external_id: str, waited: Waited) -> None:
    if isinstance(waited.early, QuoteAwaited):
        quoted_appeared(uow, arrival.account.id, external_id, waited.early)
    else:  # an echo is one of our own then, and says when the provider had it
        _dispatch(uow, arrival.of(waited.origin), waited.early)


def judge(uow: UnitOfWork, arrival: Arrival, waiting: Parked) -> None:
    """Apply an echo that waited for a send: what is parked beside it (receipts) follows the message it makes."""
    taken = take(uow, waiting)
    for waited in taken:
        if isinstance(waited.early, MessageEchoed):
            receive_echo(uow, arrival.of(waited.origin), waited.early, judged=True)
    for waited in taken:
        if not isinstance(waited.early, MessageEchoed):
            _replay(uow, arrival, waiting.external_id, waited)


def release_echoes(uow: UnitOfWork, arrival: Arrival, thread_id: str) -> None:
    """Judge the echoes that waited for a send on this thread, once none is in flight any more."""
    thread = uow.get(THREADS, thread_id)
    for waiting in () if thread is None else waiting_echoes(uow, thread):
        judge(uow, arrival, waiting)


def _note_inbound(uow: UnitOfWork, arrival: Arrival) -> None:
    account = uow.get(ACCOUNTS, arrival.account.id)
    if account is None:
        return
    last = account.health.last_inbound_at
    renamed = arrival.display is not None and arrival.display != account.display
    if renamed or last is None or uow.now - last >= HEALTH_EVERY:
        uow.put(
            ACCOUNTS,
            account,
            display=arrival.display or account.display,
            health=replace(account.health, last_inbound_at=uow.now),
        )
