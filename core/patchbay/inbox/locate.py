"""Finding the message that a provider speaks of, and keeping what came before it. No IO."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from msgspec.json import decode, encode

from patchbay.channel import InboundEvent
from patchbay.collections import MESSAGES, PARKED
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.document import Value
from patchbay.model.ids import derived_id, message_id
from patchbay.model.message import Message
from patchbay.model.outbox import Origin, Parked

# The scope of the unique keys that bind a provider's id to a message of ours, or to what waits for that message. Both
# claim the same key, so a report that is parked while the answer of the send is committed cannot miss it: the later of
# the two is refused by the store, and looks again.
EXTERNAL_REF = "external_ref"
PARKED_FOR = timedelta(hours=48)  # at least 24 h (invariant 5)
PARKED_AT_MOST = 200  # items per unknown message; a provider that repeats itself must not grow a document without end


class QuoteAwaited(Value, frozen=True, kw_only=True, tag_field="kind", tag="quote_awaited"):
    """The message ``by`` quotes one that we do not know yet."""

    by: str


Early = InboundEvent | QuoteAwaited  # what may be kept until its message appears


class Waited(NamedTuple):
    """Something that was parked, and what it arrived with."""

    early: Early
    origin: Origin


_QUOTE = '{"kind":"quote_awaited"'


def ref_value(account_id: str, external_id: str) -> str:
    """The value of the unique key of an external id."""
    return f"{account_id}:{external_id}"


def parked_id(account_id: str, external_id: str) -> str:
    """Where reports about a message that we do not know yet are kept."""
    return derived_id("prk", account_id, external_id)


def locate(uow: UnitOfWork, account_id: str, external_id: str) -> Message | None:
    """The message that the provider calls so: one that it named first, or one of ours that it took."""
    message = uow.get(MESSAGES, message_id(account_id, external_id))
    if message is not None:
        return message
    ours = uow.ref(EXTERNAL_REF, ref_value(account_id, external_id))
    return None if ours is None or ours == parked_id(account_id, external_id) else uow.get(MESSAGES, ours)


def park(
    uow: UnitOfWork,
    account_id: str,
    external_id: str,
    event: Early,
    *,
    origin: Origin = Origin(),  # noqa: B008 - frozen
    thread_id: str | None = None,
) -> bool:
    """Keep an event until its message appears, once. False when so many wait for that message that it is not kept."""
    id = parked_id(account_id, external_id)
    item = encode(event).decode()
    waiting = uow.get(PARKED, id)
    if waiting is None:
        uow.claim(EXTERNAL_REF, ref_value(account_id, external_id), id)
        uow.add(
            PARKED,
            Parked(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                account_id=account_id,
                external_id=external_id,
                thread_id=thread_id,
                echoed_at=None if thread_id is None else uow.now,
                items=(item,),
                origins=(origin,),
                expires_at=uow.now + PARKED_FOR,
            ),
        )
        return True
    if item in waiting.items:
        return True
    if sum(_is_quote(other) == _is_quote(item) for other in waiting.items) >= PARKED_AT_MOST:
        return False
    uow.put(
        PARKED,
        waiting,
        items=(*waiting.items, item),
        origins=(*waiting.origins, origin),
        thread_id=thread_id or waiting.thread_id,
        echoed_at=waiting.echoed_at or (None if thread_id is None else uow.now),
    )
    return True


def _is_quote(item: str) -> bool:
    """Whether what is parked is a reply: those are people's, and must not crowd the provider's reports out."""
    return item.startswith(_QUOTE)


def unpark(uow: UnitOfWork, account_id: str, external_id: str) -> list[Waited]:
    """Take what waited for this message, in order of arrival."""
    waiting = uow.get(PARKED, parked_id(account_id, external_id))
    return [] if waiting is None else take(uow, waiting)


def take(uow: UnitOfWork, waiting: Parked) -> list[Waited]:
    """End a parking; what was parked, in order of arrival."""
    uow.remove(PARKED, waiting)
    unclaim(uow, waiting.account_id, waiting.external_id)
    return [
        Waited(decode(item, type=Early), origin) for item, origin in zip(waiting.items, waiting.origins, strict=True)
    ]


def unclaim(uow: UnitOfWork, account_id: str, external_id: str) -> None:
    """Free the key of an external id, where what is parked holds it and no message."""
    value, parked = ref_value(account_id, external_id), parked_id(account_id, external_id)
    if uow.ref(EXTERNAL_REF, value) == parked:
        uow.free(EXTERNAL_REF, value, parked)
