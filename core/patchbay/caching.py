"""Documents that are asked for again and again, as last committed by this process."""

from __future__ import annotations

from typing import Any, TypeVar

from patchbay.collections import ACCOUNTS, CONTACTS, CONVERSATIONS, IDENTITIES, THREADS, Collection
from patchbay.model.document import Document

D = TypeVar("D", bound=Document)

CACHED: dict[str, int] = {  # documents remembered per collection; the rest is read each time
    ACCOUNTS.name: 1_000,
    CONTACTS.name: 12_000,
    IDENTITIES.name: 24_000,
    THREADS.name: 12_000,
    CONVERSATIONS.name: 12_000,
}


class DocumentCache:
    """Documents as last committed by this process, bounded: those not asked for lately go first.

    Two generations per collection: what is asked for is in, or moves to, the young one; when that is full, it becomes
    the old one, and what stayed in the old one until then is forgotten. A hit costs one look-up, which matters: each
    message asks a dozen times. The cache may be behind another gateway; a commit then meets ``Conflict``, and
    ``forget`` makes the next try read afresh.
    """

    def __init__(self, sizes: dict[str, int] | None = None) -> None:
        self._sizes = CACHED if sizes is None else sizes
        self._young: dict[str, dict[str, Any]] = {name: {} for name in self._sizes}
        self._old: dict[str, dict[str, Any]] = {name: {} for name in self._sizes}
        self.forgotten = 0  # how often something was forgotten: what was read before that may be gone

    def peek(self, collection: Collection[D], id: str) -> D | None:
        """The document where it is remembered."""
        name = collection.name
        young = self._young.get(name)
        if young is None:
            return None
        found: D | None = young.get(id)
        if found is None:
            found = self._old[name].pop(id, None)
            if found is not None:
                self._keep(name, id, found)
        return found

    def learn(self, collection: Collection[Any], document: Document) -> None:
        """Remember a document, unless a newer version of it is remembered."""
        name = collection.name
        if name not in self._young:
            return
        known = self._young[name].get(document.id) or self._old[name].pop(document.id, None)
        if known is None or known.version <= document.version:
            self._keep(name, document.id, document)
        else:
            self._keep(name, document.id, known)

    def forget(self, name: str, id: str) -> None:
        """Read it afresh next time."""
        if name in self._young:
            self.forgotten += 1
            self._young[name].pop(id, None)
            self._old[name].pop(id, None)

    def clear(self) -> None:
        """Read everything afresh."""
        for held in (*self._young.values(), *self._old.values()):
            held.clear()

    def _keep(self, name: str, id: str, document: Document) -> None:
        young = self._young[name]
        young[id] = document
        if len(young) * 2 > self._sizes[name]:
            self._old[name], self._young[name] = young, {}
