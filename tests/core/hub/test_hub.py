"""The hub's clockwork: what happens when, with a clock that the test owns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from patchbay.bus.local import LocalBus
from patchbay.errors import StoreUnavailable, TooMany
from patchbay.hub.connection import Connection, State
from patchbay.hub.ephemeral import MAX_TYPING
from patchbay.hub.frames import PresenceState
from patchbay.hub.hub import Hub
from patchbay.hub.topics import INBOX, Topics, parse_topics
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.settings import SocketSettings
from patchbay.testing.clock import FakeClock
from patchbay.testing.watching import HeldWire, MemoryLog

MARA = Principal(type="user", id="usr_mara", name="Mara")
TOM = Principal(type="user", id="usr_tom", name="Tom")


@dataclass
class Stage:
    log: MemoryLog = field(default_factory=MemoryLog)
    clock: FakeClock = field(default_factory=FakeClock)
    valid: bool = True
    judge: Exception | None = None
    hang: bool = False
    asked: list[float] = field(default_factory=list)
    hidden_from: str = ""

    async def still_valid(self, principal: Principal) -> bool:
        self.asked.append(self.clock.monotonic())
        if self.hang:
            await asyncio.get_running_loop().create_future()
        if self.judge is not None:
            raise self.judge
        return self.valid

    def sees(self, principal: Principal, event: Event) -> bool:
        return principal.id != self.hidden_from

    @asynccontextmanager
    async def playing(self, **settings: Any) -> AsyncIterator[Hub]:
        loop = asyncio.get_running_loop()
        bus = LocalBus()
        await bus.open()
        self.hub = Hub(
            self.log,
            bus,
            self.clock,
            settings=SocketSettings(**settings),
            sees=self.sees,
            still_valid=self.still_valid,
            spawn=lambda work, name: loop.create_task(work, name=name),
        )
        await self.hub.open()
        await run()
        yield self.hub
        closing = asyncio.ensure_future(self.hub.close())
        await run()
        for connection in list(self.hub._connections):
            self.hub.leave(connection)
        await closing
        await bus.close()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    async def connect(self, who: Principal = MARA, topics: Topics = INBOX) -> tuple[Connection, HeldWire]:
        wire = HeldWire()
        connection = self.hub.greet(wire, "ses_1")
        self.hub.join(connection, who, topics, self.clock.monotonic())
        self.hub.begin(connection, await self.hub.start(None))
        await run()
        return connection, wire

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await run()


async def run() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def state_of(connection: Connection) -> State:
    return connection.state


def told(wire: HeldWire, op: str) -> list[dict[str, Any]]:
    return [message for message in wire.messages() if message["op"] == op]


async def test_a_line_that_takes_nothing_is_closed_after_the_time_and_then_cut() -> None:
    stage = Stage()
    async with stage.playing(stalled_after_s=10) as hub:
        connection, wire = await stage.connect()
        wire.reading = False
        stage.log.append()
        await stage.pass_time(1)
        assert wire.get_write_buffer_size() > 0
        await stage.pass_time(7)
        assert state_of(connection) is State.LIVE
        await stage.pass_time(3)
        assert state_of(connection) is State.CLOSING
        assert stage.clock.monotonic() <= 11
        await stage.pass_time(2)
        assert wire.aborted
        assert hub.sizes()["live"] == 0


async def test_a_line_that_takes_a_little_now_and_then_is_kept() -> None:
    stage = Stage()
    async with stage.playing(stalled_after_s=10):
        connection, wire = await stage.connect()
        wire.reading = False
        stage.log.append(data="x" * 50_000)
        for _ in range(12):
            await stage.pass_time(5)
            wire.flush(10)
        assert state_of(connection) is State.LIVE
        while connection.is_open and stage.clock.monotonic() < 80:
            await stage.pass_time(1)
        wire.flush()
        assert (wire.close_code, wire.close_reason) == (4008, "slow, resume")


async def test_an_idle_line_is_never_slow() -> None:
    stage = Stage()
    async with stage.playing():
        connection, wire = await stage.connect()
        await stage.pass_time(60)
        assert state_of(connection) is State.LIVE
        assert wire.writes == 0


async def test_rights_are_asked_about_often_enough_and_no_more() -> None:
    stage = Stage()
    async with stage.playing():
        await stage.connect()
        await stage.pass_time(60)
        assert 12 <= len(stage.asked) <= 15


async def test_a_refusal_closes_and_nothing_is_written_after_it() -> None:
    stage = Stage()
    async with stage.playing():
        connection, wire = await stage.connect()
        await stage.pass_time(6)
        stage.valid = False
        began = stage.clock.monotonic()
        while connection.is_open:
            stage.log.append()
            await stage.pass_time(0.5)
        assert stage.clock.monotonic() - began <= 5
        assert wire.close_code == 4003
        written = wire.writes
        stage.log.append()
        await stage.pass_time(1)
        assert wire.writes == written


async def test_while_nobody_can_confirm_the_rights_nothing_is_shown_and_then_nothing_is_missing() -> None:
    stage = Stage()
    async with stage.playing():
        connection, wire = await stage.connect()
        stage.judge = OSError("the directory does not answer")
        await stage.pass_time(6)
        for _ in range(5):
            stage.log.append()
            await stage.pass_time(1)
        assert told(wire, "event") == []
        assert state_of(connection) is State.HELD
        stage.judge = None
        await stage.pass_time(6)
        assert [event["position"] for event in told(wire, "event")] == [1, 2, 3, 4, 5]
        assert state_of(connection) is State.LIVE


async def test_while_the_store_is_down_everybody_waits_and_then_nothing_is_missing() -> None:
    stage = Stage()
    async with stage.playing():
        _, wire = await stage.connect()
        stage.log.down = True
        stage.log.append()
        await stage.pass_time(5)
        with pytest.raises(StoreUnavailable):
            await stage.log.head()
        stage.log.append()
        stage.log.down = False
        await stage.pass_time(2)
        assert [event["position"] for event in told(wire, "event")] == [1, 2]


async def test_the_same_bytes_go_to_everybody_and_several_events_in_one_write() -> None:
    stage = Stage()
    async with stage.playing():
        lines = [await stage.connect(Principal(type="user", id=f"usr_{n}")) for n in range(5)]
        for n in range(30):
            stage.log.append(data={"n": n})
        reads = stage.log.reads
        await stage.pass_time(1)
        assert stage.log.reads <= reads + 3
        for _, wire in lines:
            assert wire.writes == 1
            assert [event["position"] for event in told(wire, "event")] == list(range(1, 31))


async def test_a_lingering_line_is_cut_and_forgotten() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        connection, wire = await stage.connect()
        wire.reading = False
        stage.log.append()
        await stage.pass_time(1)
        hub.leave(connection)
        assert wire.closed
        assert hub.sizes()["lingering"] == 1
        await stage.pass_time(3)
        assert wire.aborted
        assert hub.sizes()["lingering"] == 0


async def test_a_line_that_breaks_while_it_is_written_to_harms_no_other() -> None:
    class Broken(HeldWire):
        def write(self, data: bytes, /) -> None:
            raise RuntimeError("the handle is closed")

    stage = Stage()
    async with stage.playing() as hub:
        broken = hub.greet(Broken(), "ses_0")
        hub.join(broken, TOM, INBOX, stage.clock.monotonic())
        hub.begin(broken, 0)
        await run()
        _, wire = await stage.connect()
        for _ in range(2):
            stage.log.append()
            await stage.pass_time(1)
        assert len(told(wire, "event")) == 2
        assert broken.wire.is_closing()
        assert hub.sizes()["live"] == 1


async def test_seats_are_counted_per_principal_and_given_back() -> None:
    stage = Stage()
    async with stage.playing(per_principal=2) as hub:
        first, _ = await stage.connect()
        await stage.connect()
        with pytest.raises(TooMany):
            await stage.connect()
        await stage.connect(Principal(type="api_key", id=MARA.id))
        hub.leave(first)
        await stage.connect()
        with pytest.raises(TooMany):
            hub.seat(MARA)


async def test_presence_is_told_once_a_second_and_only_when_it_changed() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        states: tuple[PresenceState, ...] = ("online", "away", "online", "away")
        for state in states:
            hub.ephemera.presence(mara, state)
        await stage.pass_time(1)
        hub.ephemera.presence(mara, "away")
        await stage.pass_time(1)
        assert [shown["data"]["state"] for shown in told(wire, "ephemeral")] == ["away"]


async def test_the_most_present_of_a_persons_connections_counts() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        phone, _ = await stage.connect(MARA)
        desk, _ = await stage.connect(MARA)
        _, wire = await stage.connect(TOM)
        hub.ephemera.presence(phone, "away")
        hub.ephemera.presence(desk, "online")
        await stage.pass_time(1)
        hub.leave(desk)
        await stage.pass_time(1)
        hub.leave(phone)
        await stage.pass_time(1)
        assert [shown["data"]["state"] for shown in told(wire, "ephemeral")] == ["online", "away", "offline"]
        assert hub.sizes()["present"] == 0


async def test_a_newcomer_is_told_who_is_there_unless_it_may_not_know() -> None:
    stage = Stage(hidden_from=TOM.id)
    async with stage.playing() as hub:
        mara, _ = await stage.connect(MARA)
        hub.ephemera.presence(mara, "online")
        await stage.pass_time(1)
        _, hidden = await stage.connect(TOM)
        _, shown = await stage.connect(Principal(type="user", id="usr_ilse"))
        _, elsewhere = await stage.connect(Principal(type="user", id="usr_jan"), parse_topics(["me"]))
        assert [len(told(wire, "ephemeral")) for wire in (hidden, shown, elsewhere)] == [0, 1, 0]


async def test_typing_goes_only_to_who_may_see_the_conversation_and_has_nothing_waiting() -> None:
    stage = Stage(hidden_from=TOM.id)
    async with stage.playing() as hub:
        await stage.connect(MARA)
        _, hidden = await stage.connect(TOM)
        _, ilse = await stage.connect(Principal(type="user", id="usr_ilse"))
        _, busy = await stage.connect(Principal(type="user", id="usr_jan"))
        busy.reading = False
        stage.log.append()
        await stage.pass_time(1)
        hub.ephemera.typing(MARA, "cnv_1", Audience(conversation_id="cnv_1"))
        busy.flush()
        assert [len(told(wire, "ephemeral")) for wire in (hidden, ilse, busy)] == [0, 1, 0]


async def test_typing_is_news_once_in_a_while_and_what_is_remembered_is_bounded() -> None:
    stage = Stage()
    async with stage.playing() as hub:
        assert hub.ephemera.may_type(MARA, "cnv_1")
        assert not hub.ephemera.may_type(MARA, "cnv_1")
        assert hub.ephemera.may_type(TOM, "cnv_1")
        await stage.pass_time(4)
        assert hub.sizes()["typing"] == 0
        assert hub.ephemera.may_type(MARA, "cnv_1")
        for n in range(MAX_TYPING + 10):
            hub.ephemera.may_type(MARA, f"cnv_{n}")
        assert hub.sizes()["typing"] == MAX_TYPING
