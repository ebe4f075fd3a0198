"""Finding what speaks of a person in what is kept of the past: the log, the journal, answers to requests."""

from __future__ import annotations

import re
from collections.abc import Collection as Container

from msgspec import Raw
from msgspec.json import encode
from msgspec.structs import replace

from patchbay.model.event import Event
from patchbay.model.message import Actor
from patchbay.model.raw import ERASED_BODY, RawEvent
from patchbay.privacy.person import Person, naming

_ID = re.compile(r"\b[a-z]{3}_[0-9a-f]{30,32}\b")


class Traces:
    """Judges whether a text, an event or a webhook speaks of somebody. ``more_ids`` are those of their files and
    messages."""

    def __init__(self, person: Person, more_ids: Container[str] = ()) -> None:
        self._ids = frozenset(
            (*person.contact_ids, *person.identity_ids, *person.thread_ids, *person.conversation_ids, *more_ids)
        )
        self._naming = naming(person)

    def in_text(self, text: str) -> bool:
        """Whether it holds an id or a value of theirs."""
        return any(id in self._ids for id in _ID.findall(text)) or self._naming.search(text) is not None

    def in_event(self, event: Event) -> bool:
        audience = event.audience
        return (
            event.subject_id in self._ids
            or audience.thread_id in self._ids
            or audience.conversation_id in self._ids
            or event.actor.id in self._ids
            or self.in_text(bytes(event.data).decode("utf-8", "replace"))
        )

    def in_raw(self, raw: RawEvent) -> bool:
        return any(item.ref in self._ids for item in raw.items) or self.in_text(raw.body.decode("utf-8", "replace"))


def amended(event: Event) -> Event:
    """What is left of an event: that it happened, when, and to what."""
    actor = Actor(type=event.actor.type, id=event.actor.id) if event.actor.type == "contact" else event.actor
    return replace(event, actor=actor, data=Raw(encode({"id": event.subject_id, "erased": True})))


def is_amended(event: Event) -> bool:
    return bytes(event.data) == bytes(amended(event).data)


def is_redacted(raw: RawEvent) -> bool:
    return raw.body == ERASED_BODY
