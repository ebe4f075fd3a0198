"""E18: how many guesses get through in a day, whatever the guesser does; and that nothing tells which users exist."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import pytest

from patchbay.errors import TooMany
from patchbay.testing import FakeClock
from patchbay_rbac.credentials.passwords import FLOOR, Hasher
from patchbay_rbac.credentials.throttling import CodeTries, SignIns
from tests.security.two_samples import ks_p_value

GUESSES = 10_000
DAY_S = 86_400.0
# 5 at once, 5 while the wait doubles from 30 s to 480 s (930 s in all), then one each 900 s.
A_DAYS_GUESSES = 5 + 5 + (86_400 - 930) // 900 + 1
CODES_A_DAY = 5 * 86_400 // 900

TIMINGS = 2_000  # of each kind
FEW_TIMINGS = 60
ROUNDS = 3  # one round in a hundred shows a difference that is none; three in a row, one in a million


def spellings(login: str) -> Iterator[str]:
    """One login as it could be typed, over and over."""
    forms = (login, login.upper(), f" {login}", "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in login))
    while True:
        yield from forms


async def get_through(tries: SignIns, clock: FakeClock, until_s: float, *, greedy: bool) -> int:
    """How many of 10,000 guesses at one account are looked at, each from an address of its own.

    Greedy waits as long as it is told; otherwise the guesses are spread evenly over the time.
    """
    logins, seen = spellings("jane@example.com"), 0
    for number in range(GUESSES):
        if clock.monotonic() >= until_s:
            break
        try:
            await tries.admit(next(logins), f"2001:db8:{number >> 8:x}:{number & 255:x}::1")
            seen += 1
            if not greedy:
                await clock.advance(until_s / GUESSES)
        except TooMany as refused:
            await clock.advance(int(refused.headers["Retry-After"]) if greedy else until_s / GUESSES)
    return seen


@pytest.mark.parametrize("greedy", [True, False])
async def test_e18_of_10_000_guesses_at_one_account_about_a_hundred_are_looked_at_in_a_day(greedy: bool) -> None:
    clock = FakeClock()
    seen = await get_through(SignIns(clock), clock, DAY_S, greedy=greedy)
    assert A_DAYS_GUESSES == 105
    assert 90 <= seen <= A_DAYS_GUESSES


async def test_e18_guesses_at_once_are_counted_before_any_is_hashed() -> None:
    clock = FakeClock()
    tries, seen = SignIns(clock), 0
    for number in range(GUESSES):  # none has been answered yet when the next one comes
        try:
            await tries.admit("jane", f"198.51.{number >> 8}.{number & 255}")
            seen += 1
        except TooMany:
            continue
    assert seen == 5


async def test_e18_one_address_guesses_at_many_accounts_thirty_times_a_minute() -> None:
    clock = FakeClock()
    tries, seen = SignIns(clock), 0
    for number in range(GUESSES):
        try:
            await tries.admit(f"user {number}", f"2001:db8::{number:x}")
            seen += 1
        except TooMany as refused:
            await clock.advance(int(refused.headers["Retry-After"]))
    minutes = clock.monotonic() / 60
    assert minutes > 300, "10,000 guesses take five hours and a half"
    assert seen <= 30 * (minutes + 1)


async def test_e18_an_account_of_ones_own_buys_no_guesses() -> None:
    """Success clears the account that succeeded: neither the address's count nor another account's."""
    clock = FakeClock()
    tries, seen, refused = SignIns(clock), 0, 0
    for _ in range(1_000):
        try:
            await tries.admit("mallory", "192.0.2.1")
            tries.succeeded("mallory")
            await tries.admit("jane", "192.0.2.1")
            seen += 1
        except TooMany:
            refused += 1
    assert (seen, refused) == (5, 995)


async def test_e18_flooding_the_memory_costs_more_tries_than_it_wins() -> None:
    """To have an account forgotten, as many others as there are keys must be counted, for five guesses each time."""
    clock = FakeClock()
    keys = 200
    tries, seen, sent = SignIns(clock, max_keys=keys), 0, 0
    while sent < GUESSES:
        for login in ["jane"] * 6 + [f"nobody {sent + more}" for more in range(keys)]:
            sent += 1
            try:
                await tries.admit(login, f"2001:db8:{sent >> 8:x}:{sent & 255:x}::1")
                seen += login == "jane"
            except TooMany:
                continue
    assert seen <= 5 * (sent // keys + 1)
    assert len(tries.accounts) <= keys


async def test_e18_of_10_000_codes_480_are_looked_at_in_a_day() -> None:
    clock = FakeClock()
    tries, seen = CodeTries(clock), 0
    for _ in range(GUESSES):
        if clock.monotonic() >= DAY_S:
            break
        try:
            await tries.admit("usr_1")
            seen += 1
        except TooMany as refused:
            await clock.advance(int(refused.headers["Retry-After"]))
    assert CODES_A_DAY == 480
    assert 400 <= seen <= CODES_A_DAY


async def test_e18_an_account_that_exists_and_one_that_does_not_are_refused_alike() -> None:
    """Nothing of what is counted knows which users there are; so the refusals cannot either."""
    answers = []
    for login in ("jane@example.com", "nobody@example.com"):
        clock, seen = FakeClock(), list[object]()
        tries = SignIns(clock)
        for _ in range(200):
            try:
                await tries.admit(login, "192.0.2.1")
                seen.append("looked at")
            except TooMany as refused:
                seen.append((refused.detail, refused.problem_code, refused.headers))
            await clock.advance(7)
        answers.append(seen)
    assert answers[0] == answers[1]


async def timings(count: int, dice: random.Random, *, careless: bool = False) -> tuple[list[int], list[int]]:
    """Nanoseconds that a wrong password takes, of users that exist and of such that do not, in random order.

    The careless answer at once when there is no such user.
    """
    hasher = Hasher(FLOOR)
    kept = {f"user {number}": await hasher.hash(f"their password {number}") for number in range(4)}
    asked = [*sorted(kept), *(f"nobody {number}" for number in range(4))] * (count // 4)
    dice.shuffle(asked)
    took: dict[bool, list[int]] = {True: [], False: []}
    for login in asked:
        began = time.perf_counter_ns()
        if login in kept:
            await hasher.verify(kept[login], "a wrong password")
        elif not careless:
            await hasher.verify_nobody("a wrong password")
        took[login in kept].append(time.perf_counter_ns() - began)
    hasher.close()
    return took[True], took[False]


async def look_alike(count: int) -> list[float]:
    """The p-values of up to three rounds, the last of which is the first above 0.01."""
    dice = random.Random(18)
    seen: list[float] = []
    while len(seen) < ROUNDS and (not seen or seen[-1] <= 0.01):
        seen.append(ks_p_value(*await timings(count, dice)))
    return seen


async def test_e18_a_few_timings_do_not_tell_who_exists() -> None:
    seen = await look_alike(FEW_TIMINGS)
    assert seen[-1] > 0.01, seen


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_e18_two_times_2000_timings_do_not_tell_who_exists() -> None:
    seen = await look_alike(TIMINGS)
    assert seen[-1] > 0.01, seen


async def test_e18_the_timing_test_notices_users_who_are_refused_without_a_hash() -> None:
    assert ks_p_value(*await timings(FEW_TIMINGS, random.Random(18), careless=True)) < 1e-6


def uniform(dice: random.Random) -> float:
    return dice.random()


def shifted(dice: random.Random) -> float:
    return dice.random() + 0.2


@pytest.mark.parametrize(("other", "least", "most"), [(uniform, 0, 30), (shifted, 990, 1000)])
def test_e18_the_statistic_is_right_about_samples_whose_truth_is_known(
    other: Callable[[random.Random], float], least: int, most: int
) -> None:
    """Of 1,000 pairs of one distribution about ten fall below 0.01, of shifted ones nearly all."""
    dice = random.Random(1800)
    below = sum(
        ks_p_value([uniform(dice) for _ in range(400)], [other(dice) for _ in range(400)]) < 0.01 for _ in range(1000)
    )
    assert least <= below <= most
