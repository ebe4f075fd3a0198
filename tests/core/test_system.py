import time
from datetime import UTC, datetime, timedelta

from patchbay.ports import Clock, Ids
from patchbay.system import SystemClock, SystemIds


async def test_the_clock_tells_whole_milliseconds_in_utc() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    started = clock.monotonic()
    await clock.sleep(0.002)
    assert before.tzinfo is UTC
    assert before.microsecond % 1000 == 0
    assert timedelta(milliseconds=1) <= clock.now() - before < timedelta(minutes=1)
    assert clock.monotonic() - started >= 0.002


def test_the_clock_is_never_a_millisecond_beside_the_machine() -> None:
    clock = SystemClock()
    for _ in range(20_000):
        before = time.time_ns() // 1_000_000
        passed = clock.now() - datetime(1970, 1, 1, tzinfo=UTC)
        after = time.time_ns() // 1_000_000
        assert passed.microseconds % 1000 == 0
        assert before <= passed // timedelta(milliseconds=1) <= after


def test_ids_sort_by_when_they_were_made() -> None:
    ids: Ids = SystemIds()
    made = [ids.new("msg") for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == 5_000
    assert {len(id) for id in made} == {len("msg_") + 32}
    assert all(id.startswith("msg_") and int(id[4:], 16) for id in made)


def test_tokens_hold_256_bits_and_fit_in_a_url() -> None:
    ids: Ids = SystemIds()
    tokens = {ids.token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {43}
    assert all(token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_jitter_lies_between_nothing_and_all() -> None:
    ids: Ids = SystemIds()
    drawn = [ids.jitter() for _ in range(1_000)]
    assert all(0 <= number < 1 for number in drawn)
    assert max(drawn) - min(drawn) > 0.5
