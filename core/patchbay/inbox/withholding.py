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
from patchbay.model.ids import derived_id
from patchbay.model.withheld import Withheld

# For so long it is asked for: an app that gets its access meanwhile gets these messages too.
ASKED_FOR = timedelta(days=7)


def receive_withheld(uow: UnitOfWork, arrival: Arrival, event: MessageWithheld) -> Applied:
    """Keep a place in the timeline, where somebody is named, and note that the message is to be asked for."""
    account = arrival.account
    known = locate(uow, account.id, event.external_id)
    if known is not None:
        return Applied(outcome="duplicate", ref=known.id)
    id = derived_id("whd", account.id, event.external_id)
    if uow.get(WITHHELD, id) is None:
        uow.add(
            WITHHELD,
            Withheld(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                account_id=account.id,
                external_id=event.external_id,
                raw_event_id=arrival.raw_id,
                not_before=uow.now,
                expires_at=uow.now + ASKED_FOR,
            ),
        )
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


def is_filled(uow: UnitOfWork, waiting: Withheld) -> bool:
    """Whether the message came whole by itself."""
    known = locate(uow, waiting.account_id, waiting.external_id)
    return known is not None and not isinstance(known.content, Unsupported)


def ask_no_more(uow: UnitOfWork, waiting: Withheld) -> None:
    """End the asking for a message."""
    held = uow.get(WITHHELD, waiting.id)
    if held is not None:
        uow.remove(WITHHELD, held)


def ask_later(uow: UnitOfWork, waiting: Sequence[Withheld], at: datetime) -> None:
    """Put the asking for messages off; what has been asked for long enough is given up."""
    for held in uow.get_all(WITHHELD, [each.id for each in waiting]).values():
        if held.expires_at <= at:
            uow.remove(WITHHELD, held)
        else:
            uow.put(WITHHELD, held, not_before=at)
