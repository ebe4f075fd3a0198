"""A flood of refusals does not fill the disk, and says how large it was."""

from __future__ import annotations

from datetime import timedelta

from patchbay_audit.floods import MOST_ADDRESSES, MOST_OUTCOMES, OTHERS, RefusalLimit
from tests.plugins.audit.acts import START


def flood(limit: RefusalLimit, address: str | None, count: int, *, now: float = 0.0, outcome: str = "forbidden") -> int:
    """How many of these are written."""
    at = START + timedelta(seconds=now)
    return sum(limit.admits(address, outcome, now=now, at=at) for _ in range(count))


def test_so_many_a_minute_are_written_and_the_rest_is_counted() -> None:
    limit = RefusalLimit(60)
    assert flood(limit, "203.0.113.7", 500) == 60
    assert flood(limit, "203.0.113.7", 10, now=59.9, outcome="unauthenticated") == 0
    assert limit.ended(59.9) == []
    (told,) = limit.ended(60.0)
    assert (told.address, told.count) == ("203.0.113.7", 450)
    assert told.outcomes == {"forbidden": 440, "unauthenticated": 10}
    assert (told.since, told.until) == (START, START + timedelta(seconds=59.9))
    assert limit.ended(60.0) == []


def test_the_next_minute_begins_anew() -> None:
    limit = RefusalLimit(60)
    assert flood(limit, "203.0.113.7", 70) == 60
    assert flood(limit, "203.0.113.7", 70, now=60.0) == 60
    assert [each.count for each in limit.ended(120.0)] == [10, 10]


def test_addresses_count_apart_and_a_network_of_ipv6_together() -> None:
    limit = RefusalLimit(60)
    assert flood(limit, "203.0.113.7", 60) == flood(limit, "203.0.113.8", 60) == 60
    assert flood(limit, "2001:db8::1", 40) + flood(limit, "2001:db8::2", 40) == 60
    assert flood(limit, None, 61) == 60
    assert sorted((each.address, each.count) for each in limit.ended(60.0)) == [("2001:db8::/64", 20), ("unknown", 1)]


def test_one_that_was_not_written_after_all_may_come_again() -> None:
    limit = RefusalLimit(1)
    assert flood(limit, "203.0.113.7", 1) == 1
    limit.give_back("203.0.113.7", now=0.0)
    assert flood(limit, "203.0.113.7", 1) == 1


def test_memory_is_bounded_whoever_floods() -> None:
    limit = RefusalLimit(1)
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(3 * MOST_ADDRESSES)]
    written = sum(flood(limit, address, 3) for address in addresses)
    assert len(limit._windows) == MOST_ADDRESSES + 1
    assert written == MOST_ADDRESSES + 1
    told = limit.ended(60.0)
    assert len(told) <= MOST_ADDRESSES
    assert sum(each.count for each in told) == 3 * len(addresses) - written
    assert OTHERS in {each.address for each in told}
    assert limit._windows == {}


def test_outcomes_are_bounded() -> None:
    limit = RefusalLimit(1)
    for n in range(100):
        flood(limit, "203.0.113.7", 1, outcome=f"code_{n}")
    (told,) = limit.ended(60.0)
    assert told.count == 99
    assert len(told.outcomes) == MOST_OUTCOMES + 1


def test_what_could_not_be_told_is_told_later() -> None:
    limit = RefusalLimit(1)
    flood(limit, "203.0.113.7", 5)
    (told,) = limit.ended(60.0)
    limit.again(told)
    assert limit.ended(60.0) == [told]
