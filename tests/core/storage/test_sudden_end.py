"""Who is suspected after a process ended with raw events in hand. An end is a copy of the files as they lay then."""

import asyncio
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from patchbay.model.raw import RawEvent
from patchbay.ports import Batch
from patchbay.storage.sqlite import SqliteStore
from patchbay.storage.sqlite.pending import SECOND_TRY
from patchbay.testing.store_journal import everything
from patchbay.testing.store_samples import MUCH, raw, settled

from .support import look, opened
from .test_work import count_groups

FRESH = 500  # what a claim asks for


async def append(store: SqliteStore, count: int, size: int = 2) -> list[str]:
    return list(await asyncio.gather(*[store.append(raw(b"x" * size)) for _ in range(count)]))


def end(path: Path) -> Path:
    """The file as it would be had the process ended now; what it wrote last is in the write-ahead log."""
    left = path.with_name(f"{path.stem}-.db")
    shutil.copy(path, left)
    shutil.copy(f"{path}-wal", f"{left}-wal")
    return left


def attempts_of(claimed: Sequence[RawEvent]) -> list[int]:
    return [given.attempts for given in claimed]


async def test_only_what_may_have_been_held_is_suspected(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await append(store, 12)
        await store.commit(Batch(settlements=[settled(given) for given in await store.claim("me", 4, MUCH)]))
        assert len(await store.claim("me", 4, MUCH)) == 4
        left = end(path)
    async with opened(left) as store:
        claimed = await everything(store)
        assert attempts_of(claimed) == [2] * 4 + [0] * 4
        assert [given.id for given in claimed] == ids[4:]


async def test_what_several_hold_is_suspected(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await append(store, 12)
        await asyncio.gather(store.claim("me", 3, MUCH), store.claim("you", 5, MUCH))
        left = end(path)
    async with opened(left) as store:
        assert attempts_of(await everything(store)) == [2] * 8 + [0] * 4


async def test_nothing_is_suspected_before_anything_was_claimed(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await append(store, 12)
        left = end(path)
    async with opened(left) as store:
        assert attempts_of(await store.claim("me", FRESH, MUCH)) == [0] * 12


async def test_ends_with_nothing_in_hand_count_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await append(store, 12)
        await store.claim("me", 3, MUCH)
        path = end(path)
    for _ in range(5):
        async with opened(path) as store:
            await append(store, 1)
            path = end(path)
    async with opened(path) as store:
        assert attempts_of(await everything(store)) == [2] * 3 + [0] * 14


async def test_what_was_released_is_not_counted_again(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await append(store, 3)
        await store.claim("me", 3, MUCH)
        path = end(path)
    for _ in range(5):
        async with opened(path) as store:
            assert attempts_of(await everything(store)) == [2] * 3
            await store.release("me", ids)
            path = end(path)


async def test_claims_that_nobody_died_of_write_once_in_a_life(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await append(store, 60)
        groups = count_groups(store)
        for _ in range(3):
            assert [given.id for given in await store.claim("me", 20, MUCH)] == ids[:20]
            await store.release("me", ids)
        assert groups == [1]
    assert look(path, "SELECT value FROM meta WHERE name='most_held'") == [(0,)]


async def test_many_that_waited_come_in_groups_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        await append(store, 5_000)
        await store.claim("me", 512, MUCH)
        left = end(path)
    async with opened(left) as store:
        sizes = []
        while claimed := await store.claim("me", 512, MUCH):
            sizes.append(len(claimed))
            await store.commit(Batch(settlements=[settled(given) for given in claimed]))
        assert sizes == [SECOND_TRY] * (512 // SECOND_TRY) + [512] * 8 + [392]


@pytest.mark.parametrize("place", [0, 13, 20])
async def test_a_poison_among_twenty_is_found_after_three_ends(tmp_path: Path, place: int) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await append(store, 21)
        path = end(path)
    poison = ids[place]
    tries: dict[str, int] = {}
    for ends in count():
        assert ends < 10
        async with opened(path) as store:
            while claimed := await store.claim("me", FRESH, MUCH):
                tries |= {given.id: given.attempts for given in claimed}
                if any(given.id == poison and given.attempts <= 3 for given in claimed):
                    path = end(path)
                    break
                await store.commit(Batch(settlements=[settled(given) for given in claimed]))
            else:
                break
    assert ends == 3
    assert tries.pop(poison) == 4
    assert len(tries) == 20
    assert max(tries.values()) <= 3


async def test_every_one_of_several_poisons_is_found_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "patchbay.db"
    async with opened(path) as store:
        ids = await append(store, 60)
        path = end(path)
    poisons = {ids[place] for place in (2, 3, 30, 37, 59)}
    tries: dict[str, int] = {}
    in_hand = dict.fromkeys(poisons, 0)
    for ends in count():
        assert ends <= 3 * len(poisons)
        async with opened(path) as store:
            while claimed := await store.claim("me", FRESH, MUCH):
                tries |= {given.id: given.attempts for given in claimed}
                deadly = [given.id for given in claimed if given.id in poisons and given.attempts <= 3]
                if deadly:
                    for raw_id in deadly:
                        in_hand[raw_id] += 1
                    path = end(path)
                    break
                await store.commit(Batch(settlements=[settled(given) for given in claimed]))
            else:
                break
    assert set(in_hand.values()) == {3}
    assert {tries[raw_id] for raw_id in poisons} == {4}
    assert max(tries[raw_id] for raw_id in ids if raw_id not in poisons) <= 3
