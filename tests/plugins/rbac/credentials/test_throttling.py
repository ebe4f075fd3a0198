"""Throttling: what is counted, for whom, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import TooMany
from patchbay.testing import FakeClock
from patchbay_rbac.credentials.throttling import (
    LONGEST_DELAY_S,
    Accounts,
    CodeTries,
    SignIns,
    Tries,
    counted,
    delay_s,
)


def wait_of(refused: pytest.ExceptionInfo[TooMany]) -> int:
    return int(refused.value.headers["Retry-After"])


def test_delays_double_from_the_fifth_failure_to_a_quarter_of_an_hour() -> None:
    assert [delay_s(failures) for failures in range(13)] == [0] * 5 + [30, 60, 120, 240, 480, 900, 900, 900]
    assert delay_s(10**9) == LONGEST_DELAY_S


@given(st.lists(st.integers(0, 100_000), max_size=100))
def test_a_delay_is_never_longer_than_a_quarter_of_an_hour(waits: list[int]) -> None:
    tries, now = Tries(), 0.0
    for wait in waits:
        now += wait
        tries = counted(tries, now)
        assert 0 <= tries.next_at - now <= LONGEST_DELAY_S
        assert tries.failures >= 1


async def test_five_failures_are_free_and_the_sixth_waits() -> None:
    clock = FakeClock()
    accounts = Accounts(clock)
    for _ in range(5):
        accounts.take("jane")
    with pytest.raises(TooMany) as refused:
        accounts.take("jane")
    assert wait_of(refused) == 30
    await clock.advance(29.999)
    with pytest.raises(TooMany) as refused:
        accounts.take("jane")
    assert wait_of(refused) == 1
    await clock.advance(0.001)
    accounts.take("jane")
    with pytest.raises(TooMany) as refused:
        accounts.take("jane")
    assert wait_of(refused) == 60


async def test_tries_that_come_too_early_prolong_nothing() -> None:
    clock = FakeClock()
    accounts = Accounts(clock)
    for _ in range(5):
        accounts.take("jane")
    for _ in range(100):
        with pytest.raises(TooMany):
            accounts.take("jane")
    await clock.advance(30)
    accounts.take("jane")


@pytest.mark.parametrize(
    "spelling", ["JANE@example.com", " jane@example.com ", "ｊａｎｅ@example.com", "Jane@EXAMPLE.com\t"]
)
def test_every_spelling_of_a_login_is_one_account(spelling: str) -> None:
    accounts = Accounts(FakeClock())
    for _ in range(4):
        accounts.take("jane@example.com")
    accounts.take(spelling)
    with pytest.raises(TooMany):
        accounts.take("jane@example.com")


async def test_a_success_clears_the_accounts_own_count_only() -> None:
    clock = FakeClock()
    tries = SignIns(clock, per_address=12)
    for _ in range(5):
        await tries.admit("jane", "192.0.2.1")
        await tries.admit("john", "192.0.2.1")
    tries.succeeded("jane")
    await tries.admit("jane", "192.0.2.1")
    with pytest.raises(TooMany):
        await tries.admit("john", "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        await tries.admit("jane", "192.0.2.1")
    assert wait_of(refused) == 60, "twelve of this address were counted, whoever succeeded"


async def test_a_try_that_nobody_had_time_for_is_no_failure_of_the_account() -> None:
    clock = FakeClock()
    tries = SignIns(clock, per_address=20)
    for _ in range(10):
        await tries.admit("jane", "192.0.2.1")
        tries.not_looked_at("jane")
    assert len(tries.accounts) == 0
    for _ in range(6):
        tries.not_looked_at("jane")  # buys nothing in advance
    for _ in range(5):
        await tries.admit("jane", "192.0.2.1")
    tries.not_looked_at("jane")
    await tries.admit("jane", "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        await tries.admit("jane", "192.0.2.1")
    assert wait_of(refused) == 30
    for number in range(3):
        await tries.admit(f"user {number}", "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        await tries.admit("somebody", "192.0.2.1")
    assert wait_of(refused) == 60, "the address's tries stay counted"


async def test_a_quiet_day_is_forgiven() -> None:
    clock = FakeClock()
    accounts = Accounts(clock)
    for _ in range(30):
        accounts.take("jane")
        await clock.advance(LONGEST_DELAY_S)
    await clock.advance(24 * 3600)
    for _ in range(5):
        accounts.take("jane")


async def test_an_administrator_who_sets_the_clock_back_locks_nobody_out() -> None:
    clock = FakeClock()
    accounts = Accounts(clock)
    for _ in range(5):
        accounts.take("jane")
    clock.jump(-86_400)
    await clock.advance(30)
    accounts.take("jane")


async def test_one_address_tries_thirty_times_a_minute_whatever_the_accounts() -> None:
    clock = FakeClock()
    tries = SignIns(clock)
    for number in range(30):
        await tries.admit(f"user {number}", "192.0.2.1")
    with pytest.raises(TooMany) as refused:
        await tries.admit("user 30", "192.0.2.1")
    assert wait_of(refused) == 60
    await tries.admit("user 30", "192.0.2.2")
    await clock.advance(60)
    await tries.admit("user 31", "192.0.2.1")


async def test_a_whole_64_of_ipv6_is_one_address() -> None:
    tries = SignIns(FakeClock())
    for number in range(30):
        await tries.admit(f"user {number}", f"2001:db8:0:1::{number:x}")
    with pytest.raises(TooMany):
        await tries.admit("user 30", "2001:db8:0:1:ffff:ffff:ffff:ffff")
    await tries.admit("user 30", "2001:db8:0:2::1")


async def test_a_try_refused_for_its_address_is_not_counted_at_the_account() -> None:
    clock = FakeClock()
    tries = SignIns(clock, per_address=1)
    await tries.admit("somebody", "192.0.2.1")
    for _ in range(10):
        with pytest.raises(TooMany):
            await tries.admit("jane", "192.0.2.1")
    for number in range(5):
        await tries.admit("jane", f"192.0.2.{number + 2}")


async def test_memory_is_bounded_and_the_longest_uncounted_goes_first() -> None:
    accounts = Accounts(FakeClock(), max_keys=3)
    for login in ("old", "jane", "john", "old", "new"):
        accounts.take(login)
    assert len(accounts) == 3
    for _ in range(3):
        accounts.take("old")
    with pytest.raises(TooMany):
        accounts.take("old")
    for _ in range(5):
        accounts.take("jane")  # was forgotten: five are free again
    huge = Accounts(FakeClock(), max_keys=10)
    for number in range(100):
        huge.take("x" * 100_000 + str(number))
    assert len(huge) == 10


async def test_five_codes_in_a_quarter_of_an_hour() -> None:
    clock = FakeClock()
    codes = CodeTries(clock)
    for _ in range(5):
        await codes.admit("usr_1")
    with pytest.raises(TooMany) as refused:
        await codes.admit("usr_1")
    assert wait_of(refused) == 900
    await codes.admit("usr_2")
    await clock.advance(899)
    with pytest.raises(TooMany):
        await codes.admit("usr_1")
    await clock.advance(1)
    await codes.admit("usr_1")
    await codes.succeeded("usr_1")
    for _ in range(5):
        await codes.admit("usr_1")


async def test_a_refusal_does_not_say_which_limit_it_was() -> None:
    by_account, by_address = SignIns(FakeClock()), SignIns(FakeClock(), per_address=5)
    for _ in range(5):
        await by_account.admit("jane", "192.0.2.1")
        await by_address.admit("jane", "192.0.2.1")
    words = set()
    for tries in (by_account, by_address):
        with pytest.raises(TooMany) as refused:
            await tries.admit("jane", "192.0.2.1")
        seconds = refused.value.headers["Retry-After"]
        words.add((refused.value.detail.replace(seconds, "N"), refused.value.problem_code, str(refused.value.extra)))
    assert len(words) == 1
