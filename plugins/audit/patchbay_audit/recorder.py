"""Writes an entry into each unit of work, in one chain, without holding anybody up.

Entries are chained by their hashes, so each has to know the one before it; and commits are written in groups, so many
are on their way at once. Hence the *tip*: the place that the last recorded unit took, committed or not. The next unit
builds on the tip at once.

What makes that safe is not this memory but the store. The head is a document whose id is the hash of the newest entry;
a unit removes the head that it was built on and adds its own. If the entry before it never came to be, or another
gateway took the place, that head does not exist and the whole unit fails with ``Conflict``; the core runs it again. So
whatever this process believes, an entry lands on exactly the entry that its ``previous_hash`` names, or not at all.

What keeps it moving: a unit that failed makes the line of units that began with the last reading of the head worthless
from there on. Its end is announced by ``settled``: the tip is *stale* then, and the next ``ready`` reads the head again
and begins a new line. Later failures of the old line are expected and change nothing. How long a line may grow before
its first unit landed is up to the gate (``gate.py``).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from patchbay.errors import StoreUnavailable
from patchbay.ports import Act, Clock, Query, Store
from patchbay_audit.entry import (
    AUDIT_ENTRIES,
    AUDIT_HEAD,
    NOTHING_BEFORE,
    AuditHead,
    facts_of,
    written,
)
from patchbay_audit.floods import RefusalLimit
from patchbay_audit.gate import Gate

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

log = structlog.get_logger(__name__)
DONE: Final = "done"
MOST_HEADS: Final = 10  # there is one; a damaged store may hold more


class Tip(NamedTuple):
    """The newest place: entry number, its hash, and the head document that stands for it, where there is one."""

    seq: int
    hash: str
    head: AuditHead | None


class Ticket(NamedTuple):
    """What became of one ``record``: the line it was on, None where nothing was staged; and whose refusal it was."""

    line: int | None
    refused: bool = False
    address: str | None = None


NOWHERE: Final = Tip(0, NOTHING_BEFORE, None)


class TrailRecorder:
    """The ``Recorder``. It works from ``open`` on; before, what asks for an entry fails as when the store is away."""

    name = "audit"

    def __init__(self, limit: RefusalLimit) -> None:
        self.limit = limit
        self.added = 0  # entries committed by this process, as far as it was told
        self._tip: Tip | None = None
        self._line = 0
        self._stale = True
        self._reading = asyncio.Lock()
        self._gate = Gate()
        self._store: Store | None = None
        self._clock: Clock | None = None

    def open(self, store: Store, clock: Clock) -> None:
        """Begin: ``store`` is where the head is read from."""
        self._store, self._clock = store, clock

    async def ready(self) -> None:
        """Wait for a turn, and read the head where it is not known, or was taken by a unit that failed.

        Raises ``StoreUnavailable``.
        """
        await self._gate.enter()
        try:
            await self.load()
        except BaseException:
            self._gate.leave()
            raise

    async def load(self) -> None:
        """Read the head where it is not known. Raises ``StoreUnavailable``."""
        while self._stale:
            async with self._reading:
                if self._stale:
                    await self._read()

    async def _read(self) -> None:
        if self._store is None:
            raise StoreUnavailable("The audit trail is not open yet; try again.")
        tip = await read_tip(self._store)
        self._line += 1
        self._tip, self._stale = tip, False

    def record(self, uow: UnitOfWork, act: Act) -> Ticket:
        """Stage the act's entry on the tip. A refusal beyond the limit of its address is only counted."""
        if self._tip is None or self._clock is None:
            raise StoreUnavailable("The audit trail was not read yet; try again.")
        refused = act.outcome != DONE
        address = act.cause.address
        if refused and not self.limit.admits(address, act.outcome, now=self._clock.monotonic(), at=act.occurred_at):
            self._gate.leave()
            return Ticket(None)
        entry = written(facts_of(act, seq=self._tip.seq + 1, previous_hash=self._tip.hash))
        head = AuditHead(id=entry.hash, created_at=entry.created_at, updated_at=entry.created_at, seq=entry.seq)
        uow.add(AUDIT_ENTRIES, entry)
        if self._tip.head is not None:
            uow.remove(AUDIT_HEAD, self._tip.head)
        uow.add(AUDIT_HEAD, head)
        self._tip = Tip(entry.seq, entry.hash, head)
        self._go()
        return Ticket(self._line, refused, address)

    def _go(self) -> None:
        """Count a unit that was recorded; one of a line that has ended is not worth counting."""
        if self._stale:
            self._gate.leave()
        else:
            self._gate.passed()

    def settled(self, ticket: object, *, committed: bool) -> None:
        """Take note of what became of a unit; one that failed makes the tip stale, unless it was so before."""
        if not isinstance(ticket, Ticket) or ticket.line is None:
            return
        if committed:
            self.added += 1
            if ticket.line == self._line and not self._stale:
                self._gate.landed()
            return
        if ticket.refused and self._clock is not None:
            self.limit.give_back(ticket.address, now=self._clock.monotonic())
        if ticket.line == self._line and not self._stale:
            self._stale = True
            self._gate.narrow()


async def read_tip(store: Store) -> Tip:
    """The newest place as the store has it.

    The newest entry is read before the head, so that the head can only be further. Where it is not, or where there is
    none, somebody changed the store by hand; the trail goes on behind the newest entry, and a verification tells.
    """
    entries = await store.find(Query(AUDIT_ENTRIES, sort="-id", limit=1))
    heads = await store.find(Query(AUDIT_HEAD, limit=MOST_HEADS))
    head = max(heads.items, key=lambda each: each.seq, default=None)
    tip = NOWHERE if head is None else Tip(head.seq, head.id, head)
    newest = entries.items[0] if entries.items else None
    if newest is not None and newest.seq > tip.seq:
        log.error("audit.head_lost", newest=newest.seq, head=tip.seq)
        return Tip(newest.seq, newest.hash, head)
    return tip
