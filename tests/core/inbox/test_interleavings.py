"""Whatever arrives, is sent, fails, crashes and is repeated, in whatever order: the invariants of the model hold."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.core.inbox.days import Day

_PATIENT = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def test_a_day_of_an_inbox() -> None:
    run_state_machine_as_test(Day, settings=settings(_PATIENT, max_examples=40, stateful_step_count=40))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_days_of_an_inbox() -> None:
    run_state_machine_as_test(Day, settings=settings(_PATIENT, max_examples=1500, stateful_step_count=60))
