"""The runner of commands: loads what a pure command needs, commits what it staged, and tries again when somebody was
quicker. Everything that changes state goes through here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from msgspec.structs import replace as replace_struct

from patchbay.caching import DocumentCache
from patchbay.collections import CONVERSATIONS, Collection
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
from patchbay.lanes import Lanes
from patchbay.model.cause import Cause
from patchbay.model.document import Document
from patchbay.model.message import SYSTEM, Actor
from patchbay.model.rows import ALL_ROWS, Rows
from patchbay.ports import Act, Bus, Clock, Ids, Query, Recorder, Store

D = TypeVar("D", bound=Document)
T = TypeVar("T")
Watcher = Callable[[str, Document | None], None]


MAX_LOADS = 10_000  # of what one command missed; each try draws new ids, and a command that queries by one never ends
MAX_TRIES = 100  # of one command against others that change the same documents; each loss means that another one won


class Inbox:
    """Runs commands against the store."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, ids: Ids, *, recorders: Sequence[Recorder] = ()) -> None:
        self.recorders = recorders
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
        rows: Rows = ALL_ROWS,
        cause: Cause | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> T:
        """The command's result, once everything it staged is durable. ``lane`` names what others would contend for.

        ``rows`` are those that the command may be asked about. With a ``cause``, what it did is recorded in the same
        commit, and ``about`` beside it. Raises what the command raises; ``StoreUnavailable`` when the store cannot
        write.
        """
        act = None
        if cause is not None and self.recorders:
            act = Act(cause=cause, actor=actor, occurred_at=self.clock.now(), about=dict(about or {}))

        async def work() -> T:
            return await self._run(command, act, actor=actor, causation_id=causation_id, depth=depth, rows=rows)

        if lane is None:
            return await work()
        return cast("T", await self._lanes.run(lane, work))

    async def _run(self, command: Callable[[UnitOfWork], T], act: Act | None, **given: Any) -> T:
        last: Exception | None = None
        loaded = self.loaded()
        losses = loads = 0
        while losses < MAX_TRIES:
            unit = self.unit(loaded, **given)
            try:
                result = command(unit)
            except NotLoaded as missing:
                loads += 1
                if loads > MAX_LOADS:
                    raise RuntimeError(
                        "The command asks for something else each time; does it query by an id it drew?"
                    ) from None
                await self.load(missing, loaded)
                continue
            try:
                await (self.commit(unit) if act is None else self._commit_recorded(unit, act))
            except (Conflict, Duplicate) as lost:
                last = lost
                losses += 1
                loaded = await self.after_loss(lost, loaded)
                continue
            return result
        raise StoreUnavailable("The same documents were changed by others again and again; try again.") from last

    async def _commit_recorded(self, unit: UnitOfWork, act: Act) -> None:
        """Commit with what the recorders write of it. Where nothing was done and nothing is said about it, there is
        nothing to record."""
        changes = unit.changes()
        if not changes and act.outcome == "done" and not act.about:
            await self.commit(unit)
            return
        for recorder in self.recorders:
            await recorder.ready()
        act = replace_struct(act, changes=changes)
        tickets: list[tuple[Recorder, object]] = []
        committed = False
        try:
            tickets.extend((recorder, recorder.record(unit, act)) for recorder in self.recorders)
            await self.commit(unit)
            committed = True
        finally:
            for recorder, ticket in tickets:
                recorder.settled(ticket, committed=committed)

    async def record(self, act: Act) -> None:
        """Write down what changed nothing: a refusal. Raises ``StoreUnavailable``."""
        if self.recorders:
            await self._run(lambda uow: None, act, actor=act.actor)

    def loaded(self) -> Loaded:
        """An empty working set over the shared cache."""
        return Loaded(self.cache)

    def unit(
        self,
        loaded: Loaded,
        *,
        actor: Actor = SYSTEM,
        causation_id: str | None = None,
        depth: int = 0,
        rows: Rows = ALL_ROWS,
    ) -> UnitOfWork:
        return UnitOfWork(
            now=self.clock.now(),
            ids=self.ids,
            loaded=loaded,
            actor=actor,
            causation_id=causation_id,
            depth=depth,
            rows=rows,
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
