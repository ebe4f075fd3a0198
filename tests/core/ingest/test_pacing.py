"""How long the applier waits between two groups."""

from __future__ import annotations

import pytest

from patchbay.ingest.pacing import (
    CROWD,
    LINGER_S,
    LOOK_S,
    MUCH,
    OLD_S,
    STAND_BACK,
    STAND_BACK_AT_MOST_S,
    Waiting,
    linger,
    stand_back,
)


@pytest.mark.parametrize(
    ("arrived", "much", "old_s", "seconds"),
    [
        (MUCH - 1, False, 0.1, 0.0),
        (MUCH, False, 0.1, LINGER_S),
        (MUCH, True, 0.1, 0.0),
        (MUCH, False, OLD_S, 0.0),
        (MUCH, False, OLD_S - 0.001, LINGER_S),
    ],
    ids=["little comes", "much comes", "too much waits", "too long", "not too long"],
)
def test_a_group_may_grow_while_much_arrives(arrived: int, much: bool, old_s: float, seconds: float) -> None:
    assert linger(arrived=arrived, much=much, old_s=old_s) == seconds


@pytest.mark.parametrize(
    ("crowd", "spent_s", "stood_s", "seconds"),
    [
        (CROWD - 0.1, 0.1, 0.0, 0.0),
        (CROWD, 0.1, 0.0, LOOK_S),
        (CROWD, 0.1, 0.1 * STAND_BACK - 0.01, 0.01),
        (CROWD, 0.1, 0.1 * STAND_BACK, 0.0),
        (CROWD, 60.0, STAND_BACK_AT_MOST_S, 0.0),
    ],
    ids=["all are answered", "a burst", "nearly time", "time to apply", "after long work"],
)
def test_acknowledging_goes_first_while_many_wait_for_it(
    crowd: float, spent_s: float, stood_s: float, seconds: float
) -> None:
    assert stand_back(crowd=crowd, spent_s=spent_s, stood_s=stood_s) == pytest.approx(seconds)


def test_a_crowd_is_what_those_that_come_meet() -> None:
    waiting = Waiting()
    for _ in range(3):
        waiting.begin()
    for _ in range(3):
        waiting.end()
    waiting.begin()

    assert waiting.crowd() == pytest.approx((1 + 2 + 3 + 1) / 4)
    assert waiting.crowd() == 0.0, "nobody came since"
    waiting.begin()
    assert waiting.crowd() == 2.0, "one waits still"
