"""Listeners are told of everything, in order, at least once, and a bad one costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from patchbay.bus.local import LocalBus
from patchbay.collections import CORE_COLLECTIONS, CURSORS
from patchbay.inbox.unit import UnitOfWork
from patchbay.listening import Listening
from patchbay.model.event import Event
from patchbay.service import Inbox
from patchbay.storage.sqlite.store import SqliteStore
from patchbay.system import SystemIds
from patchbay.testing import FakeClock


class Diary:
    """Writes down what it is told; ``fails`` says how often it refuses first."""

    name = "diary"

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.told: list[str] = []
        self.changed = asyncio.Event()

    async def on_events(self, events: Sequence[Event]) -> None:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("not now")
        self.told.extend(event.subject_id for event in events)
        self.changed.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.told) < count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    store = SqliteStore(tmp_path / "listening.db")
    await store.open(CORE_COLLECTIONS)
    bus = LocalBus()
    await bus.open()
    yield Inbox(store, bus, FakeClock(), SystemIds())
    await bus.close()
    await store.close()


async def happen(inbox: Inbox, *names: str) -> None:
    def command(uow: UnitOfWork) -> None:
        for name in names:
            uow.emit("thing.happened", "thing", name, {"name": name})

    await inbox.run(command)


async def test_a_listener_is_told_in_order_and_goes_on_where_it_was_after_a_restart(inbox: Inbox) -> None:
    await happen(inbox, "before it was there")
    diary = Diary()
    first = Listening(diary, inbox)
    running = asyncio.create_task(first.run())
    await _known(inbox)
    await happen(inbox, "a", "b")
    first.ring()
    await diary.until(2)
    first.stop()
    await running
    await happen(inbox, "c")
    again = Diary()
    second = Listening(again, inbox)
    running = asyncio.create_task(second.run())
    await again.until(1)
    second.stop()
    await running
    assert (diary.told, again.told) == (["a", "b"], ["c"])


async def _known(inbox: Inbox) -> None:
    """Return once the listener's first cursor is kept."""
    async with asyncio.timeout(10):
        while await inbox.store.get(CURSORS, "diary") is None:
            await asyncio.sleep(0.01)


async def test_a_listener_that_fails_is_told_again(inbox: Inbox) -> None:
    diary = Diary(fails=2)
    listening = Listening(diary, inbox)
    running = asyncio.create_task(listening.run())
    await _known(inbox)
    await happen(inbox, "a", "b", "c")
    listening.ring()
    clock = inbox.clock
    assert isinstance(clock, FakeClock)
    async with asyncio.timeout(10):
        while len(diary.told) < 3:
            await clock.advance(1.0)
            await asyncio.sleep(0.01)
    listening.stop()
    await running
    assert diary.told == ["a", "b", "c"]
