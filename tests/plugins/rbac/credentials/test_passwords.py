"""Hashing passwords: the cost and its floor, the bound on who waits, and that the loop never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from patchbay.errors import ConfigError, SignInUnavailable
from patchbay_rbac.credentials.passwords import FLOOR, WRONG, Cost, Hasher, Verdict

PASSWORD = "blaue Tassen fliegen nie"


@pytest.fixture
async def hasher() -> AsyncIterator[Hasher]:
    hasher = Hasher(FLOOR)
    yield hasher
    hasher.close()


async def test_a_password_is_known_again_and_another_is_not(hasher: Hasher) -> None:
    kept = await hasher.hash(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(kept, PASSWORD) == Verdict(ok=True, needs_rehash=False)
    assert await hasher.verify(kept, PASSWORD + " ") == WRONG
    assert await hasher.hash(PASSWORD) != kept


async def test_the_default_cost_is_64_mib_3_passes_4_lanes() -> None:
    hasher = Hasher()
    kept = await hasher.hash(PASSWORD)
    hasher.close()
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_changed_cost_asks_for_a_new_hash_after_the_right_password_only(hasher: Hasher) -> None:
    dearer = Hasher(Cost(20 * 1024, 2, 1))
    kept = await dearer.hash(PASSWORD)
    dearer.close()
    assert await hasher.verify(kept, PASSWORD) == Verdict(ok=True, needs_rehash=True)
    assert await hasher.verify(kept, "another one") == WRONG


@pytest.mark.parametrize(
    ("cost", "setting"),
    [
        ((19 * 1024 - 1, 2, 1), "MEMORY_KIB"),
        ((19 * 1024, 1, 1), "PASSES"),
        ((19 * 1024, 2, 0), "LANES"),
        ((2**21, 2, 1), "MEMORY_KIB"),
        ((19 * 1024, 1000, 1), "PASSES"),
        ((19 * 1024, 2, 17), "LANES"),
    ],
)
def test_a_cost_below_the_floor_or_absurd_is_refused_by_name(cost: tuple[int, int, int], setting: str) -> None:
    with pytest.raises(ConfigError, match=f"PATCHBAY_RBAC__PASSWORD_{setting} is .*; set a number from"):
        Cost(*cost)


async def test_however_it_is_typed_it_is_one_password(hasher: Hasher) -> None:
    kept = await hasher.hash("Caf\u00e9 ﬁne ２０ bees")
    assert (await hasher.verify(kept, "Cafe\u0301 fine 20 bees")).ok


@pytest.mark.parametrize("password", ["", "\ud800" * 12, "x" * 1025, "\ufdfa" * 1024, "\0" * 12])
async def test_what_nobody_can_have_is_wrong_and_no_error(hasher: Hasher, password: str) -> None:
    kept = await hasher.hash(PASSWORD)
    assert await hasher.verify(kept, password) == WRONG
    assert await hasher.verify_nobody(password) == WRONG


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$ä", "$2b$12$" + "a" * 53])
async def test_a_damaged_hash_is_wrong_and_no_error(hasher: Hasher, kept: str) -> None:
    assert await hasher.verify(kept, PASSWORD) == WRONG


async def test_past_the_bound_one_is_told_when_to_come_again_and_then_there_is_room() -> None:
    hasher = Hasher(FLOOR, waiting=3, threads=1)
    asked = [asyncio.create_task(hasher.verify_nobody(PASSWORD)) for _ in range(4)]
    while hasher.asked_for < 4:
        await asyncio.sleep(0)
    for attempt in (hasher.hash(PASSWORD), hasher.verify("", PASSWORD), hasher.verify_nobody(PASSWORD)):
        with pytest.raises(SignInUnavailable) as refused:
            await attempt
        assert refused.value.retry_after_s > 0
    assert await asyncio.gather(*asked) == [WRONG] * 4
    assert await hasher.verify_nobody(PASSWORD) == WRONG
    hasher.close()


async def test_a_request_that_went_away_gives_its_place_back() -> None:
    hasher = Hasher(FLOOR, waiting=2, threads=1)
    asked = [asyncio.create_task(hasher.verify_nobody(PASSWORD)) for _ in range(3)]
    while hasher.asked_for < 3:
        await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    for task in asked:
        with suppress(asyncio.CancelledError):
            await task
    assert hasher.asked_for <= 1, "only the one that ran already"
    assert await hasher.verify_nobody(PASSWORD) == WRONG
    assert hasher.asked_for == 0
    hasher.close()


async def test_when_it_closes_those_that_wait_are_told_so() -> None:
    hasher = Hasher(FLOOR, waiting=5, threads=1)
    asked = [asyncio.create_task(hasher.verify_nobody(PASSWORD)) for _ in range(5)]
    while hasher.asked_for < 5:
        await asyncio.sleep(0)
    hasher.close()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(answer == WRONG or isinstance(answer, SignInUnavailable) for answer in answers)
    assert isinstance(answers[-1], SignInUnavailable)
    with pytest.raises(SignInUnavailable):
        await hasher.hash(PASSWORD)
    assert hasher.asked_for == 0


async def test_the_loop_goes_on_while_passwords_are_hashed(hasher: Hasher) -> None:
    """Were they made in the loop, it would turn a few times per hash."""
    turns, working = 0, asyncio.gather(*(hasher.verify_nobody(PASSWORD) for _ in range(20)))
    while not working.done():
        await asyncio.sleep(0)
        turns += 1
    assert await working == [WRONG] * 20
    assert turns > 20 * 20
