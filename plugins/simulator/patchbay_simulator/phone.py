"""A simulated person's phone: what arrives on it, and how a message leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchbay_simulator.errors import SimulationError
from patchbay_simulator.inbox import Inbox, Received
from patchbay_simulator.interactive import choices
from patchbay_simulator.payloads import message, shared_phone
from patchbay_simulator.platform import Platform
from patchbay_simulator.sends import text_of
from patchbay_simulator.shelf import Shelf
from patchbay_simulator.world import Group, Heard, Number, Person, Sent


class Phone(Inbox):
    """One person's phone, with its inbox."""

    def __init__(self, platform: Platform, shelf: Shelf, person: Person) -> None:
        super().__init__()
        self._platform = platform
        self._shelf = shelf
        self.person = person
        platform.deliveries.silent.discard(self.id)
        if not person.spec.reads:
            platform.deliveries.silent.add(self.id)
        if not person.spec.online:
            platform.deliveries.offline.add(self.id)

    @property
    def id(self) -> str:
        return self.person.id

    def receive(self, sent: Sent) -> None:
        """A message of the business arrived on the phone."""
        send = sent.send
        template = None
        if send.type == "template":
            stored = self._platform.world.templates[sent.number.spec.waba_id]
            template = next((t for t in stored.values() if t["name"] == send.content["name"]), None)
        self._hear(
            Received(
                wamid=sent.wamid,
                number_id=sent.number.id,
                type=send.type,
                text=text_of(send.type, send.content),
                content=send.content,
                at=self._now(),
                reply_to=send.reply_to,
                choices=tuple(choices(send.type, send.content, template)),
            )
        )

    def _write(
        self,
        kind: str,
        content: Any,
        *,
        number: str | None = None,
        context: Mapping[str, Any] | None = None,
        group: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> str:
        where, room = self._where(number, group)
        now = self._now()
        wamid = self._platform.mint.wamid(self.person.address)
        world = self._platform.world
        world.heard[wamid] = Heard(wamid, where, self.person, kind)
        world.open_window(where, room.id if room else self.id, now)
        if kind not in ("reaction", "edit", "revoke", "unsupported"):
            self.said.append(wamid)
        value = message(self.person, wamid, now, kind, content, context=context, group=room, more=more)
        self._platform.emit(where, "messages", value, room or self.person)
        return wamid

    def _where(self, number: str | None, group: str | None) -> tuple[Number, Group | None]:
        if group is None:
            return self._platform.world.number(number), None
        room = self._platform.world.groups.get(group)
        if room is None or self.person not in room.members:
            raise SimulationError(f"{self.id} is in no group {group}.")
        return room.number, room

    def _coexisting(self, number: str | None) -> Number:
        where = self._platform.world.number(number)
        if not where.spec.coexistence:
            raise SimulationError(
                f"{where.id} is not a coexistence number: its phone app does not speak through the API."
            )
        return where

    def _quote(self, wamid: str) -> dict[str, Any]:
        """A reply's context: who wrote the quoted message, and its id."""
        heard = self._platform.world.heard.get(wamid)
        if heard is None:
            return {"from": self._platform.world.number(self._number_of(wamid)).spec.display_phone_number, "id": wamid}
        if phone := shared_phone(heard.person):
            return {"from": phone["phone"], "id": wamid}
        return {"from_user_id": heard.person.bsuid, "id": wamid}

    def _number_of(self, wamid: str) -> str | None:
        sent = self._platform.world.sent.get(wamid)
        return sent.number.id if sent else None

    def _heard(self, wamid: str | None) -> Heard:
        wanted = wamid or (self.said[-1] if self.said else "")
        heard = self._platform.world.heard.get(wanted)
        if heard is None or heard.person is not self.person:
            raise SimulationError(f"{self.id} wrote no message {wanted}.")
        return heard

    def _now(self) -> float:
        return self._platform.clock.now()
