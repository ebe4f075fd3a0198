"""Whose turn it is, and how long to wait: pure, so every case is a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.delivery.policy import PAUSED_LOOK, Turn, delay, exhausted, next_turn
from patchbay.errors import Unavailable
from patchbay.model.outbox import OutboxEntry, OutboxState
from patchbay.settings import DeliverySettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = DeliverySettings()
STATES: tuple[OutboxState, ...] = ("queued", "retry", "claimed", "sending", "unknown", "paused")


def entry(state: OutboxState, order: int = 1, **more: Any) -> OutboxEntry:
    return OutboxEntry(
        id=f"obx_{order}",
        created_at=NOW,
        updated_at=NOW,
        message_id=f"msg_{order}",
        part=0,
        account_id="acc",
        thread_id="thr",
        queue="thr",
        order=order,
        state=state,
        not_before=more.pop("not_before", NOW),
        expires_at=NOW + timedelta(days=1),
        **more,
    )


def turn(*entries: OutboxEntry, now: datetime = NOW, held: datetime | None = None) -> Turn:
    return next_turn(entries, now, held, SETTINGS)


def test_the_head_goes_first() -> None:
    assert turn(entry("queued", 1), entry("queued", 2)).entry == entry("queued", 1)
    assert turn() == Turn()


def test_what_somebody_holds_or_is_paused_blocks_the_rest() -> None:
    assert turn(entry("sending", 1), entry("queued", 2)).entry is None
    assert turn(entry("paused", 1), entry("queued", 2)) == Turn(rest=PAUSED_LOOK)


def test_a_retry_blocks_for_ten_minutes_and_is_passed_then() -> None:
    waiting = entry("retry", 1, not_before=NOW + timedelta(hours=1), began_at=NOW)
    following = entry("queued", 2)
    assert turn(waiting, following) == Turn(rest=timedelta(minutes=10))
    assert turn(waiting, following, now=NOW + timedelta(minutes=10)).entry == following


def test_an_unknown_outcome_blocks_for_a_minute_and_is_passed_then() -> None:
    lost, following = entry("unknown", 1, unknown_since=NOW), entry("queued", 2)
    assert turn(lost, following) == Turn(rest=timedelta(minutes=1))
    assert turn(lost, following, now=NOW + timedelta(minutes=1)).entry == following
    assert turn(lost, now=NOW + timedelta(minutes=1)) == Turn()


def test_a_limit_of_the_account_holds_what_was_never_tried() -> None:
    until = NOW + timedelta(hours=2)
    assert turn(entry("queued"), held=until) == Turn(rest=timedelta(hours=2))
    assert turn(entry("queued"), held=NOW).entry is not None


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(-900, 900), st.integers(0, 900)), max_size=8))
def test_a_turn_always_moves_on_or_rests_for_a_while(drawn: list[tuple[OutboxState, int, int]]) -> None:
    entries = [
        entry(
            state,
            order,
            not_before=NOW + timedelta(seconds=due),
            began_at=NOW - timedelta(seconds=ago),
            unknown_since=NOW - timedelta(seconds=ago),
        )
        for order, (state, due, ago) in enumerate(drawn)
    ]
    found = turn(*entries)
    if found.entry is not None:
        assert found.entry.state in ("queued", "retry")
        assert found.entry.not_before <= NOW
        passed = entries[: entries.index(found.entry)]
        assert all(each.state in ("unknown", "queued", "retry") for each in passed)
    elif found.rest is not None:
        assert found.rest > timedelta(0)


@given(st.integers(1, 60), st.floats(0, 0.999), st.none() | st.floats(0, 200_000))
def test_waits_are_within_their_bounds(attempt: int, jitter: float, after: float | None) -> None:
    waits = delay(attempt, Unavailable("no", retry_after_s=after), SETTINGS, jitter).total_seconds()
    if after is None:
        assert SETTINGS.base_delay_s / 2 <= waits <= SETTINGS.max_delay_s
    else:
        assert waits == pytest.approx(min(max(after, SETTINGS.base_delay_s), 86_400.0))


def test_a_guess_that_may_grow_doubles_with_every_try() -> None:
    error = Unavailable("no", retry_after_s=1800.0, grows_to_s=14_400.0)
    waits = [delay(attempt, error, SETTINGS, 0.5).total_seconds() for attempt in (1, 2, 3, 4, 5, 60)]
    assert waits == [1800.0, 3600.0, 7200.0, 14_400.0, 14_400.0, 14_400.0]
    assert delay(5, Unavailable("no", retry_after_s=1800.0), SETTINGS, 0.5) == timedelta(minutes=30)


def test_an_error_that_may_be_tried_a_few_times_is_used_up() -> None:
    assert not exhausted(2, Unavailable("no", limit=3))
    assert exhausted(3, Unavailable("no", limit=3))
    assert not exhausted(99, Unavailable("no"))
