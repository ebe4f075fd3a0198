"""One event of a webhook, what is to be read of it, and how a platform reads its kinds. No IO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from patchbay.channel.inbound import AccountRef, InboundEvent, Person
from patchbay.model.contact import IdentityKind
from patchbay_meta.reading import Odd, digest


class Update(Struct, frozen=True):
    """One update that is still to be read. ``read`` raises ``Odd`` for what it cannot read."""

    key: str
    read: Callable[[], InboundEvent]


class Event(Struct, frozen=True, kw_only=True):
    """One event of an entry, or one change of it (then ``field`` is set and ``raw`` is the change's value).

    The two sides of an event are the business (page or professional account) and one person. ``person`` is None where
    nobody is named: policy notices, changes, and what the business wrote to itself. ``occurred_at`` is the event's
    timestamp, or else its entry's time. ``kinds`` are the keys that say what happened, in the order they came, and
    ``kind`` is the one that is being read; of a change, its field.
    """

    entry_id: str | None
    account: AccountRef
    raw: dict[str, Any]
    occurred_at: datetime | None
    kinds: tuple[str, ...] = ()
    kind: str = ""
    field: str | None = None
    standby: bool = False  # another app owns the thread: history, and not ours to answer
    person: Person | None = None
    from_business: bool = False
    to_itself: bool = False  # the business is sender and recipient
    misrouted: bool = False  # both sides are named, and neither is the entry's

    def key(self, kind: str, *ids: str | None) -> str:
        """The key of an update: by these ids when all are there, else by the event's content."""
        if ids and all(ids):
            return ":".join((kind, *(id for id in ids if id)))
        return digest(kind, *ids, self.raw)

    def moment(self) -> datetime:
        """When it happened. Raises ``Odd`` when neither the event nor its entry has a usable time."""
        if self.occurred_at is None:
            raise Odd("there is no usable timestamp")
        return self.occurred_at

    def known_person(self) -> Person:
        """The person it is about. Raises ``Odd`` when nobody is named."""
        if self.person is None:
            raise Odd("nobody is named: there is no id of a person")
        return self.person


Updates = Callable[[Event, dict[str, Any]], Iterable[Update]]
Read = Callable[[Event, dict[str, Any], str], InboundEvent]


class Platform(Struct, frozen=True, kw_only=True):
    """One of the two: what it calls itself, how it names people, and how its kinds and fields are read.

    ``or_parent`` means that an entry names now the account and now what it belongs to (Instagram's linked page): then
    an event whose business is not the entry's is for the account that the event names, if there is one.
    """

    object: str
    person: IdentityKind
    kinds: Mapping[str, Updates]
    fields: Mapping[str, Updates]
    or_parent: bool = False


def single(read: Read) -> Updates:
    """Of a kind that is always one update and has no id: it is keyed by the event's content."""

    def updates(event: Event, raw: dict[str, Any]) -> Iterator[Update]:
        key = event.key(event.kind)
        yield Update(key, lambda: read(event, raw, key))

    return updates
