"""Carrying the log to connections: the same bytes to all who have read everything, and the log itself to the others.

A connection has a cursor and reads the log from it; being live is nothing but having read everything. A connection that
cannot take more leaves the live ones, keeps its cursor, and reads on from there when its client has read what was
written. A few readers serve those in turn, one batch each, so that a slow one costs nobody else anything, and memory
stays bounded whatever the clients do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from operator import attrgetter

import structlog

from patchbay.hub.batch import Batch
from patchbay.hub.connection import Connection, State
from patchbay.hub.frames import resync_frame
from patchbay.hub.tail import Bounds, Lost, Tail
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.ports import Clock

log = structlog.get_logger(__name__)

READERS = 4  # batches read at the same time for those who are behind
DRAIN_POLL_S = 0.02  # how often connections are looked at whose client has to read first

Combined = dict[tuple[int, ...], bytes]  # frames of events of one batch, by their positions
Sees = Callable[[Principal, Event], bool]
Learn = Callable[[list[Event]], None]
_position = attrgetter("position")


class Carrier:
    """A connection in it is live, behind, draining or held. Two things hold at all times: nobody is written an event
    at or before its cursor, and the cursor never passes an event that it should get and was not written."""

    def __init__(
        self, tail: Tail, clock: Clock, sees: Sees, learn: Learn, bounds: Bounds, max_backlog_bytes: int
    ) -> None:
        self._tail = tail
        self._clock = clock
        self._sees = sees
        self._learn = learn
        self._slice = bounds.slice_connections
        self._max_backlog_bytes = max_backlog_bytes
        self._live: dict[Connection, None] = {}
        self._behind: asyncio.Queue[Connection] = asyncio.Queue()  # each connection at most once
        self._draining: set[Connection] = set()
        self._drain_bell = asyncio.Event()
        self._pumping = asyncio.Lock()

    def take(self, connection: Connection) -> None:
        """Carry the log to it, from its cursor on."""
        self._leave_live(connection, State.BEHIND)
        self._behind.put_nowait(connection)

    def drop(self, connection: Connection) -> None:
        """Carry nothing to it any more."""
        self._live.pop(connection, None)
        self._draining.discard(connection)

    def sizes(self) -> dict[str, int]:
        return {"live": len(self._live), "behind": self._behind.qsize(), "draining": len(self._draining)}

    # What is new, to those who have read everything else

    async def deliver_new(self) -> None:
        """Read what the log has more than before, and write it to all live connections. Raises ``StoreUnavailable``."""
        async with self._pumping:  # rings, polling and closing come at the same time
            try:
                while batches := await self._tail.fetch():
                    for batch in batches:
                        self._tail.accept(batch)
                        self._learn(batch.events)
                        await self._fan_out(batch)
            except Lost as lost:
                self._tail.jump(lost.head)
                for connection in list(self._live):
                    self.take(connection)

    async def _fan_out(self, batch: Batch) -> None:
        """Write the batch to each connection that has read everything before it. The others get it from the log, as do
        those that stop being live meanwhile: the cursor tells them apart."""
        connections = list(self._live)
        combined: Combined = {}
        for begin in range(0, len(connections), self._slice):
            if begin:
                await self._clock.sleep(0)
            now = self._clock.monotonic()
            for connection in connections[begin : begin + self._slice]:
                if connection.state is not State.LIVE:
                    continue
                try:
                    self._deliver(connection, batch, combined, now)
                except Exception:
                    log.exception("a connection failed and is cut", session=connection.session)
                    self._leave_live(connection, State.CLOSING)
                    connection.wire.abort()

    def _deliver(self, connection: Connection, batch: Batch, combined: Combined, now: float) -> None:
        """Write the part of the batch that it has not read and may see, in one write; ``combined`` holds the bytes by
        which events are in them, to be used again. It stops being live when it cannot take them."""
        cursor = connection.cursor
        if connection.confirmed_until < now:
            self._leave_live(connection, State.HELD)
            return
        if cursor + 1 < batch.first:
            self.take(connection)  # a batch before this one was cut short
            return
        chosen = self._chosen(connection, batch.events if cursor < batch.first else batch.after(cursor))
        if chosen:
            if len(chosen) == len(batch.events):
                data = batch.wire
            else:
                positions = tuple(map(_position, chosen))
                data = combined.get(positions) or combined.setdefault(positions, batch.frames(positions))
            wire = connection.wire
            waiting = wire.get_write_buffer_size()
            if waiting and waiting + len(data) > self._max_backlog_bytes:
                self._drain_first(connection)
                return
            if wire.is_closing():
                self._leave_live(connection, State.CLOSING)
                return
            wire.write(data)
            if waiting:
                connection.queued += len(data)
            else:
                connection.kept_up = True
        if cursor < batch.last:
            connection.cursor = batch.last

    def _chosen(self, connection: Connection, events: list[Event]) -> list[Event]:
        """Those that the connection asks for and may see."""
        principal, topics, sees = connection.principal, connection.topics, self._sees
        chosen = []
        for event in events:
            if topics.inbox or topics.matches(principal, event.audience):
                try:
                    if sees(principal, event):
                        chosen.append(event)
                except Exception:
                    log.exception("an authorizer failed; the event is not shown", event_type=event.type)
        return chosen

    def broadcast(self, frame: bytes, event: Event, but: Principal, concerned: Container[Connection] = ()) -> None:
        """Write something that may be lost to those who are live, have nothing waiting, and may see it: who listen to
        such things, and who are ``concerned`` by this one whatever they listen to."""
        now = self._clock.monotonic()
        for connection in self._live:
            principal = connection.principal
            if (
                connection.confirmed_until >= now
                and connection.wire.get_write_buffer_size() == 0
                and (principal.type, principal.id) != (but.type, but.id)
                and (connection.topics.matches(principal, event.audience) or connection in concerned)
                and self._shows(principal, event)
            ):
                connection.write(frame)

    def _shows(self, principal: Principal, event: Event) -> bool:
        try:
            return self._sees(principal, event)
        except Exception:
            log.exception("an authorizer failed; the event is not shown", event_type=event.type)
            return False

    # What was before, to those who are behind

    async def catch_up(self) -> None:
        """Serve the next one that is behind. What fails holds that connection back, and is raised."""
        connection = await self._behind.get()
        if connection.state is not State.BEHIND:
            return
        try:
            await self._advance(connection)
        except Lost as lost:
            if connection.state is State.BEHIND:
                connection.write(resync_frame(lost.reason, lost.head))
                connection.cursor = lost.head
                self._behind.put_nowait(connection)
        except Exception:
            if connection.state is State.BEHIND:
                connection.state = State.HELD
            raise

    async def _advance(self, connection: Connection) -> None:
        """One step: join those who are live, or read and write one batch."""
        if connection.cursor >= self._tail.position:
            connection.state = State.LIVE
            self._live[connection] = None
            return
        if connection.wire.get_write_buffer_size():
            self._drain_first(connection)
            return
        batch = await self._tail.read(connection.cursor)
        if connection.state is State.BEHIND and batch:
            self._deliver(connection, batch, {}, self._clock.monotonic())
        if connection.state is State.BEHIND:
            await self._clock.sleep(0)  # what was written leaves, and others have their turn
        if connection.state is State.BEHIND:
            self._behind.put_nowait(connection)

    async def watch_drains(self) -> None:
        """Let those read on whose clients have read what was written to them."""
        await self._drain_bell.wait()
        self._drain_bell.clear()
        while self._draining:
            await self._clock.sleep(DRAIN_POLL_S)
            for connection in [c for c in self._draining if not c.wire.get_write_buffer_size()]:
                self._draining.discard(connection)
                if connection.state is State.DRAINING:
                    self.take(connection)

    def _drain_first(self, connection: Connection) -> None:
        self._leave_live(connection, State.DRAINING)
        self._draining.add(connection)
        self._drain_bell.set()

    def _leave_live(self, connection: Connection, state: State) -> None:
        self._live.pop(connection, None)
        connection.state = state
