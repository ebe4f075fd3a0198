"""What the core asks of the world: protocols and the values they take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from msgspec import Struct

from patchbay.collections import Collection
from patchbay.model.document import Document
from patchbay.model.event import Event, NewEvent
from patchbay.model.principal import Principal
from patchbay.model.raw import NewRaw, RawEvent, RawState, Settlement

if TYPE_CHECKING:
    from aiohttp import web

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
class Query(Generic[D]):
    """All conditions must hold.

    ``sort`` is a field name, "-" in front for descending; ties are broken by id in the same direction, so the order is
    total. ``cursor`` comes from the page before. ``text`` asks for documents whose own text index matches, or that own
    a matching document of one of the ``text_owners`` collections; words are matched by prefix and all must occur.
    ``text_or`` is a condition that counts like a match of the text (ids that another search found); a cursor stays good
    when its value changes.
    """

    collection: Collection[D]
    where: tuple[Where, ...] = ()
    sort: str = "id"
    limit: int = 50
    cursor: str | None = None
    text: str | None = None
    text_owners: tuple[Collection[Any], ...] = ()
    text_or: Where | None = None


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


class Bus(Protocol):
    """A bell between gateways that says "the log grew". Losing a ring costs latency, never an event."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    def ring(self, position: int) -> None:
        """Say that the log reached this position; never blocks, never raises."""

    def listen(self) -> AsyncIterator[int]:
        """Positions rung since the last one taken; only the newest is kept."""


class Clock(Protocol):
    """Time, injected so that tests own it."""

    def now(self) -> datetime:
        """Aware, UTC, whole milliseconds."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """New ids and tokens, injected so that tests can foretell them."""

    def new(self, prefix: str) -> str:
        """A new id that sorts after those made before it: ``{prefix}_`` and 32 hex digits."""

    def token(self) -> str:
        """256 random bits, URL-safe."""

    def jitter(self) -> float:
        """A random number from 0 up to 1."""


class MediaStore(Protocol):
    """Bytes by their SHA-256. Writing the same content twice keeps one copy."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        """Keep the bytes durably. Raises ``TooLarge`` past ``max_bytes``; nothing is kept then."""

    async def size(self, sha256: str) -> int | None:
        """How many bytes, None when there are none by that key."""

    def read(self, sha256: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, from ``start`` on, in chunks. Raises ``NotFound``."""

    async def delete(self, sha256: str) -> None: ...


@dataclass(frozen=True)
class StoredBlob:
    """What was written: hex digest, bytes in all, and the first 8 KiB for sniffing."""

    sha256: str
    size: int
    head: bytes


class Authenticator(Protocol):
    """Says who a request is from."""

    name: str

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """The principal, or None when these credentials are not ours to judge. Raises ``Unauthenticated`` when they
        are ours and wrong."""


@dataclass(frozen=True)
class Credentials:
    """What a request or a socket's hello brought: one of a bearer token, an API key, cookies."""

    bearer: str | None = None
    api_key: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    request: web.Request | None = None


Verdict = Literal["allow", "deny", "abstain"]


class Authorizer(Protocol):
    """Says whether a principal may use a permission. One deny denies, and so does silence."""

    name: str

    def decide(self, principal: Principal, permission: str) -> Verdict: ...

    def sees(self, principal: Principal, event: Event) -> Verdict:
        """Whether the principal may see this event; called for every event and principal, so it must be quick."""


class Listener(Protocol):
    """Observes the log with a cursor of its own, off the request path. Events come in order, at least once."""

    name: str

    async def on_events(self, events: Sequence[Event]) -> None: ...


class Notifier(Protocol):
    """A way to tell a person something."""

    name: str

    async def notify(self, recipient: str, subject: str, text: str) -> None: ...


class HealthCheck(Protocol):
    """A named check of ``/health``; it has 2 s."""

    name: str

    async def check(self) -> Mapping[str, Any]:
        """Details to show. Raises when unhealthy."""
