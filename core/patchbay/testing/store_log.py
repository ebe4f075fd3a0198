"""The store's contract, fourth part: the log of events, and what retention leaves of everything."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import Raw
from msgspec import json as msgjson

from patchbay.errors import Conflict
from patchbay.model.event import Audience, NewEvent
from patchbay.model.message import Actor
from patchbay.ports import Batch, Store
from patchbay.testing.store_samples import (
    MUCH,
    NOON,
    TICKETS,
    StoreCase,
    box,
    event,
    inserts,
    raw,
    settled,
    ticket,
    update,
)

OLD = NOON - timedelta(days=10)
LONG_AGO = NOON - timedelta(days=20)


async def positions(store: Store, after: int = 0, limit: int = 100_000) -> list[int]:
    return [found.position for found in await store.read(after, limit)]


class StoreLog(StoreCase):
    async def test_a_new_log_is_empty(self, store: Store) -> None:
        assert (await store.head(), await store.oldest(), await store.read(0, 10)) == (0, 1, [])

    async def test_an_event_comes_back_as_it_was(self, store: Store) -> None:
        given = NewEvent(
            type="box.moved",
            subject_type="box",
            subject_id="b1 ☃",
            actor=Actor(type="agent", id="u1", name="Zoë"),
            audience=Audience(account_id="a", thread_id="t", conversation_id="c", assignee_id="u", user_id="v"),
            causation_id="evt_0",
            depth=3,
            data=Raw(b'{"a":[1,2,{"b":"\xc3\xa9 \\u0000"}],"c":null}'),
            occurred_at=NOON + timedelta(milliseconds=123),
        )
        assert await store.commit(Batch(events=[given])) == [1]
        (found,) = await store.read(0, 10)
        assert found.position == 1
        for name in ("type", "subject_type", "subject_id", "actor", "audience", "causation_id", "depth", "occurred_at"):
            assert getattr(found, name) == getattr(given, name)
        assert bytes(found.data) == bytes(given.data)

    async def test_it_is_the_same_after_a_restart(self, tmp_path: Path) -> None:
        audience = Audience(conversation_id="c", department_id="d")
        given = [event(number, audience=audience, causation_id=str(number)) for number in range(300)]
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(events=given))
            before = msgjson.encode(await store.read(0, 1_000))
        async with self.opened(tmp_path) as store:
            assert msgjson.encode(await store.read(0, 1_000)) == before
            assert [bytes(found.data) for found in await store.read(150, 2)] == [
                bytes(given[150].data),
                bytes(given[151].data),
            ]

    async def test_positions_are_dense_and_in_order(self, store: Store) -> None:
        assert await store.commit(Batch(events=[event(1), event(2)])) == [1, 2]
        assert await store.commit(Batch(events=[event(3)])) == [3]
        assert await store.commit(Batch(puts=inserts(box("b1")))) == []
        assert await store.commit(Batch(events=[event(number) for number in range(4, 300)])) == list(range(4, 300))
        assert [found.subject_id for found in await store.read(0, 500)] == [f"box_{number}" for number in range(1, 300)]
        assert await store.head() == 299

    async def test_positions_are_dense_when_many_commit_and_some_fail(self, store: Store) -> None:
        async def one(number: int) -> list[int]:
            batch = Batch(events=[event(number) for _ in range(number % 4)])
            if number % 5 == 0:
                batch.puts.append(update(box("nobody")))
            try:
                return await store.commit(batch)
            except Conflict:
                return []

        given = await asyncio.gather(*[one(number) for number in range(200)])
        flat = sorted([position for group in given for position in group])
        assert flat == list(range(1, len(flat) + 1))
        assert await store.head() == len(flat)
        assert await positions(store) == flat
        for group in given:
            assert group == list(range(group[0], group[0] + len(group))) if group else True

    async def test_a_reader_that_follows_misses_nothing(self, store: Store) -> None:
        seen: list[int] = []

        async def follow() -> None:
            while len(seen) < 400:
                seen.extend(await positions(store, seen[-1] if seen else 0, 7))
                await asyncio.sleep(0)

        async def write(number: int) -> None:
            for _ in range(10):
                await store.commit(Batch(events=[event(number)] * (1 + number % 3 % 2)))

        writers = [write(number) for number in range(30)]
        await asyncio.gather(follow(), *writers)
        assert seen[:400] == list(range(1, 401))

    @pytest.mark.parametrize(
        ("after", "limit", "expected"),
        [
            (0, 3, [1, 2, 3]),
            (7, 100, [8, 9, 10]),
            (10, 5, []),
            (99, 5, []),
            (-5, 2, [1, 2]),
            (3, 1, [4]),
            (3, 0, []),
            (0, 10**12, list(range(1, 11))),
        ],
    )
    async def test_reads_are_bounded(self, tmp_path: Path, after: int, limit: int, expected: list[int]) -> None:
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(events=[event(number) for number in range(6)]))
            for number in range(6, 10):
                await store.commit(Batch(events=[event(number)]))
            assert await positions(store, after, limit) == expected
        async with self.opened(tmp_path) as store:
            assert await positions(store, after, limit) == expected

    async def test_far_behind_and_close_up_read_alike(self, store: Store) -> None:
        data = Raw(b'"' + b"x" * 2_000 + b'"')
        for start in range(0, 12_000, 500):
            await store.commit(
                Batch(
                    events=[
                        NewEvent(
                            type="t",
                            subject_type="s",
                            subject_id=str(number),
                            actor=Actor(type="system"),
                            data=data,
                            occurred_at=NOON,
                        )
                        for number in range(start, start + 500)
                    ]
                )
            )
        seen: list[str] = []
        while batch := await store.read(len(seen), 700):
            seen += [found.subject_id for found in batch]
        assert seen == [str(number) for number in range(12_000)]

    async def test_the_log_goes_on_after_a_restart(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(events=[event(1), event(2)]))
            epoch = await store.epoch()
        async with self.opened(tmp_path) as store:
            assert (await store.epoch(), await store.head(), await store.oldest()) == (epoch, 2, 1)
            assert await store.commit(Batch(events=[event(3)])) == [3]
            assert await positions(store) == [1, 2, 3]

    async def test_another_log_has_another_epoch(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path / "one") as one, self.opened(tmp_path / "two") as two:
            assert await one.epoch() != await two.epoch()
            assert await one.epoch() == await one.epoch() != ""

    async def test_pruning_drops_the_old_end_of_the_log(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            for number in range(10):
                await store.commit(Batch(events=[event(number, at=OLD)] * 3))
            await store.commit(Batch(events=[event(10, at=NOON)]))
            assert await store.prune(NOON) == 30
            assert (await store.head(), await store.oldest(), await positions(store)) == (31, 31, [31])
            assert await positions(store, 31) == []
        async with self.opened(tmp_path) as store:
            assert (await store.head(), await store.oldest(), await positions(store)) == (31, 31, [31])

    async def test_positions_are_not_used_again_when_everything_was_pruned(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            await store.commit(Batch(events=[event(number, at=OLD) for number in range(5)]))
            assert await store.prune(NOON) == 5
            assert (await store.head(), await store.oldest(), await store.read(0, 10)) == (5, 6, [])
        async with self.opened(tmp_path) as store:
            assert (await store.head(), await store.oldest(), await store.read(0, 10)) == (5, 6, [])
            assert await store.commit(Batch(events=[event(9)])) == [6]
            assert await positions(store) == [6]

    async def test_pruning_stops_at_the_first_event_that_is_kept(self, store: Store) -> None:
        for at in (OLD, NOON, OLD, NOON):
            await store.commit(Batch(events=[event(at=at)]))
        assert await store.prune(NOON) == 1
        assert await positions(store) == [2, 3, 4]

    async def test_pruning_twice_finds_nothing_more(self, store: Store) -> None:
        await store.commit(Batch(events=[event(at=OLD)]))
        assert await store.prune(NOON) == 1
        assert await store.prune(NOON) == 0
        assert await store.prune(LONG_AGO) == 0

    async def test_pruning_drops_settled_raw_events_only(self, tmp_path: Path) -> None:
        async with self.opened(tmp_path) as store:
            old = [await store.append(raw(str(number).encode(), at=OLD)) for number in range(6)]
            new = await store.append(raw(b"new", at=NOON))
            await store.commit(Batch(settlements=[settled(raw_id) for raw_id in [*old[:2], *old[3:], new]]))
            assert await store.prune(NOON) == 5
            assert [raw_id for raw_id in [*old, new] if await store.raw(raw_id)] == [old[2], new]
            assert await store.pending() == 1
            assert [given.body for given in await store.claim("me", 9, MUCH)] == [b"2"]
        async with self.opened(tmp_path) as store:
            assert await store.pending() == 1
            assert [given.id for given in await store.claim("me", 9, MUCH)] == [old[2]]

    async def test_pruning_drops_records_that_expired_before(self, store: Store) -> None:
        moments = [LONG_AGO, OLD, NOON, NOON + timedelta(days=1)]
        await self.commit(store, *[ticket(f"t{number}", at) for number, at in enumerate(moments)])
        assert await store.prune(NOON) == 2
        assert set(await store.get_many(TICKETS, ["t0", "t1", "t2", "t3"])) == {"t2", "t3"}
        await self.commit(store, ticket("t0", NOON))

    async def test_pruning_much_while_others_write(self, store: Store) -> None:
        for _ in range(40):
            await store.commit(Batch(events=[event(at=OLD)] * 50))
        ids = await asyncio.gather(*[store.append(raw(at=OLD)) for _ in range(1_000)])
        await store.commit(Batch(settlements=[settled(raw_id) for raw_id in ids]))

        async def write() -> list[int]:
            given: list[int] = []
            for number in range(50):
                given += await store.commit(Batch(events=[event(number)]))
            return given

        dropped, given = await asyncio.gather(store.prune(NOON), write())
        assert dropped == 3_000
        assert given == list(range(2_001, 2_051))
        assert await positions(store) == given
        assert await store.pending() == 0
