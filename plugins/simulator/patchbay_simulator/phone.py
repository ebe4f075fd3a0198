"""A simulated person's phone: what arrives on it, and how a message leaves it."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from patchbay_simulator.errors import SimulationError
from patchbay_simulator.interactive import Choice, choices
from patchbay_simulator.payloads import message, shared_phone
from patchbay_simulator.platform import Platform
from patchbay_simulator.sends import text_of
from patchbay_simulator.shelf import Shelf
from patchbay_simulator.world import Group, Heard, Number, Person, Sent

INBOX = 1_000  # messages that a person remembers


class Received(Struct, kw_only=True, frozen=True):
    """A message that a person got. ``text`` is what they read of it, ``choices`` what they can tap."""

    wamid: str
    number_id: str
    type: str
    text: str
    content: Any
    at: float
    reply_to: str | None = None
    choices: tuple[Choice, ...] = ()


class Phone:
    """One person's phone, with its inbox. ``listeners`` are called with each message that arrives."""

    def __init__(self, platform: Platform, shelf: Shelf, person: Person) -> None:
        self._platform = platform
        self._shelf = shelf
        self.person = person
        self.inbox: deque[Received] = deque(maxlen=INBOX)
        self.said: deque[str] = deque(maxlen=INBOX)
        self.listeners: list[Callable[[Received], None]] = []
        self._got = 0
        self._expected = 0
        self._news = asyncio.Event()
        self._files = 0
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

    def _hear(self, received: Received) -> None:
        self.inbox.append(received)
        self._got += 1
        self._news.set()
        for listener in self.listeners:
            listener(received)

    async def expect(self, *, text: str | None = None, type: str | None = None, within_s: float = 10.0) -> Received:
        """The next message that fits and was not expected before. ``text`` is searched as a regular expression without
        regard to case; ``within_s`` is real time.

        Raises: ``SimulationError`` saying what came instead.
        """
        pattern = re.compile(text, re.IGNORECASE) if text else None
        seen: list[str] = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._expected < self._got:
                        behind = self._got - self._expected
                        self._expected += 1
                        if behind > len(self.inbox):
                            continue
                        received = self.inbox[-behind]
                        if (pattern is None or pattern.search(received.text)) and type in (None, received.type):
                            return received
                        seen.append(f"{received.type} {received.text!r}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            wanted = f"{type or 'a message'}{f' like {text!r}' if text else ''}"
            came = f"; it got {', '.join(seen[-5:])}" if seen else "; nothing came"
            raise SimulationError(f"{self.id} expected {wanted} within {within_s:g} s{came}.") from None

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

    def _last(self) -> Received:
        if not self.inbox:
            raise SimulationError(f"{self.id} got no message yet.")
        return self.inbox[-1]

    def _now(self) -> float:
        return self._platform.clock.now()
