"""The unit of work: what one pure command reads, and what it wants committed. No IO.

A command is a function of a ``UnitOfWork``. It reads documents as if they were at hand; where one is not loaded
yet, ``NotLoaded`` leaves the command, the runner (``patchbay.service``) loads it and calls the command again. So
commands stay pure and synchronous, are tested with values, and what they stage is committed as one batch or not at
all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from msgspec import Raw
from msgspec.json import Encoder
from msgspec.structs import replace

from patchbay.collections import Collection
from patchbay.errors import NotFound
from patchbay.inbox.loaded import UNKNOWN, DocumentNotLoaded, KeyNotLoaded, Loaded, NumberNotLoaded, QueryNotLoaded
from patchbay.inbox.rows import is_within
from patchbay.matching import selected
from patchbay.model.document import Document
from patchbay.model.event import MAX_DEPTH, Audience, NewEvent
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.raw import Settlement
from patchbay.model.rows import ALL_ROWS, Rows
from patchbay.ports import Batch, Change, Delete, Ids, Key, Put, Query

D = TypeVar("D", bound=Document)
_encode = Encoder().encode


class Mark(NamedTuple):
    """How much was staged at one moment."""

    undo: int
    events: int
    freed: int
    settlements: int
    numbers: int


class UnitOfWork:
    """Reads with the changes staged so far laid over them, and stages more. ``now`` is one moment for the unit.

    ``rows`` are those that whoever asked may reach: what a request named is looked up by ``reach``, what a command
    finds by itself by ``need`` and ``get``.
    """

    def __init__(
        self,
        *,
        now: datetime,
        ids: Ids,
        loaded: Loaded,
        actor: Actor = SYSTEM,
        causation_id: str | None = None,
        depth: int = 0,
        rows: Rows = ALL_ROWS,
    ) -> None:
        self.now = now
        self.ids = ids
        self.actor = actor
        self.causation_id = causation_id
        self.depth = depth
        self.rows = rows
        self._loaded = loaded
        self._seen: defaultdict[str, dict[str, Any]] = defaultdict(dict)  # by collection and id, as this unit leaves it
        self._staged: dict[tuple[str, str], tuple[Collection[Any], int | None]] = {}  # and the version to be replaced
        self._before: dict[tuple[str, str], Document] = {}  # what was read of each document that is to be replaced
        self._keys: dict[tuple[str, str], str | None] = {}
        self._freed: list[Key] = []
        self._events: list[NewEvent] = []
        self._settlements: list[Settlement] = []
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []  # a dict, its key, and what was there before
        self._numbers = 0

    # reading

    def get(self, collection: Collection[D], id: str) -> D | None:
        """The document as this unit would leave it, None when there is none."""
        seen = self._seen[collection.name]
        found: D | None = seen.get(id, UNKNOWN)
        if found is UNKNOWN:
            found = seen[id] = self._loaded.document(collection, id)
        return found

    def need(self, collection: Collection[D], id: str) -> D:
        """The document. Raises ``NotFound`` when there is none."""
        found = self.get(collection, id)
        if found is None:
            raise missing(collection, id)
        return found

    def reach(self, collection: Collection[D], id: str) -> D:
        """The document that a request named. Raises ``NotFound`` when there is none among the unit's ``rows``."""
        found = self.need(collection, id)
        if not self.rows.all and not is_within(self.rows, collection, found, self):
            raise missing(collection, id)
        return found

    def ref(self, scope: str, value: str) -> str | None:
        """What holds a unique key, as this unit would leave it."""
        place = (scope, value)
        if place in self._keys:
            return self._keys[place]
        if place not in self._loaded.keys:
            raise KeyNotLoaded(scope, value)
        return self._loaded.keys[place]

    def get_all(self, collection: Collection[D], ids: Iterable[str]) -> dict[str, D]:
        """Those that exist, by id; what is not at hand is loaded in one go."""
        found: dict[str, D] = {}
        missing: list[str] = []
        for id in dict.fromkeys(ids):
            try:
                document = self.get(collection, id)
            except DocumentNotLoaded:
                missing.append(id)
            else:
                if document is not None:
                    found[id] = document
        if missing:
            raise DocumentNotLoaded(collection, tuple(missing))
        return found

    def find(self, query: Query[D]) -> list[D]:
        """The documents that match as this unit would leave them. Of what the store holds beyond the page that was
        loaded nothing is known: what a change takes out of a full page is not made up for."""
        if query not in self._loaded.pages:
            raise QueryNotLoaded(query)
        found = self._loaded.pages[query].items
        name = query.collection.name
        staged = [id for collection, id in self._staged if collection == name]
        if not staged:
            return list(found)
        seen, held = self._seen[name], {document.id: document for document in found}
        if query.cursor is None and query.text is None:
            held.update((id, seen[id]) for id in staged)
            return selected((document for document in held.values() if document is not None), query)
        held.update((id, seen[id]) for id in staged if id in held)
        return [document for document in held.values() if document is not None]

    # staging

    def add(self, collection: Collection[D], document: D) -> D:
        """Stage a new document; the commit fails with ``Duplicate`` when its id exists.

        One that this unit removed before is replaced: what is stored goes from the old one to the new one.
        """
        staged = self._staged.get((collection.name, document.id))
        removed = staged is not None and self._seen[collection.name][document.id] is None
        expected = staged[1] if staged is not None and removed else None
        if expected is not None:
            document = replace(document, version=expected + 1)
        self._stage(collection, document.id, document, expected)
        return document

    def put(self, collection: Collection[D], document: D, **fields: Any) -> D:
        """Stage the next version of a document that was read through this unit."""
        staged = self._staged.get((collection.name, document.id))
        if staged is None:
            self._before[collection.name, document.id] = document
        expected = document.version if staged is None else staged[1]
        # one commit is one version, however often the unit touches the document
        version = 1 if expected is None else expected + 1
        following = replace(document, version=version, updated_at=self.now, **fields)
        self._stage(collection, document.id, following, expected)
        return following

    def number(self) -> int:
        """A conversation number that nobody else has been given; the unit must claim it as a unique key."""
        if self._numbers == len(self._loaded.numbers):
            raise NumberNotLoaded
        self._numbers += 1
        return self._loaded.numbers[self._numbers - 1]

    def remove(self, collection: Collection[D], document: D) -> None:
        """Stage the removal of a document that was read through this unit."""
        staged = self._staged.get((collection.name, document.id))
        if staged is None:
            self._before[collection.name, document.id] = document
        expected = document.version if staged is None else staged[1]
        self._stage(collection, document.id, None, expected)

    def claim(self, scope: str, value: str, ref: str) -> None:
        """Stage a unique key."""
        self._set(self._keys, (scope, value), ref)

    def free(self, scope: str, value: str, ref: str) -> None:
        """Stage giving a unique key up."""
        self._set(self._keys, (scope, value), None)
        self._freed.append(Key(scope, value, ref))

    def emit(
        self,
        type: str,
        subject_type: str,
        subject_id: str,
        data: Mapping[str, Any],
        *,
        audience: Audience = Audience(),  # noqa: B008 - frozen
        actor: Actor | None = None,
        occurred_at: datetime | None = None,
    ) -> None:
        """Stage an event; ``data`` is encoded now, so what the log holds is what was true here."""
        if self.depth > MAX_DEPTH:
            raise RuntimeError(f"{type} would be the {self.depth}th step of one chain of causes")
        self._events.append(
            NewEvent(
                type=type,
                subject_type=subject_type,
                subject_id=subject_id,
                actor=actor or self.actor,
                audience=audience,
                causation_id=self.causation_id,
                depth=self.depth,
                data=Raw(_encode(data)),
                occurred_at=occurred_at or self.now,
            )
        )

    def settle(self, settlement: Settlement) -> None:
        """Stage what became of a raw event."""
        self._settlements.append(settlement)

    # savepoints: one item of many may fail without costing its neighbours

    def mark(self) -> Mark:
        return Mark(len(self._undo), len(self._events), len(self._freed), len(self._settlements), self._numbers)

    def rollback(self, mark: Mark) -> None:
        """Forget everything staged since the mark; numbers that were taken since are free again."""
        undo, events, freed, settlements, self._numbers = mark
        while len(self._undo) > undo:
            target, place, before = self._undo.pop()
            if before is UNKNOWN:
                del target[place]
            else:
                target[place] = before
        del self._events[events:], self._freed[freed:], self._settlements[settlements:]

    # the outcome

    def batch(self) -> Batch:
        """Everything staged, as the store takes it."""
        batch = Batch(events=self._events, freed_keys=self._freed, settlements=self._settlements)
        for (name, id), (collection, expected) in self._staged.items():
            document = self._seen[name][id]
            if document is not None:
                batch.puts.append(Put(collection, document, expected))
            elif expected is not None:
                batch.deletes.append(Delete(collection, id, expected))
        for (scope, value), ref in self._keys.items():
            if ref is not None:
                batch.keys.append(Key(scope, value, ref))
        return batch

    def changes(self) -> tuple[Change, ...]:
        """What was staged, with what was there before."""
        return tuple(
            Change(collection, id, None if expected is None else self._before[name, id], self._seen[name][id])
            for (name, id), (collection, expected) in self._staged.items()
        )

    def written(self) -> list[tuple[Collection[Any], str, Document | None]]:
        """What a committed unit leaves behind: documents, or None where one was removed."""
        return [(collection, id, self._seen[name][id]) for (name, id), (collection, _) in self._staged.items()]

    def _stage(self, collection: Collection[Any], id: str, document: Document | None, expected: int | None) -> None:
        self._set(self._seen[collection.name], id, document)
        self._set(self._staged, (collection.name, id), (collection, expected))

    def _set(self, target: dict[Any, Any], place: Any, value: Any) -> None:
        self._undo.append((target, place, target.get(place, UNKNOWN)))
        target[place] = value


def missing(collection: Collection[Any], id: str) -> NotFound:
    """That there is no such document, for whoever asked: the same words whether it is not there or not theirs."""
    return NotFound(f"There is no {_one_of(collection.name)} {id!r}.")


def _one_of(collection: str) -> str:
    """What one document of a collection is called, for a person."""
    return f"{collection.removesuffix('ies')}y" if collection.endswith("ies") else collection.removesuffix("s")
