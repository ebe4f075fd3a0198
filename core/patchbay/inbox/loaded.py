"""What a command may read without waiting: the documents, keys and answers that were loaded for it. No IO.

A command that asks for something else is left by ``NotLoaded``; its runner loads that and calls it again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from patchbay.collections import Collection
from patchbay.model.document import Document
from patchbay.ports import Page, Query

D = TypeVar("D", bound=Document)

UNKNOWN: Any = object()  # nothing is known of a document, where None means that there is none


class NotLoaded(Exception):
    """Something the command asked for has to be loaded first."""


class DocumentNotLoaded(NotLoaded):
    def __init__(self, collection: Collection[Any], ids: tuple[str, ...]) -> None:
        super().__init__(f"{collection.name}: {', '.join(ids)}")
        self.collection = collection
        self.ids = ids


class KeyNotLoaded(NotLoaded):
    def __init__(self, scope: str, value: str) -> None:
        super().__init__(f"{scope}/{value}")
        self.scope = scope
        self.value = value


class QueryNotLoaded(NotLoaded):
    def __init__(self, query: Query[Any]) -> None:
        super().__init__(query.collection.name)
        self.query = query


class NumberNotLoaded(NotLoaded):
    """One more conversation number has to be reserved."""


class SharedCache(Protocol):
    """Documents as last committed, as far as they are remembered."""

    def peek(self, collection: Collection[D], id: str) -> D | None: ...


class Loaded:
    """What was loaded for one run of a command: documents (None: there is none), unique keys, answers to queries,
    and numbers reserved for it, which a second try uses again."""

    def __init__(self, shared: SharedCache | None = None) -> None:
        self.keys: dict[tuple[str, str], str | None] = {}
        self.pages: dict[Query[Any], Page[Any]] = {}
        self.numbers: list[int] = []
        self._documents: defaultdict[str, dict[str, Any]] = defaultdict(dict)  # by collection and id
        self._shared = shared

    def learn(self, collection: Collection[D], ids: Iterable[str], found: Mapping[str, D]) -> None:
        """Take the documents that were looked for; those that were not found are known to be absent."""
        held = self._documents[collection.name]
        for id in ids:
            held[id] = found.get(id)

    def document(self, collection: Collection[D], id: str) -> D | None:
        """The document, None when there is none. Raises ``DocumentNotLoaded``."""
        found: D | None = self._documents[collection.name].get(id, UNKNOWN)
        if found is UNKNOWN:
            found = self._shared.peek(collection, id) if self._shared is not None else None
            if found is None:
                raise DocumentNotLoaded(collection, (id,))
        return found

    def peek(self, collection: Collection[D], id: str) -> D | None:
        """The document where it is at hand, else None."""
        found: D | None = self._documents[collection.name].get(id)
        if found is None and self._shared is not None:
            found = self._shared.peek(collection, id)
        return found

    def unknown(self, collection: Collection[Any], ids: Iterable[str]) -> list[str]:
        """Those, once each, that would have to be loaded."""
        held = self._documents[collection.name]
        missing = [id for id in dict.fromkeys(ids) if id not in held]
        if self._shared is None:
            return missing
        peek = self._shared.peek
        return [id for id in missing if peek(collection, id) is None]
