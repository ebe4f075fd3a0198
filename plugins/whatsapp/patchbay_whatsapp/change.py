"""One change of a webhook and what reading it needs: whose it is, when it was, how its updates are keyed. No IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from patchbay.channel.inbound import AccountRef, InboundEvent
from patchbay_meta.reading import Odd, each, moment_of, text


class Update(Struct):
    """One update that is still to be read: what it is keyed by, its raw form, and how to read it.

    ``read`` raises ``ValueError`` for what it cannot read; it is not called unless ``raw`` is an object.
    """

    key: str
    raw: Any
    read: Callable[[Change, dict[str, Any], str], InboundEvent]


class Change(Struct):
    """One change: its field, its value, and what all updates in it share.

    ``occurred_at`` is the entry's time, where it has one. ``people`` finds a contact of the value by phone or user id,
    for contacts stand in any order. ``context`` is what every message in it is to carry.
    """

    field: str
    value: dict[str, Any]
    account: AccountRef
    occurred_at: datetime | None = None
    context: Mapping[str, Any] | None = None
    _people: dict[str, dict[str, Any]] | None = None

    def contact(self, *ids: str | None) -> dict[str, Any] | None:
        """The contact that has one of these ids, the first given id first."""
        contacts = each(self.value, "contacts")
        if len(contacts) == 1:  # nearly always
            only = contacts[0]
            if not isinstance(only, dict):
                return None
            user, phone = only.get("user_id"), only.get("wa_id")
            return only if (user and user in ids) or (phone and phone in ids) else None
        if self._people is None:
            self._people = {}
            for contact in contacts:
                for name in ("user_id", "wa_id") if isinstance(contact, dict) else ():
                    if (id := text(contact, name)) is not None:
                        self._people.setdefault(id, contact)
        for given in ids:
            if given and given in self._people:
                return self._people[given]
        return None

    def moment(self, raw: dict[str, Any]) -> datetime:
        """When the update happened: its own timestamp, or else the entry's. Raises ``Odd`` when neither can be used."""
        moment = moment_of(raw.get("timestamp")) or self.occurred_at
        if moment is None:
            raise Odd("there is no usable timestamp")
        return moment

    def errors(self) -> list[Any]:
        """The errors beside the updates."""
        return each(self.value, "errors")
