"""An inbox in memory: runs the pure commands against plain dictionaries, so that rules are tested with values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from patchbay.collections import Collection
from patchbay.inbox.unit import (
    DocumentNotLoaded,
    KeyNotLoaded,
    Loaded,
    NotLoaded,
    NumberNotLoaded,
    QueryNotLoaded,
    UnitOfWork,
)
from patchbay.model.document import Document
from patchbay.model.event import NewEvent
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.times import from_unix
from patchbay.ports import Page, Query, Where

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
        loaded = Loaded()
        while True:
            unit = UnitOfWork(now=self.now, ids=self.ids, loaded=loaded, actor=actor)
            try:
                result = command(unit)
            except NotLoaded as missing:
                self._load(missing, loaded)
                continue
            self._commit(unit)
            return result

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
                for id in missing.ids:
                    held = self.documents.get(missing.collection.name, {})
                    loaded.documents[missing.collection.name, id] = held.get(id)
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
        found = [document for document in self.all(query.collection) if _matches(document, query.where)]
        field = query.sort.removeprefix("-")
        found.sort(key=lambda document: (_value(document, field) is not None, _value(document, field), document.id))
        if query.sort.startswith("-"):
            found.reverse()
        return found[: query.limit]

    def _commit(self, unit: UnitOfWork) -> None:
        batch = unit.batch()
        for key in batch.keys:
            holder = self.keys.get((key.scope, key.value))
            freed = any((each.scope, each.value) == (key.scope, key.value) for each in batch.freed_keys)
            if holder not in (None, key.ref) and not freed:
                raise AssertionError(f"{key.scope}/{key.value} is held by {holder}")
        for put in batch.puts:
            held = self.documents.setdefault(put.collection.name, {})
            known = held.get(put.document.id)
            if (None if known is None else known.version) != put.expected:
                raise AssertionError(f"{put.collection.name}/{put.document.id}: expected version {put.expected}")
            held[put.document.id] = put.document
        for delete in batch.deletes:
            del self.documents[delete.collection.name][delete.id]
        for key in batch.freed_keys:
            if self.keys.get((key.scope, key.value)) == key.ref:
                del self.keys[key.scope, key.value]
        for key in batch.keys:
            self.keys[key.scope, key.value] = key.ref
        self.events.extend(batch.events)


def _value(document: Any, field: str) -> Any:
    for name in field.split("."):
        document = getattr(document, name, None)
    return document


def _matches(document: Any, where: Sequence[Where]) -> bool:
    return all(_holds(_value(document, each.field), each) for each in where)


def _holds(value: Any, where: Where) -> bool:
    match where.op:
        case "eq":
            return bool(value == where.value)
        case "in":
            return value in where.value
        case "exists":
            return (value is not None) == bool(where.value)
        case "has":
            return where.value in (value or ())
        case "prefix":
            return isinstance(value, str) and value.startswith(where.value)
        case "lt":
            return value is not None and value < where.value
        case "lte":
            return value is not None and value <= where.value
        case "gt":
            return value is not None and value > where.value
        case "gte":
            return value is not None and value >= where.value
