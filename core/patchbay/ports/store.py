"""Where state lives: documents, the journal and the log; and the bell between gateways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from patchbay.collections import Collection
from patchbay.model.document import Document
from patchbay.model.event import Event, NewEvent
from patchbay.model.raw import NewRaw, RawEvent, RawState, Settlement

D = TypeVar("D", bound=Document)

Operator = Literal["eq", "in", "lt", "lte", "gt", "gte", "exists", "prefix", "has"]


@dataclass(frozen=True)
class Where:
    """One condition. ``eq`` with None and ``exists`` ask about absence; ``in`` takes a tuple; ``has`` asks whether an
    array field holds the value. Values are str, int, bool, None or an aware datetime."""

    field: str
    op: Operator
    value: Any


@dataclass(frozen=True)
class Within:
    """The document's ``field`` is the ``pick`` field of some document that matches ``query``, of which collection,
    ``where`` and ``any_of`` count. Nothing is within where the field is absent; neither may be an array field."""

    field: str
    query: Query[Any]
    pick: str = "id"


@dataclass(frozen=True)
class Query(Generic[D]):
    """All conditions of ``where`` must hold, and where ``any_of`` has some, at least one of those.

    An empty ``any_of`` restricts nothing; ``NOTHING`` is what no document fulfils. Conditions of ``any_of`` are a set:
    their order means nothing, and a cursor is good for the same set only.
    ``sort`` is a field name, "-" in front for descending; ties are broken by id in the same direction, so the order is
    total. ``cursor`` comes from the page before. ``text`` asks for documents whose own text index matches, or that own
    a matching document of one of the ``text_owners`` collections; words are matched by prefix and all must occur.
    ``text_or`` is a condition that counts like a match of the text (ids that another search found); a cursor stays good
    when its value changes.
    """

    collection: Collection[D]
    where: tuple[Where, ...] = ()
    any_of: tuple[Where | Within, ...] = field(default=(), kw_only=True)
    sort: str = "id"
    limit: int = 50
    cursor: str | None = None
    text: str | None = None
    text_owners: tuple[Collection[Any], ...] = ()
    text_or: Where | None = None


NOTHING = Where("id", "in", ())


@dataclass(frozen=True)
class Page(Generic[D]):
    """``next`` is the cursor of the following page, None at the end."""

    items: list[D]
    next: str | None


class Put(Struct, Generic[D], frozen=True, gc=False):
    """Write a document. ``expected`` is the version that must be stored now; None means that there must be none."""

    collection: Collection[D]
    document: D
    expected: int | None


class Delete(Struct, frozen=True, gc=False):
    """Remove a document whose stored version must be ``expected``."""

    collection: Collection[Any]
    id: str
    expected: int


class Key(Struct, frozen=True, gc=False):
    """A unique key: at most one ``ref`` per (scope, value). Claiming a taken one for another ref is ``Duplicate``."""

    scope: str
    value: str
    ref: str


@dataclass
class Batch:
    """What one commit applies: all of it, or nothing."""

    puts: list[Put[Any]] = field(default_factory=list)
    deletes: list[Delete] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    freed_keys: list[Key] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.puts or self.deletes or self.keys or self.freed_keys or self.events or self.settlements)


@dataclass(frozen=True)
class RawQuery:
    """Raw events, newest first. ``outcome`` keeps those with an item of that outcome."""

    state: RawState | None = None
    outcome: str | None = None
    channel: str | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True)
class RawPage:
    items: list[RawEvent]
    next: str | None


class Store(Protocol):
    """Documents, the journal and the log, in one place that commits them together.

    Every method may raise ``StoreUnavailable``. A store is proved by ``patchbay.testing.StoreContract``.
    """

    async def open(self, collections: Sequence[Collection[Any]]) -> None:
        """Make ready: connect, migrate, make indexes. Raises ``ConfigError`` where it could not keep its promises."""

    async def close(self) -> None:
        """Finish what was accepted and let go."""

    async def ping(self) -> None:
        """Return if the store answers."""

    async def get(self, collection: Collection[D], id: str) -> D | None: ...

    async def get_many(self, collection: Collection[D], ids: Sequence[str]) -> dict[str, D]:
        """Those that exist, by id."""

    async def find(self, query: Query[D]) -> Page[D]: ...

    async def count(self, query: Query[Any]) -> int:
        """How many match, whatever the limit and the cursor."""

    async def resolve(self, scope: str, values: Sequence[str]) -> dict[str, str]:
        """The refs of the unique keys that exist, by value."""

    async def commit(self, batch: Batch) -> list[int]:
        """Apply the batch durably and return the positions of its events, dense and in order.

        Raises ``Conflict`` naming the document whose version was another, ``Duplicate`` naming the document or key that
        exists; nothing is applied then.
        """

    async def append(self, raw: NewRaw) -> str:
        """Journal a webhook and return its id once it is durable. Concurrent calls share a flush."""

    async def claim(self, owner: str, limit: int, max_bytes: int) -> list[RawEvent]:
        """Pending raw events that nobody holds, oldest first, now held by ``owner`` until settled or released.

        One that ends the process must be found by its third try, and its neighbours must outlive it:

        - What may have been held when a process ended, or still was at ``close``, was tried once. That is at most as
          many of the oldest as claims can have held; whatever else was waiting was not tried, nor what was released.
        - From then on each claim counts one more of its ``attempts``, durably before it is handed out; ``release``
          takes that back. All others have none, however often they are claimed.
        - Those tried once come few at a time, those tried twice or more alone.
        """

    async def release(self, owner: str, raw_ids: Sequence[str]) -> None:
        """Let go of claimed raw events that were not settled."""

    async def pending(self) -> int:
        """How many raw events are not settled."""

    async def raw(self, raw_id: str) -> RawEvent | None: ...

    async def raws(self, query: RawQuery) -> RawPage: ...

    async def reopen(self, raw_ids: Sequence[str]) -> int:
        """Make settled raw events pending again, for a replay; how many were."""

    async def unroutable(self, channel: str) -> list[str]:
        """Ids of the channel's raw events that hold unroutable items, oldest first."""

    async def read(self, after: int, limit: int) -> list[Event]:
        """Events with positions greater than ``after``, in order."""

    async def head(self) -> int:
        """The position of the newest event, 0 when there is none."""

    async def oldest(self) -> int:
        """The position of the oldest event that is still kept, ``head() + 1`` when there is none."""

    async def epoch(self) -> str:
        """Names this log; positions of another epoch mean nothing here."""

    async def prune(
        self, before: datetime, *, journal_before: datetime | None = None, expired_before: datetime | None = None
    ) -> int:
        """Drop events older than ``before``, raw events settled before ``journal_before``, and documents whose
        ``expires_at`` lies before ``expired_before``; both are ``before`` when not given. How many were dropped."""

    async def amend(self, events: Sequence[Event]) -> int:
        """Put these events durably in the place of those that have their positions, so that every reader sees them
        instead; how many were still kept."""

    async def redact(self, raw_ids: Sequence[str]) -> int:
        """Replace the bodies of settled raw events by ``ERASED_BODY`` and take keys and errors from their items; how
        many were. They are not reopened any more."""

    async def scrub(self) -> None:
        """Return once nothing of what was replaced or removed before is left in what the store keeps: neither in its
        files, nor in an index, nor in a log of its own."""


class Bus(Protocol):
    """A bell between gateways that says "the log grew". Losing a ring costs latency, never an event."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def ring(self, position: int) -> None:
        """Say that the log reached this position; never blocks, never raises."""

    def listen(self) -> AsyncIterator[int]:
        """Positions rung since the last one taken; only the newest is kept."""
