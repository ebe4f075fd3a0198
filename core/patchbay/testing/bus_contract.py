"""What every ``patchbay.ports.Bus`` has to do, as tests to inherit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from patchbay.ports import Bus

PATIENCE_S = 5.0


async def heard(listener: AsyncIterator[int]) -> int:
    """The next position, within five seconds."""
    async with asyncio.timeout(PATIENCE_S):
        return await anext(listener)


async def heard_at_last(listener: AsyncIterator[int], position: int) -> int:
    """Listen until this position comes; older ones may come before it."""
    while (newest := await heard(listener)) < position:
        pass
    return newest


class BusContract:
    """Inherit, name the class ``Test...`` and give ``make_bus``.

    ``make_bus`` gives a bus that is not open yet.
    """

    def make_bus(self) -> Bus:
        raise NotImplementedError

    @asynccontextmanager
    async def open_bus(self) -> AsyncIterator[Bus]:
        bus = self.make_bus()
        await bus.open()
        try:
            yield bus
        finally:
            await bus.close()

    async def test_a_listener_hears_what_is_rung_after_it_began(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            bus.ring(7)
            assert await heard(listener) == 7

    async def test_a_listener_that_waits_is_woken(self) -> None:
        async with self.open_bus() as bus:
            waiting = asyncio.ensure_future(heard(bus.listen()))
            await asyncio.sleep(0)
            bus.ring(3)
            assert await waiting == 3

    async def test_a_slow_listener_gets_only_the_newest(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            for position in range(1, 1_001):
                bus.ring(position)
            assert await heard_at_last(listener, 1_000) == 1_000

    async def test_rings_are_heard_one_after_another(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            for position in (1, 2, 3):
                bus.ring(position)
                assert await heard(listener) == position

    async def test_every_listener_hears(self) -> None:
        async with self.open_bus() as bus:
            listeners = [bus.listen() for _ in range(20)]
            bus.ring(5)
            assert [await heard(listener) for listener in listeners] == [5] * 20

    async def test_a_listener_that_never_asks_harms_nobody(self) -> None:
        async with self.open_bus() as bus:
            silent, listener = bus.listen(), bus.listen()
            for position in range(1, 10_001):
                bus.ring(position)
            assert await heard_at_last(listener, 10_000) == 10_000
            assert silent is not listener

    async def test_ringing_with_nobody_listening_is_fine(self) -> None:
        async with self.open_bus() as bus:
            bus.ring(1)
            listener = bus.listen()
            bus.ring(2)
            assert await heard_at_last(listener, 2) == 2

    async def test_a_forgotten_listener_is_no_burden(self) -> None:
        async with self.open_bus() as bus:
            for _ in range(100):
                bus.listen()
            listener = bus.listen()
            bus.ring(9)
            assert await heard(listener) == 9

    async def test_a_cancelled_listener_can_ask_again(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            waiting = asyncio.ensure_future(anext(listener))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            listener = bus.listen()
            bus.ring(4)
            assert await heard(listener) == 4

    async def test_closing_ends_the_listeners(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            waiting = asyncio.ensure_future(heard(listener))
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await waiting

    async def test_ringing_a_closed_bus_is_silent(self) -> None:
        bus = self.make_bus()
        bus.ring(1)
        await bus.open()
        await bus.close()
        bus.ring(2)

    async def test_closing_twice_is_harmless(self) -> None:
        bus = self.make_bus()
        await bus.open()
        await bus.close()
        await bus.close()

    async def test_it_can_be_opened_again(self) -> None:
        bus = self.make_bus()
        for position in (1, 2):
            await bus.open()
            listener = bus.listen()
            bus.ring(position)
            assert await heard(listener) == position
            await bus.close()

    async def test_a_position_rung_late_does_not_hide_a_newer_one(self) -> None:
        async with self.open_bus() as bus:
            listener = bus.listen()
            bus.ring(8)
            bus.ring(6)
            assert await heard_at_last(listener, 8) == 8


class SharedBusContract(BusContract):
    """For a bus that joins processes: two that ``make_bus`` gives in one test ring each other."""

    async def test_another_bus_on_the_same_line_is_heard(self) -> None:
        async with self.open_bus() as here, self.open_bus() as there:
            listener = here.listen()
            there.ring(11)
            assert await heard_at_last(listener, 11) == 11

    async def test_both_hear_each_other(self) -> None:
        async with self.open_bus() as here, self.open_bus() as there:
            listeners = [here.listen(), there.listen()]
            here.ring(1)
            there.ring(2)
            assert [await heard_at_last(listener, 2) for listener in listeners] == [2, 2]
