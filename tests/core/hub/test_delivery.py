"""The promise of the stream, under any interleaving: no gap, no duplicate, no reorder, nobody's event to another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from patchbay.bus.local import LocalBus
from patchbay.hub.connection import Connection, State
from patchbay.hub.frames import Resume, resync_frame
from patchbay.hub.hub import Hub
from patchbay.hub.tail import Bounds, Lost
from patchbay.hub.topics import Topics, parse_topics
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.settings import SocketSettings
from patchbay.testing.clock import FakeClock
from patchbay.testing.watching import HeldWire, MemoryLog

BOUNDS = Bounds(batch_events=5, batch_bytes=1_200, window_events=8, window_bytes=4_000, slice_connections=2)
BACKLOG_BYTES = 64 * 1024
LARGEST = 30_000  # bytes of one event
ROOMS = ("a", "b")
TOPICS = (parse_topics(["inbox"]), parse_topics(["conversation:a"]), parse_topics(["conversation:b", "me"]))
PEOPLE = tuple(Principal(type="user", id=name) for name in ("mara", "ilse", "tom"))


def sees(principal: Principal, event: Event) -> bool:
    """Tom may not see room b."""
    return principal.id != "tom" or event.audience.conversation_id != "b"


@dataclass(eq=False)
class Client:
    """One connection, and what a correct client makes of it: where it began, what it must have received by now."""

    wire: HeldWire
    connection: Connection
    principal: Principal
    topics: Topics
    began_at: int

    def received(self) -> list[tuple[int, list[int]]]:
        """Positions of events since each start: the welcome's position, then that of every resync."""
        spans: list[tuple[int, list[int]]] = [(self.began_at, [])]
        for message in self.wire.messages():
            if message["op"] == "resync":
                spans.append((message["position"], []))
            elif message["op"] == "event":
                spans[-1][1].append(message["position"])
        return spans


