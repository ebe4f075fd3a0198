"""Who is looking at which conversation: told to others who may see it, without a position, and never kept. No IO.

A connection looks at one conversation at a time, says so again before ``LOOK_S`` have passed, and stops with its line.
What changed is told once a second, each person once for each conversation, however often somebody went back and forth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from patchbay.hub.ephemeral import MAX_TOLD, Broadcast, Key, Shows, key_of, momentary, user_view
from patchbay.hub.frames import ephemeral_frame
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.ports import Clock

if TYPE_CHECKING:
    from patchbay.hub.connection import Connection

LOOK_S = 60.0  # how long somebody counts as looking without saying so again
MAX_SHOWN = 200  # persons that one connection is told of at once


@dataclass(slots=True)
class _Room:
    """One conversation that somebody looks at: whose it is now, who looks until when, and whom others were told of."""

    audience: Audience
    looks: dict[Connection, float] = field(default_factory=dict)
    told: dict[Key, Principal] = field(default_factory=dict)
    changed: bool = True

    def present(self) -> dict[Key, Principal]:
        return {key_of(connection.principal): connection.principal for connection in self.looks}


class Viewing:
    """Authorizers are asked about events of type ``conversation.viewing``, with the audience of the conversation and
    position 0."""

    def __init__(self, broadcast: Broadcast, shows: Shows, clock: Clock) -> None:
        self._broadcast = broadcast
        self._shows = shows
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._where: dict[Connection, str] = {}

    def look(self, connection: Connection, conversation_id: str, audience: Audience) -> None:
        """Note that a connection looks at a conversation; it is told who else does."""
        is_new = self._where.get(connection) != conversation_id
        if is_new:
            self.left(connection)
        room = self._rooms.get(conversation_id)
        if room is None:
            room = self._rooms[conversation_id] = _Room(audience)
        room.audience = audience
        room.looks[connection] = self._clock.monotonic() + LOOK_S
        self._where[connection] = conversation_id
        if is_new:
            room.changed = True
            self.show(connection, (conversation_id,))

    def left(self, connection: Connection) -> None:
        """A connection looks at nothing any more."""
        conversation_id = self._where.pop(connection, None)
        if conversation_id is not None:
            room = self._rooms[conversation_id]
            del room.looks[connection]
            room.changed = True

    def show(self, connection: Connection, conversation_ids: Iterable[str]) -> None:
        """Tell a connection who looks at these."""
        if connection.confirmed_until < self._clock.monotonic():
            return
        principal = connection.principal
        own = key_of(principal)
        rooms = ((id, self._rooms[id]) for id in conversation_ids if id in self._rooms)
        others = ((id, room, other) for id, room in rooms for key, other in room.told.items() if key != own)
        for id, room, other in islice(others, MAX_SHOWN):
            if self._shows(principal, self._event(id, other, room.audience)):
                connection.write(_frame(id, other, viewing=True))

    def learn(self, events: Iterable[Event]) -> None:
        """Follow the log: whose a conversation is now, who looks at it and may see it no more."""
        for event in events if self._rooms else ():
            room = self._rooms.get(event.subject_id)
            if room is None or event.subject_type != "conversation":
                continue
            told = event.audience
            room.audience = Audience(
                account_id=told.account_id,
                thread_id=told.thread_id,
                conversation_id=told.conversation_id,
                department_id=told.department_id,
                assignee_id=told.assignee_id,
            )
            for connection in list(room.looks):
                self._judge(connection)

    def judge(self, principal_id: str) -> None:
        """The rights of this principal changed: it may have lost what it looks at."""
        for connection in list(self._where):
            if connection.principal.id == principal_id:
                self._judge(connection)

    def tick(self) -> None:
        """Say who came and went since the last time; what is too much at once waits for the next time."""
        now = self._clock.monotonic()
        left = MAX_TOLD
        for id, room in list(self._rooms.items()):
            for connection in [each for each, until in room.looks.items() if until <= now]:
                self.left(connection)
            if room.changed and left:
                left -= self._tell(id, room, left)
                self._rooms[id] = self._rooms.pop(id)  # the others first, next time
            if not room.looks and not room.told:
                del self._rooms[id]

    def sizes(self) -> dict[str, int]:
        return {"looking": len(self._where), "looked_at": len(self._rooms)}

    def _judge(self, connection: Connection) -> None:
        id, principal = self._where[connection], connection.principal
        if not self._shows(principal, self._event(id, principal, self._rooms[id].audience)):
            self.left(connection)

    def _tell(self, id: str, room: _Room, most: int) -> int:
        """Say who came to one conversation and who went; how many that were."""
        told, present = room.told, room.present()
        news = told.keys() ^ present.keys()
        for key in islice(news, most):
            viewing = key in present
            person = present[key] if viewing else told[key]
            if viewing:
                told[key] = person
            else:
                del told[key]
            event = self._event(id, person, room.audience)
            self._broadcast(_frame(id, person, viewing=viewing), event, person, room.looks)
        room.changed = len(news) > most
        return min(len(news), most)

    def _event(self, id: str, person: Principal, audience: Audience) -> Event:
        return momentary("conversation.viewing", ("conversation", id), person, audience, self._clock.now())


def _frame(conversation_id: str, person: Principal, *, viewing: bool) -> bytes:
    data = {"conversation_id": conversation_id, "user": user_view(person), "viewing": viewing}
    return ephemeral_frame("viewing", data)
