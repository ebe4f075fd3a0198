"""The hub: who is connected, and the loops that carry the log to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from patchbay.errors import StoreUnavailable, TooMany
from patchbay.hub.carrier import READERS, Carrier
from patchbay.hub.codes import CloseCode
from patchbay.hub.connection import Connection, State, Wire
from patchbay.hub.ephemeral import Ephemera
from patchbay.hub.frames import Resume
from patchbay.hub.rights import ASKERS, Rights, StillValid
from patchbay.hub.tail import DEFAULT_BOUNDS, Bounds, LogReader, Tail
from patchbay.hub.topics import NOTHING, Topics
from patchbay.hub.viewing import Viewing
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.ports import Bus, Clock
from patchbay.settings import SocketSettings

logger = structlog.get_logger(__name__)

POLL_S = 1.0  # what a lost ring costs at most
CLOSE_GRACE_S = 2.0  # between a close frame and the end of the line
CLOSE_WAIT_S = 5.0  # for all connections to end when the hub closes

Spawn = Callable[[Coroutine[Any, Any, None], str], "asyncio.Task[None]"]
Sees = Callable[[Principal, Event], bool]


class Hub:
    """``log`` is the store, or whatever reads like one. ``sees`` judges each event for each principal; when it raises,
    the event is not shown. ``still_valid`` says whether a principal may stay at all; without it nobody is asked.
    ``spawn`` starts a named task.

    Sockets go ``greet``, ``join``, ``start``, ``begin``, and at the end ``leave`` whatever came between. Streams and
    pulls read ``tail`` themselves, and take a ``seat`` while they wait.
    """

    def __init__(
        self,
        log: LogReader,
        bus: Bus,
        clock: Clock,
        *,
        settings: SocketSettings,
        sees: Sees,
        spawn: Spawn,
        still_valid: StillValid | None = None,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._settings = settings
        self._sees = sees
        self._spawn = spawn
        self._stalled_after_s = max(settings.stalled_after_s - POLL_S, settings.stalled_after_s / 2)
        self._connections: set[Connection] = set()
        self._lingering: dict[Wire, float] = {}
        self._seats: dict[tuple[str, str], int] = {}
        self._empty = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.closing = False
        self.tail = Tail(log, bounds)
        self._carrier = Carrier(self.tail, clock, sees, self._learn, bounds, settings.max_backlog_bytes)
        self.ephemera = Ephemera(self._carrier.broadcast, self.shows, clock)
        self.viewing = Viewing(self._carrier.broadcast, self.shows, clock)
        self.rights = Rights(still_valid, clock, refuse=self._refuse, confirm=self._carrier.take)

    async def open(self) -> None:
        """Begin at the head of the log. Raises ``StoreUnavailable``."""
        await self.tail.open()
        loops: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("listener", self._listen),
            ("poller", self._poll),
            ("ticker", self._tick),
            ("drains", self._carrier.watch_drains),
            *((f"reader-{n}", self._carrier.catch_up) for n in range(READERS)),
            *((f"asker-{n}", self.rights.ask) for n in range(ASKERS)),
        ]
        self._tasks = [self._spawn(self._forever(step, name), f"hub-{name}") for name, step in loops]

    async def close(self) -> None:
        """Send what the log holds by now, then 1001 with the cursor to every connection, and wait, but not for long.

        To be called while the server still serves: before its handlers are cancelled.
        """
        self.closing = True
        try:
            async with asyncio.timeout(POLL_S):
                await self._carrier.deliver_new()
        except (TimeoutError, StoreUnavailable):
            logger.warning("the hub closes without a last look at the log")
        self.tail.close()
        for connection in self._connections:
            self.end(connection, CloseCode.GOING_AWAY, f'{{"position":{connection.cursor}}}')
        if self._connections:
            try:
                async with asyncio.timeout(CLOSE_WAIT_S):
                    await self._empty.wait()
            except TimeoutError:
                logger.warning("the hub cuts connections that did not end", connections=len(self._connections))
        for wire in [*(connection.wire for connection in self._connections), *self._lingering]:
            wire.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Connections

    def greet(self, wire: Wire, session: str) -> Connection:
        """A connection that has not said who it is. Raises ``TooMany`` when there are as many as there may be."""
        if self.closing or len(self._connections) >= self._settings.max_connections:
            raise TooMany("This server takes no more connections now.", headers={"Retry-After": "5"})
        connection = Connection(wire, session, self._clock.monotonic())
        self._connections.add(connection)
        self._empty.clear()
        return connection

    def join(self, connection: Connection, principal: Principal, topics: Topics, asked_at: float) -> None:
        """Say who it is: signed in at ``asked_at``. Raises ``TooMany``. It receives nothing before ``begin``."""
        self.seat(principal)
        connection.principal = principal
        connection.topics = topics
        self.rights.signed_in(connection, asked_at)

    async def start(self, resume: Resume | None) -> int:
        """Where a connection begins. Raises ``Lost``, ``StoreUnavailable``."""
        return await self.tail.start(resume)

    def begin(self, connection: Connection, position: int) -> None:
        """Carry the log to it from after this position on."""
        if connection.is_open:
            connection.cursor = position
            self._carrier.take(connection)
            self._show_momentary(connection, NOTHING)

    def listen(self, connection: Connection, topics: Topics) -> None:
        """It listens to these from now on, and is told who is there."""
        before, connection.topics = connection.topics, topics
        self._show_momentary(connection, before)

    def end(self, connection: Connection, code: CloseCode, reason: str) -> None:
        """Close it with this code. The line is cut if the client does not answer soon."""
        self._carrier.drop(connection)
        connection.close(code, reason, self._clock.monotonic())

    def leave(self, connection: Connection) -> None:
        """It ended. What it was written and has not taken yet gets a moment, then the line is cut."""
        self._connections.discard(connection)
        self._carrier.drop(connection)
        connection.state = State.GONE
        if not connection.wire.is_closing():
            connection.wire.close()
        if connection.wire.get_write_buffer_size():
            self._lingering[connection.wire] = self._clock.monotonic() + CLOSE_GRACE_S
        if connection.is_known:
            self.unseat(connection.principal)
            self.ephemera.left(connection)
            self.viewing.left(connection)
        if not self._connections:
            self._empty.set()

    def seat(self, principal: Principal) -> None:
        """Count a connection of the principal. Raises ``TooMany``."""
        key = (principal.type, principal.id)
        taken = self._seats.get(key, 0)
        if taken >= self._settings.per_principal:
            raise TooMany(f"There are {taken} connections already; close one first.", code="too_many_connections")
        self._seats[key] = taken + 1

    def unseat(self, principal: Principal) -> None:
        key = (principal.type, principal.id)
        self._seats[key] -= 1
        if not self._seats[key]:
            del self._seats[key]

    def ask_again(self, principal_id: str) -> None:
        """The rights of this principal changed: judge its connections now, and those who wait for something new."""
        for connection in self._connections:
            if connection.is_known and connection.principal.id == principal_id:
                self.rights.look_again(connection)
        self.viewing.judge(principal_id)
        self.tail.wake()

    def shows(self, principal: Principal, event: Event) -> bool:
        """Whether the principal may see the event now."""
        try:
            return self._sees(principal, event)
        except Exception:
            logger.exception("an authorizer failed; the event is not shown", event_type=event.type)
            return False

    def sizes(self) -> dict[str, int]:
        """How much is in everything that grows with connections or events: for metrics, and to show that it ends."""
        return {
            "connections": len(self._connections),
            "lingering": len(self._lingering),
            "principals": len(self._seats),
            **self._carrier.sizes(),
            **self.tail.sizes(),
            **self.ephemera.sizes(),
            **self.viewing.sizes(),
        }

    def _show_momentary(self, connection: Connection, before: Topics) -> None:
        """Tell a connection who is there, as far as it did not listen to that before."""
        topics = connection.topics
        if topics.inbox and not before.inbox:
            self.ephemera.show_presence(connection)
        self.viewing.show(connection, topics.conversations - before.conversations)

    def _learn(self, events: list[Event]) -> None:
        self.viewing.learn(events)

    # Loops

    async def _listen(self) -> None:
        async for position in self._bus.listen():
            if position > self.tail.position:
                await self._carrier.deliver_new()
        await self._clock.sleep(POLL_S)

    async def _poll(self) -> None:
        """Find what no ring told of."""
        await self._clock.sleep(POLL_S)
        await self._carrier.deliver_new()

    async def _tick(self) -> None:
        await self._clock.sleep(POLL_S)
        now = self._clock.monotonic()
        for connection in list(self._connections):
            self._look_after(connection, now)
        for wire in [wire for wire, deadline in self._lingering.items() if deadline <= now]:
            del self._lingering[wire]
            wire.abort()
        self.ephemera.tick()
        self.viewing.tick()

    def _look_after(self, connection: Connection, now: float) -> None:
        if connection.state is State.CLOSING:
            if now - connection.closed_at >= CLOSE_GRACE_S:
                connection.wire.abort()
        elif connection.is_stalled(now, self._stalled_after_s):
            self.end(connection, CloseCode.SLOW, "slow, resume")
        elif connection.state is not State.GREETING:
            self.rights.look_at(connection, now)
            if connection.state is State.HELD and connection.confirmed_until >= now:
                self._carrier.take(connection)

    def _refuse(self, connection: Connection) -> None:
        self.end(connection, CloseCode.UNAUTHENTICATED, "no longer signed in")

    async def _forever(self, step: Callable[[], Awaitable[None]], name: str) -> None:
        while True:
            try:
                await step()
            except StoreUnavailable:
                logger.warning("the store does not answer; the hub tries again", loop=name)
                await self._clock.sleep(POLL_S)
            except Exception:
                logger.exception("a loop of the hub failed and goes on", loop=name)
                await self._clock.sleep(POLL_S)
