"""Typing and presence: said to whoever is live at the moment, without a position, and never kept."""

from __future__ import annotations

from collections.abc import Callable
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

Key = tuple[str, str]
Broadcast = Callable[[bytes, Event, Principal], None]
Shows = Callable[[Principal, Event], bool]
_RANK: dict[PresenceState, int] = {"offline": 0, "away": 1, "online": 2}


class Ephemera:
    """``broadcast`` writes a frame to all who may see the event that stands for it, but not to its own principal.

    Authorizers are asked about events of type ``typing`` (with the audience of the conversation) and ``presence``
    (subject: the user; no audience), both with position 0.
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
        slot = (_key(principal), conversation_id)
        if self._typing.get(slot, now) > now or len(self._typing) >= MAX_TYPING:
            return False
        self._typing[slot] = now + TYPING_EVERY_S
        return True

    def typing(self, principal: Principal, conversation_id: str, audience: Audience) -> None:
        """Say that the principal is typing in this conversation."""
        data = {"conversation_id": conversation_id, "user": _user(principal)}
        event = self._event("typing", "conversation", conversation_id, principal, audience)
        self._broadcast(ephemeral_frame("typing", data), event, principal)

    def presence(self, connection: Connection, state: PresenceState) -> None:
        """Note what a connection says of its person; the most present of a person's connections counts."""
        key = _key(connection.principal)
        self._said.setdefault(key, {})[connection] = state
        self._changed[key] = connection.principal

    def left(self, connection: Connection) -> None:
        """A connection ended, and with the last one of a person the person is offline."""
        key = _key(connection.principal)
        said = self._said.get(key)
        if said is not None and said.pop(connection, None) is not None:
            self._changed[key] = connection.principal
            if not said:
                del self._said[key]

    def show_presence(self, connection: Connection) -> None:
        """Tell a new connection who is there."""
        principal = connection.principal
        if not connection.topics.inbox:
            return
        for other, state in islice(self._shown.values(), MAX_SHOWN):
            if _key(other) != _key(principal) and self._shows(principal, self._presence_event(other)):
                connection.write(_presence_frame(other, state))

    def tick(self) -> None:
        """Say what changed of presence since the last time, each person once; forget who stopped typing."""
        changed, self._changed = self._changed, {}
        for key, principal in changed.items():
            state: PresenceState = max(self._said.get(key, {}).values(), key=_RANK.__getitem__, default="offline")
            _, before = self._shown.get(key, (principal, "offline"))
            if state == before:
                continue
            if state == "offline":
                del self._shown[key]
            else:
                self._shown[key] = (principal, state)
            self._broadcast(_presence_frame(principal, state), self._presence_event(principal), principal)
        now = self._clock.monotonic()
        self._typing = {slot: until for slot, until in self._typing.items() if until > now}

    def sizes(self) -> dict[str, int]:
        return {"typing": len(self._typing), "present": len(self._shown)}

    def _presence_event(self, principal: Principal) -> Event:
        return self._event("presence", "user", principal.id, principal, Audience())

    def _event(self, type: str, subject_type: str, subject_id: str, principal: Principal, audience: Audience) -> Event:
        return Event(
            position=0,
            type=type,
            subject_type=subject_type,
            subject_id=subject_id,
            actor=principal.actor,
            audience=audience,
            data=Raw(b"{}"),
            occurred_at=self._clock.now(),
        )


def _presence_frame(principal: Principal, state: PresenceState) -> bytes:
    return ephemeral_frame("presence", {"user": _user(principal), "state": state})


def _user(principal: Principal) -> dict[str, str]:
    return {"id": principal.id, "name": principal.name}


def _key(principal: Principal) -> Key:
    return (principal.type, principal.id)