class World:
    """A hub on a log, clients, and everything that may happen to them; the loop runs only when told, a few steps at a
    time, so that anything can come between any two steps."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self.failures: list[dict[str, Any]] = []
        self.pauses = 0
        self.log = MemoryLog(pauses=lambda: self.pauses)
        self.clock = FakeClock()
        self.bus = LocalBus()
        self.clients: list[Client] = []
        self.left: list[Client] = []
        self.withdrawn: set[str] = set()
        self.rights_down = False
        self.hub = Hub(
            self.log,
            self.bus,
            self.clock,
            settings=SocketSettings(max_backlog_bytes=BACKLOG_BYTES, per_principal=1_000),
            sees=sees,
            still_valid=self.still_valid,
            spawn=lambda work, name: self.loop.create_task(work, name=name),
            bounds=BOUNDS,
        )

    async def still_valid(self, principal: Principal) -> bool:
        for _ in range(self.pauses):
            await asyncio.sleep(0)
        if self.rights_down:
            raise OSError("nobody answers")
        return principal.id not in self.withdrawn

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    async def open(self) -> None:
        await self.bus.open()
        await self.hub.open()

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    def commit(self, rooms: list[str], size: int, rung: bool) -> None:
        for room in rooms:
            self.log.append(data={"text": "x" * size}, audience=Audience(conversation_id=room))
        if rung:
            self.bus.ring(len(self.log.events))

    def pass_time(self, seconds: float, count: int) -> None:
        self.run(self.clock.advance(seconds))
        self.run(self.steps(count))

    def prune(self, share: float) -> None:
        self.log.prune(int(len(self.log.events) * share))

    def connect(self, who: Principal, resume: Resume | None, topics: Topics) -> None:
        if self.log.down:
            return
        wire = HeldWire()
        connection = self.hub.greet(wire, "ses_1")
        self.hub.join(connection, who, topics, self.clock.monotonic())
        lost: Lost | None = None
        try:
            position = self.run(self.hub.start(resume))
            assert resume is None or resume.position == position
        except Lost as refusal:
            lost = refusal
            position = lost.head
            connection.write(resync_frame(lost.reason, lost.head))
        if resume is not None:
            reached = resume.epoch == "epoch-1" and resume.position <= len(self.log.events)
            if lost is None:
                assert reached
            else:
                assert not (reached and resume.position >= self.log.pruned)
        self.hub.begin(connection, position)
        self.clients.append(Client(wire, connection, who, topics, position))

    def disconnect(self, client: Client) -> None:
        self.clients.remove(client)
        self.left.append(client)
        self.hub.leave(client.connection)

    def set_reading(self, client: Client, reading: bool) -> None:
        client.wire.reading = reading
        if reading:
            client.wire.flush()

    def withdraw(self, who: Principal, withdrawn: bool) -> None:
        (self.withdrawn.add if withdrawn else self.withdrawn.discard)(who.id)

    def check(self) -> None:
        """Everybody has a prefix of what it may see, and nothing grows."""
        assert not self.failures
        for client in self.clients + self.left:
            for start, positions in client.received():
                upto = positions[-1] if positions else start
                assert positions == self.visible(client, start, upto)
        for client in self.clients:
            assert client.wire.largest_buffer <= BACKLOG_BYTES + LARGEST + BOUNDS.batch_bytes
        sizes = self.hub.sizes()
        assert sizes["window_events"] <= BOUNDS.window_events
        assert sizes["connections"] == len(self.clients)
        assert sizes["live"] + sizes["draining"] <= len(self.clients)
        assert sizes["behind"] <= len(self.clients) + len(self.left)

    def visible(self, client: Client, after: int, upto: int) -> list[int]:
        return [
            event.position
            for event in self.log.events[after:upto]
            if client.topics.matches(client.principal, event.audience) and sees(client.principal, event)
        ]

    def settle(self, steps_before_close: int) -> None:
        """Once everything works again, everybody who stayed has everything; nothing is left behind when it closes."""
        self.log.down = self.rights_down = False
        self.pauses = 0
        self.withdrawn.clear()
        self.connect(PEOPLE[0], None, TOPICS[0])
        self.commit(["a", "b", "a"], 10, rung=False)  # polling finds what no ring told of
        for _ in range(12):
            for client in self.clients:
                self.set_reading(client, True)
            self.pass_time(1.0, 200 + 4 * (len(self.log.events) + len(self.clients)))
            self.pass_time(0.03, 50)
        self.check()
        for client in self.clients:
            if client.connection.state is State.CLOSING:
                assert client.wire.close_code in (4003, 4008) or client.wire.aborted
            else:
                assert client.connection.state is State.LIVE
                start, positions = client.received()[-1]
                assert positions == self.visible(client, start, len(self.log.events))
        self.commit(["a"] * 12, 300, rung=True)
        self.run(self.steps(steps_before_close))
        self.run(self.close())
        assert not self.failures

    async def close(self) -> None:
        live = [client for client in self.clients if client.connection.state is State.LIVE]
        closing = asyncio.ensure_future(self.hub.close())
        await self.steps(500)
        for client in self.clients:
            assert client.wire.close_code is not None or client.wire.aborted
            self.hub.leave(client.connection)
        await closing
        for client in live:
            start, positions = client.received()[-1]
            assert positions == self.visible(client, start, len(self.log.events))
        await self.bus.close()
        assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        sizes = self.hub.sizes()
        assert sizes["connections"] == sizes["live"] == sizes["principals"] == sizes["waiting"] == 0

    def end(self) -> None:
        """Let go of the loop, whatever happened."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.run(self.steps(3))
        self.loop.close()


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(n, marks=pytest.mark.long) for n in range(8, 100))])
def test_a_day_with_everything_that_can_go_wrong_keeps_the_promise(seed: int) -> None:
    chance = random.Random(seed)
    world = World()
    actions: list[tuple[int, Callable[[], None]]] = [
        (
            30,
            lambda: world.commit(
                chance.choices(ROOMS, k=chance.randint(1, 9)), chance.randint(0, 700), chance.random() < 0.8
            ),
        ),
        (5, lambda: world.commit(["a"] * chance.randint(1, 3), chance.randint(15_000, LARGEST - 500), True)),
        (30, lambda: world.run(world.steps(chance.randint(1, 40)))),
        (8, lambda: world.pass_time(chance.choice((0.02, 0.02, 0.5, 1.0, 4.0)), chance.randint(0, 30))),
        (9, lambda: world.connect(chance.choice(PEOPLE), resume_near(world, chance), chance.choice(TOPICS))),
        (2, lambda: world.disconnect(chance.choice(world.clients)) if world.clients else None),
        (6, lambda: world.set_reading(chance.choice(world.clients), False) if world.clients else None),
        (7, lambda: world.set_reading(chance.choice(world.clients), True) if world.clients else None),
        (3, lambda: chance.choice(world.clients).wire.flush(chance.randint(1, 40_000)) if world.clients else None),
        (3, lambda: setattr(world, "pauses", chance.choice((0, 0, 1, 3, 7)))),
        (1, lambda: setattr(world.log, "down", True)),
        (4, lambda: setattr(world.log, "down", False)),
        (1, lambda: world.prune(chance.random())),
        (1, lambda: world.withdraw(chance.choice(PEOPLE), chance.random() < 0.3)),
        (1, lambda: setattr(world, "rights_down", chance.random() < 0.3)),
    ]
    try:
        world.run(world.open())
        for action in chance.choices([action for _, action in actions], [weight for weight, _ in actions], k=250):
            action()
        world.check()
        world.settle(chance.randint(0, 12))
    finally:
        world.end()


