"""Messages that a provider announced without their content: a place for each, and what is asked for. No IO."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from patchbay.channel import MessageEchoed, MessageReceived, MessageWithheld
from patchbay.collections import WITHHELD
from patchbay.inbox.echoes import receive_echo
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import locate
from patchbay.inbox.receive import Applied, receive_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Unsupported
from patchbay.model.event import Audience
from patchbay.model.ids import derived_id
from patchbay.model.message import Message
from patchbay.model.withheld import Withheld

# For so long it is asked for: an app that gets its access meanwhile gets these messages too.
ASKED_FOR = timedelta(days=7)
UNTOLD = "The provider announced a message, named nobody, and did not tell what it says."


def receive_withheld(uow: UnitOfWork, arrival: Arrival, event: MessageWithheld) -> Applied:
    """Keep a place in the timeline, where somebody is named, and note that the message is to be asked for."""
    account = arrival.account
    known = locate(uow, account.id, event.external_id)
    if known is None or is_open(known):
        _ask(uow, arrival, event.external_id)
    if known is not None:
        return Applied(outcome="duplicate", ref=known.id)
    content = Unsupported(provider_type=event.provider_type, reason=event.reason)
    if event.person is None:
        return Applied(outcome="parked", reason=f"it names nobody. {event.reason}")
    if event.by_business:
        placeholder = MessageEchoed(
            occurred_at=event.occurred_at,
            external_id=event.external_id,
            recipient=event.person,
            content=content,
            context={"withheld": True},
        )
        return receive_echo(uow, arrival, placeholder)
    message = MessageReceived(
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        sender=event.person,
        content=content,
        context={"withheld": True},
    )
    return receive_message(uow, arrival, message)


def _ask(uow: UnitOfWork, arrival: Arrival, external_id: str) -> None:
    id = derived_id("whd", arrival.account.id, external_id)
    if uow.get(WITHHELD, id) is None:
        uow.add(
            WITHHELD,
            Withheld(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                account_id=arrival.account.id,
                external_id=external_id,
                raw_event_id=arrival.raw_id,
                not_before=uow.now,
                expires_at=uow.now + ASKED_FOR,
            ),
        )


def is_open(known: Message) -> bool:
    """Whether a message still waits for what it said at first; one that was taken back does not."""
    first = known.revisions[0].content if known.revisions else known.content
    return known.deleted is None and isinstance(first, Unsupported)


def is_wanted(uow: UnitOfWork, waiting: Withheld) -> bool:
    """Whether it is still to be asked for: it did not come whole by itself, and was not taken back."""
    known = locate(uow, waiting.account_id, waiting.external_id)
    return known is None or is_open(known)


def ask_no_more(uow: UnitOfWork, waiting: Withheld) -> None:
    """End the asking for a message. Of one that has no place anywhere it is told that it was not to be had."""
    held = uow.get(WITHHELD, waiting.id)
    if held is None:
        return
    uow.remove(WITHHELD, held)
    if locate(uow, held.account_id, held.external_id) is None:
        data = {"external_id": held.external_id}
        told = {"account_id": held.account_id, "notice": "message_untold", "text": UNTOLD, "data": data}
        uow.emit("channel.notice", "channel", held.account_id, told, audience=Audience(account_id=held.account_id))


def ask_later(uow: UnitOfWork, waiting: Sequence[Withheld], at: datetime) -> None:
    """Put the asking for messages off; what has been asked for long enough is given up."""
    for held in uow.get_all(WITHHELD, [each.id for each in waiting]).values():
        if held.expires_at <= at:
            ask_no_more(uow, held)
        else:
            uow.put(WITHHELD, held, not_before=at)
