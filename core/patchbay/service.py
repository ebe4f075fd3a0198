"""The runner of commands: loads what a pure command needs, commits what it staged, and tries again when somebody was
quicker. Everything that changes state goes through here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from patchbay.collections import ACCOUNTS, CONTACTS, CONVERSATIONS, IDENTITIES, THREADS, Collection
from patchbay.errors import Conflict, Duplicate, StoreUnavailable
from patchbay.inbox.landing import CONVERSATION_NUMBER
from patchbay.inbox.loaded import (
    DocumentNotLoaded,
    KeyNotLoaded,
    Loaded,
    NotLoaded,
    NumberNotLoaded,
    QueryNotLoaded,
)
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.document import Document
from patchbay.model.message import SYSTEM, Actor
from patchbay.ports import Bus, Clock, Ids, Query, Store

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Watcher = Callable[[str, Document | None], None]


MAX_TRIES = 100  # of one command against others that change the same documents; each loss means that another one won
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


class Lanes:
    """One lock per name, gone when nobody waits: work on one thread takes turns in this process, others run beside."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def run(self, lane: str, work: Callable[[], Any]) -> Any:
        lock, waiting = self._locks.get(lane, (None, 0))
        lock = lock or asyncio.Lock()
        self._locks[lane] = (lock, waiting + 1)
        try:
            async with lock:
                return await work()
        finally:
            lock, waiting = self._locks[lane]
            if waiting == 1:
                del self._locks[lane]
            else:
                self._locks[lane] = (lock, waiting - 1)


class Inbox:
    """Runs commands against the store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, ids: Ids) -> None:
        self.store = store
        self.bus = bus
        self.clock = clock
        self.ids = ids
        self.cache = DocumentCache()
        self._lanes = Lanes()
        self._last_number = 0
        self._watchers: dict[str, list[Watcher]] = {}

    async def open(self) -> None:
        """Learn where the conversation numbers stand."""
        newest = await self.store.find(Query(CONVERSATIONS, sort="-number", limit=1))
        self._last_number = max([self._last_number, *(conversation.number for conversation in newest.items)])

    def watch(self, collection: Collection[Any], watcher: Watcher) -> None:
        """Call ``watcher`` after each commit of this process, for each document of the collection it wrote.

        It gets the id and the document, None where it was removed. It must be quick, and raise nothing.
        """
        self._watchers.setdefault(collection.name, []).append(watcher)

    async def run(
        self,
        command: Callable[[UnitOfWork], T],
        *,
        actor: Actor = SYSTEM,
        lane: str | None = None,
        causation_id: str | None = None,
        depth: int = 0,
    ) -> T:
        """The command's result, once everything it staged is durable. ``lane`` names what others would contend for.

        Raises what the command raises; ``StoreUnavailable`` when the store cannot write.
        """

        async def work() -> T:
            return await self._run(command, actor, causation_id, depth)

        if lane is None:
            return await work()
        return cast("T", await self._lanes.run(lane, work))

    async def _run(self, command: Callable[[UnitOfWork], T], actor: Actor, causation_id: str | None, depth: int) -> T:
        last: Exception | None = None
        loaded = self.loaded()
        losses = 0
        while losses < MAX_TRIES:
            unit = self.unit(loaded, actor=actor, causation_id=causation_id, depth=depth)
            try:
                result = command(unit)
            except NotLoaded as missing:
                await self.load(missing, loaded)
                continue
            try:
                await self.commit(unit)
            except (Conflict, Duplicate) as lost:
                last = lost
                losses += 1
                loaded = await self.after_loss(lost, loaded)
                continue
            return result
        raise StoreUnavailable("The same documents were changed by others again and again; try again.") from last

    def loaded(self) -> Loaded:
        """An empty working set over the shared cache."""
        return Loaded(self.cache)

    def unit(
        self, loaded: Loaded, *, actor: Actor = SYSTEM, causation_id: str | None = None, depth: int = 0
    ) -> UnitOfWork:
        return UnitOfWork(
            now=self.clock.now(), ids=self.ids, loaded=loaded, actor=actor, causation_id=causation_id, depth=depth
        )

    async def load(self, missing: NotLoaded, loaded: Loaded) -> None:
        """Load what a command missed."""
        match missing:
            case DocumentNotLoaded():
                await self.prefetch(missing.collection, missing.ids, loaded)
            case KeyNotLoaded():
                refs = await self.store.resolve(missing.scope, (missing.value,))
                loaded.keys[missing.scope, missing.value] = refs.get(missing.value)
            case NumberNotLoaded():
                self._last_number += 1
                loaded.numbers.append(self._last_number)
            case QueryNotLoaded():
                loaded.pages[missing.query] = await self.store.find(missing.query)
            case _:
                raise missing

    async def after_loss(self, lost: Conflict | Duplicate, loaded: Loaded) -> Loaded:
        """A fresh working set for the next try; numbers stay reserved unless another gateway took one.

        It reads from the store: a key that another gateway took does not say which remembered document is behind.
        """
        fresh = Loaded()
        if isinstance(lost, Duplicate) and lost.where == CONVERSATION_NUMBER:
            await self.open()
        else:
            fresh.numbers = loaded.numbers
        return fresh

    async def prefetch(self, collection: Collection[Any], ids: Iterable[str], loaded: Loaded) -> None:
        """Load documents into a working set in one go; those that do not exist are known to be absent."""
        wanted = loaded.unknown(collection, ids)
        if wanted:
            loaded.learn(collection, wanted, await self._read(collection, wanted))

    async def commit(self, unit: UnitOfWork) -> list[int]:
        """Commit what a unit staged and tell the world. Raises ``Conflict``, ``Duplicate``, ``StoreUnavailable``."""
        batch = unit.batch()
        if not batch:
            return []
        try:
            positions = await self.store.commit(batch)
        except Conflict as lost:
            self.cache.forget(lost.collection, lost.id)
            raise
        except Duplicate as lost:
            self.cache.forget(lost.where, lost.value)
            raise
        for collection, id, document in unit.written():
            if document is None:
                self.cache.forget(collection.name, id)
            else:
                self.cache.learn(collection, document)
            for watcher in self._watchers.get(collection.name, ()):
                watcher(id, document)
        if positions:
            self.bus.ring(positions[-1])
        return positions

    # reading through the cache

    async def get(self, collection: Collection[D], id: str) -> D | None:
        """The document as last committed, None when there is none."""
        found = self.cache.peek(collection, id)
        return found if found is not None else (await self._read(collection, [id])).get(id)

    async def get_many(self, collection: Collection[D], ids: Sequence[str]) -> dict[str, D]:
        """Those that exist, by id."""
        found: dict[str, D] = {}
        missing: list[str] = []
        for id in dict.fromkeys(ids):
            known = self.cache.peek(collection, id)
            if known is None:
                missing.append(id)
            else:
                found[id] = known
        if missing:
            found.update(await self._read(collection, missing))
        return found

    async def _read(self, collection: Collection[D], ids: Sequence[str]) -> dict[str, D]:
        """Read and remember, unless something was removed meanwhile: what was read may be it."""
        forgotten = self.cache.forgotten
        found = await self.store.get_many(collection, ids)
        if self.cache.forgotten == forgotten:
            for document in found.values():
                self.cache.learn(collection, document)
        return found

    async def find_all(self, query: Query[D]) -> list[D]:
        """Every match, page by page; for sets that are small by nature."""
        page = await self.store.find(query)
        found = list(page.items)
        while page.next is not None:
            page = await self.store.find(replace(query, cursor=page.next))
            found.extend(page.items)
        return found
