"""How long the applier waits between two groups."""

from __future__ import annotations

import pytest

from patchbay.ingest.pacing import (
    FEW,
    LINGER_S,
    MANY,
    OLD_S,
    STAND_BACK,
    STAND_BACK_AT_MOST_S,
    linger,
    stand_back,
)


@pytest.mark.parametrize(
    ("arrived", "much", "old_s", "seconds"),
    [
        (FEW - 1, False, 0.1, 0.0),
        (FEW, False, 0.1, LINGER_S),
        (FEW, True, 0.1, 0.0),
        (FEW, False, OLD_S, 0.0),
        (FEW, False, OLD_S - 0.001, LINGER_S),
    ],
    ids=["little comes", "much comes", "too much waits", "too long", "not too long"],
)
def test_a_group_may_grow_while_much_arrives(arrived: int, much: bool, old_s: float, seconds: float) -> None:
    assert linger(arrived=arrived, much=much, old_s=old_s) == seconds


@pytest.mark.parametrize(
    ("waiting", "spent_s", "seconds"),
    [(MANY - 1, 0.02, 0.0), (MANY, 0.02, 0.02 * STAND_BACK), (MANY, 60.0, STAND_BACK_AT_MOST_S)],
    ids=["all are answered", "a burst", "after long work"],
)
def test_acknowledging_goes_first_while_many_wait_for_it(waiting: int, spent_s: float, seconds: float) -> None:
    assert stand_back(waiting=waiting, spent_s=spent_s) == pytest.approx(seconds)
