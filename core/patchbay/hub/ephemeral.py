"""Typing and presence: said to whoever is live at the moment, without a position, and never kept."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Raw

from patchbay.hub.frames import PresenceState, ephemeral_frame
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.ports import Clock

if TYPE_CHECKING:
    from patchbay.hub.connection import Connection

TYPING_EVERY_S = 3.0  # how often one person's typing in one conversation is passed on
MAX_TYPING = 10_000  # persons and conversations remembered for that
MAX_SHOWN = 200  # persons whose presence a new connection is told
MAX_TOLD = 50  # changes told at once; each is judged for every connection, which takes a while

Key = tuple[str, str]
Broadcast = Callable[[bytes, Event, Principal, Container["Connection"]], None]
Shows = Callable[[Principal, Event], bool]
_RANK: dict[PresenceState, int] = {"offline": 0, "away": 1, "online": 2}


class Ephemera:
    """``broadcast`` writes a frame to all who listen and may see the event that stands for it, but not to its own
    principal; the connections named beside them count as listening.

    Authorizers are asked about events of type ``conversation.typing`` (with the audience of the conversation) and
    ``user.presence`` (subject: the user; no audience), both with position 0: as about any event of a conversation, and
    of a user.
    """

    def __init__(self, broadcast: Broadcast, shows: Shows, clock: Clock) -> None:
        self._broadcast = broadcast
        self._shows = shows
        self._clock = clock
        self._typing: dict[tuple[Key, str], float] = {}
        self._said: dict[Key, dict[Connection, PresenceState]] = {}
        self._shown: dict[Key, tuple[Principal, PresenceState]] = {}
        self._changed: dict[Key, Principal] = {}

    def may_type(self, principal: Principal, conversation_id: str) -> bool:
        """Whether typing is news: it was not passed on a moment ago."""
        now = self._clock.monotonic()
        slot = (key_of(principal), conversation_id)
        if self._typing.get(slot, now) > now or len(self._typing) >= MAX_TYPING:
            return False
        self._typing[slot] = now + TYPING_EVERY_S
        return True

    def typing(self, principal: Principal, conversation_id: str, audience: Audience) -> None:
        """Say that the principal is typing in this conversation."""
        data = {"conversation_id": conversation_id, "user": user_view(principal)}
        about = ("conversation", conversation_id)
        event = momentary("conversation.typing", about, principal, audience, self._clock.now())
        self._broadcast(ephemeral_frame("typing", data), event, principal, ())

    def presence(self, connection: Connection, state: PresenceState) -> None:
        """Note what a connection says of its person; the most present of a person's connections counts."""
        key = key_of(connection.principal)
        self._said.setdefault(key, {})[connection] = state
        self._changed[key] = connection.principal

    def left(self, connection: Connection) -> None:
        """A connection ended, and with the last one of a person the person is offline."""
        key = key_of(connection.principal)
        said = self._said.get(key)
        if said is not None and said.pop(connection, None) is not None:
            self._changed[key] = connection.principal
            if not said:
                del self._said[key]

    def show_presence(self, connection: Connection) -> None:
        """Tell a connection that begins to listen who is there."""
        principal = connection.principal
        if not connection.topics.inbox or connection.confirmed_until < self._clock.monotonic():
            return
        for other, state in islice(self._shown.values(), MAX_SHOWN):
            if key_of(other) != key_of(principal) and self._shows(principal, self._presence_event(other)):
                connection.write(_presence_frame(other, state))

    def tick(self) -> None:
        """Say what changed of presence since the last time, each person once, what is too much at once the next time;
        forget who stopped typing."""
        for key in list(islice(self._changed, MAX_TOLD)):
            principal = self._changed.pop(key)
            state: PresenceState = max(self._said.get(key, {}).values(), key=_RANK.__getitem__, default="offline")
            _, before = self._shown.get(key, (principal, "offline"))
            if state == before:
                continue
            if state == "offline":
                del self._shown[key]
            else:
                self._shown[key] = (principal, state)
            self._broadcast(_presence_frame(principal, state), self._presence_event(principal), principal, ())
        now = self._clock.monotonic()
        self._typing = {slot: until for slot, until in self._typing.items() if until > now}

    def sizes(self) -> dict[str, int]:
        return {"typing": len(self._typing), "present": len(self._shown)}

    def _presence_event(self, principal: Principal) -> Event:
        return momentary("user.presence", ("user", principal.id), principal, Audience(), self._clock.now())


def momentary(type: str, subject: tuple[str, str], principal: Principal, audience: Audience, now: datetime) -> Event:
    """An event for authorizers to judge that stands in no log: what a principal does at this moment."""
    return Event(
        position=0,
        type=type,
        subject_type=subject[0],
        subject_id=subject[1],
        actor=principal.actor,
        audience=audience,
        data=Raw(b"{}"),
        occurred_at=now,
    )


def user_view(principal: Principal) -> dict[str, str]:
    """A person, as others see them."""
    return {"id": principal.id, "name": principal.name}


def key_of(principal: Principal) -> Key:
    return (principal.type, principal.id)


def _presence_frame(principal: Principal, state: PresenceState) -> bytes:
    return ephemeral_frame("presence", {"user": user_view(principal), "state": state})