def resume_near(world: World, chance: random.Random) -> Resume | None:
    """A position around the head, mostly one that a client could have; sometimes none, sometimes of another log."""
    if chance.random() < 0.3:
        return None
    position = max(0, len(world.log.events) - chance.choice((-1, 0, 0, 1, 2, 3, 5, 8, 20, 60)))
    return Resume(epoch="epoch-0" if chance.random() < 0.05 else "epoch-1", position=position)


class Watching(RuleBasedStateMachine):
    """The same world, in the order that hypothesis finds interesting, and shrinks."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize(before=st.integers(0, 12))
    def begin(self, before: int) -> None:
        self.world.commit(["a"] * before, 10, False)
        self.world.run(self.world.open())

    @rule(rooms=st.lists(st.sampled_from(ROOMS), min_size=1, max_size=12), size=st.integers(0, 700), rung=st.booleans())
    def commit(self, rooms: list[str], size: int, rung: bool) -> None:
        self.world.commit(rooms, size, rung)

    @rule(size=st.integers(15_000, LARGEST - 500), count=st.integers(1, 4), steps=st.integers(0, 30))
    def commit_much(self, size: int, count: int, steps: int) -> None:
        self.world.commit(["a"] * count, size, True)
        self.world.run(self.world.steps(steps))

    @rule(count=st.integers(1, 60))
    def let_run(self, count: int) -> None:
        self.world.run(self.world.steps(count))

    @rule(seconds=st.sampled_from((0.02, 0.5, 1.0, 4.0)), count=st.integers(0, 30))
    def let_time_pass(self, seconds: float, count: int) -> None:
        self.world.pass_time(seconds, count)

    @rule(pauses=st.integers(0, 7), down=st.booleans(), share=st.none() | st.floats(0, 1))
    def trouble_the_log(self, pauses: int, down: bool, share: float | None) -> None:
        self.world.pauses = pauses
        self.world.log.down = down
        if share is not None:
            self.world.prune(share)

    @rule(who=st.sampled_from(PEOPLE), withdrawn=st.booleans(), down=st.booleans())
    def trouble_the_rights(self, who: Principal, withdrawn: bool, down: bool) -> None:
        self.world.withdraw(who, withdrawn)
        self.world.rights_down = down

    @rule(who=st.sampled_from(PEOPLE), back=st.none() | st.integers(-2, 25), topics=st.sampled_from(TOPICS))
    def connect(self, who: Principal, back: int | None, topics: Topics) -> None:
        position = max(0, len(self.world.log.events) - (back or 0))
        self.world.connect(who, None if back is None else Resume(epoch="epoch-1", position=position), topics)

    @precondition(lambda self: self.world.clients)
    @rule(data=st.data(), reading=st.booleans(), size=st.integers(0, 40_000))
    def stop_or_go_on_reading(self, data: st.DataObject, reading: bool, size: int) -> None:
        client = data.draw(st.sampled_from(self.world.clients))
        self.world.set_reading(client, reading)
        client.wire.flush(size)

    @precondition(lambda self: self.world.clients)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        self.world.disconnect(data.draw(st.sampled_from(self.world.clients)))

    @invariant()
    def every_client_has_a_prefix_of_what_it_may_see(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        try:
            if self.world.hub.tail.epoch:
                self.world.settle(2)
        finally:
            self.world.end()


Watching.TestCase.settings = settings(
    max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestWatching = Watching.TestCase
