"""How long the applier waits between two groups."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.ingest import pacing

BURST: dict[str, Any] = {"arrived": 500, "enough": False, "old_s": 0.1, "spent_s": 0.02, "busy": 1.0}


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({"arrived": pacing.FEW - 1}, 0.0),
        ({"busy": pacing.BUSY - 0.01}, pacing.LINGER_S),
        ({}, 0.02 * pacing.STAND_BACK),
        ({"spent_s": 0.0}, pacing.LINGER_S),
        ({"spent_s": 60.0}, pacing.STAND_BACK_AT_MOST_S),
        ({"enough": True}, 0.0),
        ({"old_s": pacing.OLD_S}, 0.0),
        ({"old_s": pacing.OLD_S - 0.001, "busy": 0.0}, pacing.LINGER_S),
    ],
    ids=["little comes", "time for all", "a burst", "free work", "long work", "too many wait", "too long", "not yet"],
)
def test_the_next_group_comes_after(changed: dict[str, Any], seconds: float) -> None:
    assert pacing.pause(**{**BURST, **changed}) == pytest.approx(seconds)
