"""The tail of the log: by position, whole, bounded."""

from __future__ import annotations

import asyncio

import pytest

from patchbay.hub.batch import Batch
from patchbay.hub.frames import Resume
from patchbay.hub.tail import Bounds, Lost, Tail
from patchbay.model.event import Event
from patchbay.testing.watching import MemoryLog

BOUNDS = Bounds(batch_events=4, batch_bytes=900, window_events=6, window_bytes=3_000)


class HoledLog(MemoryLog):
    """Some commits are not to be seen yet, though later ones are."""

    hidden: frozenset[int] = frozenset()

    async def read(self, after: int, limit: int) -> list[Event]:
        return [event for event in await super().read(after, limit) if event.position not in self.hidden]


async def tail_of(log: MemoryLog) -> Tail:
    tail = Tail(log, BOUNDS)
    await tail.open()
    return tail


async def pumped(tail: Tail) -> None:
    while batches := await tail.fetch():
        for batch in batches:
            tail.accept(batch)


def positions(batches: list[Batch]) -> list[int]:
    return [event.position for batch in batches for event in batch.events]


async def read_latest(tail: Tail, after: int) -> list[int]:
    batch = await tail.latest(after)
    return [] if batch is None else positions([batch])


async def read_all(tail: Tail, after: int) -> list[int]:
    found: list[int] = []
    while batch := await tail.read(after):
        found += [event.position for event in batch.after(after)]
        after = batch.last
    return found


async def test_it_begins_at_the_head_and_reads_what_comes() -> None:
    log = MemoryLog()
    log.append()
    tail = await tail_of(log)
    assert (tail.position, tail.epoch) == (1, "epoch-1")
    assert await tail.fetch() == []
    log.append()
    assert positions(await tail.fetch()) == [2]


async def test_whether_from_memory_or_from_the_log_the_events_are_the_same() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for size in (10, 300, 20, 800, 5, 900, 900, 1, 2, 3):
        log.append(data="x" * size)
    await pumped(tail)
    assert 4 <= tail.sizes()["window_events"] <= 6
    for after in range(11):
        assert await read_all(tail, after) == list(range(after + 1, 11))


async def test_what_is_in_memory_is_not_read_again() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for _ in range(6):
        log.append()
    await pumped(tail)
    reads = log.reads
    assert await read_all(tail, 0) == [1, 2, 3, 4, 5, 6]
    assert log.reads == reads


async def test_a_batch_is_bounded_by_count_and_by_bytes_but_has_one_event() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for size in (10, 10, 10, 10, 10, 500, 500, 5_000, 10):
        log.append(data="x" * size)
    await pumped(tail)
    sizes = []
    after = 0
    while batch := await tail.read(after):
        after = batch.last
        sizes.append(len(batch.events))
    assert sizes == [4, 2, 1, 1, 1]
    batches = await Tail(log, Bounds(batch_bytes=900)).fetch()
    assert [len(batch.events) for batch in batches] == [5, 1, 1, 1, 1]
    assert all(len(batch.wire) <= batch.size <= 900 for batch in batches if len(batch.events) > 1)


async def test_whoever_reads_on_in_the_middle_of_a_batch_is_given_what_comes_after() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for _ in range(4):
        log.append()
    await pumped(tail)
    batch = await tail.read(2)
    assert batch is not None
    assert [event.position for event in batch.after(2)] == [3, 4]


async def test_small_commits_are_read_several_at_once_by_whoever_is_behind() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for size in (10, 10, 300, 10, 10, 700):
        log.append(data="x" * size)
        await pumped(tail)
    found = []
    after = 0
    while batch := await tail.read(after):
        found.append(positions([batch]))
        after = batch.last
        assert len(batch.wire) <= batch.size <= 900
    assert found == [[1, 2, 3], [4, 5], [6]]


async def test_memory_is_bounded_by_bytes_too() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    for _ in range(5):
        log.append(data="x" * 1_400)
    await pumped(tail)
    assert tail.sizes()["window_bytes"] <= 3_000
    assert tail.position == 5


async def test_a_hole_is_waited_for_and_what_lies_past_it_too() -> None:
    log = HoledLog()
    tail = await tail_of(log)
    for _ in range(4):
        log.append()
    log.hidden = frozenset({2})
    assert positions(await tail.fetch()) == [1]
    await pumped(tail)
    assert tail.position == 1
    log.hidden = frozenset()
    await pumped(tail)
    assert tail.position == 4


async def test_what_is_no_longer_kept_is_lost() -> None:
    log = MemoryLog()
    for _ in range(20):
        log.append()
    log.prune(9)
    tail = await tail_of(log)
    assert await tail.start(Resume(epoch="epoch-1", position=9)) == 9
    for after in (0, 8):
        with pytest.raises(Lost) as lost:
            await tail.read(after)
        assert (lost.value.reason, lost.value.head) == ("expired", 20)
        with pytest.raises(Lost):
            await tail.start(Resume(epoch="epoch-1", position=after))
    log.prune(20)
    with pytest.raises(Lost):
        await tail.read(15)


@pytest.mark.parametrize(
    ("resume", "reason"), [(Resume(epoch="other", position=1), "epoch"), (Resume(epoch="epoch-1", position=4), "ahead")]
)
async def test_a_position_of_another_log_or_past_the_head_is_lost(resume: Resume, reason: str) -> None:
    log = MemoryLog()
    for _ in range(3):
        log.append()
    tail = await tail_of(log)
    with pytest.raises(Lost) as lost:
        await tail.start(resume)
    assert (lost.value.reason, lost.value.head) == (reason, 3)


async def test_a_position_that_another_gateway_has_seen_already_is_good() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    log.append()
    assert await tail.start(Resume(epoch="epoch-1", position=1)) == 1
    assert await tail.read(1) is None
    assert await read_latest(tail, 0) == [1]


async def test_who_waits_is_woken_by_the_next_event_by_time_and_by_the_end() -> None:
    log = MemoryLog()
    tail = await tail_of(log)
    waiting = [asyncio.ensure_future(tail.wait(0, 30)) for _ in range(3)]
    await asyncio.sleep(0)
    assert tail.sizes()["waiting"] == 3
    log.append()
    await pumped(tail)
    await asyncio.gather(*waiting)
    await tail.wait(0, 30)
    await tail.wait(1, 0.01)
    last = asyncio.ensure_future(tail.wait(1, 30))
    await asyncio.sleep(0)
    tail.close()
    await last
    assert tail.sizes()["waiting"] == 0
