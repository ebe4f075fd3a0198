"""The record of a plugin: what is counted, when the breaker opens and closes, and what is told of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from patchbay.errors import PluginUnavailable
from patchbay.metrics import Metrics
from patchbay.plugins import PluginReport
from patchbay.plugins.conduct import LOG_EVERY_S, OPEN_AFTER, REST_S, SHOWN_S, Conduct, Junk, Record
from patchbay.plugins.contain import Hung, Left, awaited
from patchbay.testing import FakeClock

REPORTS = (PluginReport("core", "loaded"), PluginReport("owl", "loaded"), PluginReport("heron", "missing"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def conduct(clock: FakeClock) -> Conduct:
    return Conduct(clock, Metrics())


@pytest.fixture
def record(conduct: Conduct) -> Record:
    return conduct.record("owl", "the route GET /hoot")


def rests(record: Record) -> bool:
    try:
        record.admit()
    except PluginUnavailable:
        return True
    return False


async def test_five_calls_in_a_row_that_hang_open_the_breaker_for_a_minute(record: Record, clock: FakeClock) -> None:
    for _ in range(OPEN_AFTER - 1):
        record.failed(Hung())
        assert not rests(record)
    record.failed(Hung())
    with pytest.raises(PluginUnavailable, match=r"^The route GET /hoot rests") as told:
        record.admit()
    assert told.value.retry_after_s == REST_S
    await clock.advance(REST_S - 1)
    assert rests(record)
    assert record.failure.rests_s == 1.0


async def test_after_its_rest_one_call_is_tried_and_decides(record: Record, clock: FakeClock) -> None:
    for _ in range(OPEN_AFTER):
        record.failed(Hung())
    await clock.advance(REST_S)
    assert [rests(record) for _ in range(3)] == [False, True, True]
    record.failed(Hung())
    await clock.advance(REST_S - 1)
    assert rests(record)
    await clock.advance(1)
    assert not rests(record)
    record.went_well()
    assert [rests(record) for _ in range(3)] == [False, False, False]
    assert (record.failure.in_a_row, record.failure.total, record.failure.rests_s) == (0, OPEN_AFTER + 1, 0.0)


def test_what_only_raises_never_opens_it(record: Record) -> None:
    for _ in range(OPEN_AFTER * 3):
        record.failed(ValueError("no"))
    assert not rests(record)
    for _ in range(OPEN_AFTER - 1):
        record.failed(Hung())
    record.failed(ValueError("it came back"))
    record.failed(Hung())
    assert not rests(record)
    assert record.in_a_row == record.total == OPEN_AFTER * 4 + 1


async def test_a_plugin_is_failing_for_a_minute_and_its_failures_stay(
    conduct: Conduct, record: Record, clock: FakeClock
) -> None:
    assert conduct.judged(REPORTS) == REPORTS
    record.failed(Junk("gave None where a response belongs"))
    await clock.advance(1)
    conduct.record("heron", "parse of the channel heron").failed(ValueError("secret"))
    record.went_well()
    core, owl, heron = conduct.judged(REPORTS)
    assert core == REPORTS[0]
    assert (owl.state, owl.error) == ("failing", "The route GET /hoot gave None where a response belongs.")
    assert (heron.state, heron.failures[0].error) == ("missing", "parse of the channel heron raised ValueError.")
    await clock.advance(SHOWN_S - 1)
    (owl,) = conduct.judged(REPORTS[1:2])
    assert (owl.state, owl.error, owl.failures[0].total) == ("loaded", None, 1)


def test_the_latest_failure_is_told_by_where_it_was_raised_and_never_by_its_text(record: Record) -> None:
    try:
        raise ValueError("the text of somebody's message")
    except ValueError as error:
        record.failed(error)
    assert record.error.startswith("The route GET /hoot raised ValueError at test_conduct.py:")
    assert "somebody" not in record.error


async def test_one_thing_is_logged_once_a_minute(record: Record, clock: FakeClock) -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(100):
            record.failed(ValueError("no"))
            record.went_well()
        await clock.advance(LOG_EVERY_S)
        record.failed(ValueError("no"))
    assert [(line["event"], line["plugin"], line["total"]) for line in logged] == [
        ("plugin.failed", "owl", 1),
        ("plugin.failed", "owl", 101),
    ]


def test_failures_are_counted_by_plugin() -> None:
    metrics = Metrics()
    conduct = Conduct(FakeClock(), metrics)
    for what in ("one", "two"):
        conduct.record("owl", what).failed(Hung())
    conduct.record("heron", "one")
    (family,) = metrics
    counted = {dict(labels)["plugin"]: counter.value for labels, counter in family.counters.items()}
    assert (family.name, counted) == ("patchbay_plugin_failures_total", {"owl": 2, "heron": 0})


# calls that wait


async def hang() -> None:
    await asyncio.Event().wait()


async def test_a_call_that_hangs_is_cancelled_at_its_deadline() -> None:
    left: set[asyncio.Task[Any]] = set()
    with pytest.raises(Hung):
        await awaited(hang, 0.01, left, name="hang")
    (task,) = left
    await asyncio.wait((task,))
    assert (task.cancelled(), left) == (True, set())


async def test_a_call_that_catches_its_cancellation_is_left_behind_and_kept_until_it_ends() -> None:
    over = asyncio.Event()

    async def stubborn() -> None:
        while not over.is_set():
            try:
                await over.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("nobody hears this")

    conduct = Conduct(FakeClock(), Metrics())
    with pytest.raises(Hung):
        await awaited(stubborn, 0.01, conduct.left, name="stubborn")
    assert not await conduct.close()
    over.set()
    assert await conduct.close()


async def test_what_would_end_more_than_the_call_becomes_an_error() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def cancel() -> None:
        raise asyncio.CancelledError

    for call in (leave, cancel):
        with pytest.raises(Left):
            await awaited(call, 1.0, set(), name="leave")


async def test_who_waits_for_a_call_and_is_cancelled_takes_it_along() -> None:
    left: set[asyncio.Task[Any]] = set()
    waiting = asyncio.create_task(awaited(hang, None, left, name="hang"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.wait(tuple(left))
    assert left == set()


async def test_a_call_that_is_spared_at_its_deadline_has_none_any_more() -> None:
    begun = asyncio.Event()

    async def stream() -> str:
        begun.set()
        await asyncio.sleep(0.05)
        return "done"

    assert await awaited(stream, 0.01, set(), name="stream", spared=begun.is_set) == "done"
