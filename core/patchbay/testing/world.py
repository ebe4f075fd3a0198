"""An inbox in memory: runs the pure commands against plain dictionaries, so that rules are tested with values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from patchbay.collections import Collection
from patchbay.errors import Conflict, Duplicate
from patchbay.inbox.loaded import (
    DocumentNotLoaded,
    KeyNotLoaded,
    Loaded,
    NotLoaded,
    NumberNotLoaded,
    QueryNotLoaded,
)
from patchbay.inbox.unit import UnitOfWork
from patchbay.matching import selected
from patchbay.model.document import Document
from patchbay.model.event import NewEvent
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.times import from_unix
from patchbay.ports import Page, Query

D = TypeVar("D", bound=Document)
T = TypeVar("T")


class CountingIds:
    """Ids that can be foretold: ``{prefix}_`` and a counter in 32 hex digits."""

    def __init__(self) -> None:
        self._made = 0

    def new(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_{self._made:032x}"

    def token(self) -> str:
        return self.new("token")

    def jitter(self) -> float:
        return 0.5


class World:
    """Documents, unique keys and the log of one inbox. ``now`` moves only when a test moves it."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or from_unix(1_790_000_000)
        self.ids = CountingIds()
        self.documents: dict[str, dict[str, Document]] = {}
        self.keys: dict[tuple[str, str], str] = {}
        self.events: list[NewEvent] = []
        self._numbers = 0

    def put(self, collection: Collection[D], document: D) -> D:
        """Place a document as if it had been there all along."""
        self.documents.setdefault(collection.name, {})[document.id] = document
        return document

    def get(self, collection: Collection[D], id: str) -> D:
        """The document; a test that asks expects it. Raises ``KeyError``."""
        found: D = self.documents[collection.name][id]  # type: ignore[assignment]
        return found

    def all(self, collection: Collection[D]) -> list[D]:
        """Every document of a collection, in order of id."""
        held = self.documents.get(collection.name, {})
        return [held[id] for id in sorted(held)]  # type: ignore[misc]

    def pass_time(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def run(self, command: Callable[[UnitOfWork], T], *, actor: Actor = SYSTEM) -> T:
        """The command's result, its changes applied whole; when it raises, nothing is."""
        unit, result = self._staged(command, actor)
        self._commit(unit)
        return result

    def _staged(self, command: Callable[[UnitOfWork], T], actor: Actor) -> tuple[UnitOfWork, T]:
        loaded = Loaded()
        while True:
            unit = UnitOfWork(now=self.now, ids=self.ids, loaded=loaded, actor=actor)
            try:
                return unit, command(unit)
            except NotLoaded as missing:
                self._load(missing, loaded)

    def race(self, first: Callable[[UnitOfWork], Any], *others: Callable[[UnitOfWork], Any]) -> None:
        """Commands that all read the inbox as it is now, and commit one after the other, the first one first.

        One that lost, as the store would tell it, reads afresh and tries again.
        """
        units = [(command, self._staged(command, SYSTEM)[0]) for command in (first, *others)]
        for command, unit in units:
            try:
                self._commit(unit)
            except (Conflict, Duplicate):
                self.run(command)

    def told(self, since: int = 0) -> list[str]:
        """Types of the events from the ``since``-th on."""
        return [event.type for event in self.events[since:]]

    def data(self, index: int = -1) -> dict[str, Any]:
        """The data of one event, decoded."""
        decoded: dict[str, Any] = msgspec.json.decode(self.events[index].data)
        return decoded

    def _load(self, missing: NotLoaded, loaded: Loaded) -> None:
        match missing:
            case DocumentNotLoaded():
                loaded.learn(missing.collection, missing.ids, self.documents.get(missing.collection.name, {}))
            case KeyNotLoaded():
                loaded.keys[missing.scope, missing.value] = self.keys.get((missing.scope, missing.value))
            case NumberNotLoaded():
                self._numbers += 1
                loaded.numbers.append(self._numbers)
            case QueryNotLoaded():
                loaded.pages[missing.query] = Page(self._find(missing.query), None)
            case _:
                raise missing

    def _find(self, query: Query[Any]) -> list[Any]:
        return selected(self.all(query.collection), query)

    def _commit(self, unit: UnitOfWork) -> None:
        """All of it or nothing, refused where the store would refuse it."""
        batch = unit.batch()
        freed = {(key.scope, key.value, key.ref) for key in batch.freed_keys}
        for key in batch.keys:
            holder = self.keys.get((key.scope, key.value))
            if holder not in (None, key.ref) and (key.scope, key.value, holder) not in freed:
                raise Duplicate("key", key.scope, key.value, holder)
        for put in batch.puts:
            self._expect(put.collection, put.document.id, put.expected)
        for delete in batch.deletes:
            self._expect(delete.collection, delete.id, delete.expected)
        for put in batch.puts:
            self.documents.setdefault(put.collection.name, {})[put.document.id] = put.document
        for delete in batch.deletes:
            del self.documents[delete.collection.name][delete.id]
        for scope, value, ref in freed:
            if self.keys.get((scope, value)) == ref:
                del self.keys[scope, value]
        for key in batch.keys:
            self.keys[key.scope, key.value] = key.ref
        self.events.extend(batch.events)

    def _expect(self, collection: Collection[Any], id: str, version: int | None) -> None:
        known = self.documents.get(collection.name, {}).get(id)
        if known is not None and version is None:
            raise Duplicate("document", collection.name, id)
        if version is not None and (known is None or known.version != version):
            raise Conflict(collection.name, id)
