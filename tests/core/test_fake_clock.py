import asyncio
from datetime import timedelta

from patchbay.ports import Clock
from patchbay.testing import FakeClock


async def test_time_stands_still_until_it_is_moved() -> None:
    clock = FakeClock()
    as_port: Clock = clock
    began = as_port.now()
    assert (as_port.now(), as_port.monotonic()) == (began, 0.0)
    await clock.advance(1.5)
    assert (as_port.now() - began, as_port.monotonic()) == (timedelta(seconds=1.5), 1.5)


async def test_sleepers_wake_in_the_order_of_their_moments() -> None:
    clock = FakeClock()
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for seconds in naps:
            await clock.sleep(seconds)
            woke.append((name, clock.monotonic()))

    tasks = [
        asyncio.ensure_future(sleeper("a", 3, 3)),
        asyncio.ensure_future(sleeper("b", 2, 2, 2)),
        asyncio.ensure_future(sleeper("c", 99)),
    ]
    await asyncio.sleep(0)
    assert clock.sleepers == 3
    await clock.advance(6)
    assert woke == [("b", 2), ("a", 3), ("b", 4), ("a", 6), ("b", 6)]
    tasks[2].cancel()
    await asyncio.wait(tasks)
    assert clock.sleepers == 0


async def test_a_jump_of_the_wall_clock_wakes_nobody() -> None:
    clock = FakeClock()
    began = clock.now()
    sleeping = asyncio.ensure_future(clock.sleep(1))
    await asyncio.sleep(0)
    clock.jump(-3600)
    assert clock.now() == began - timedelta(hours=1)
    assert not sleeping.done()
    await clock.advance(1)
    assert sleeping.done()
    await clock.sleep(0)
