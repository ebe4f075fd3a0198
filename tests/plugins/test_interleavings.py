"""Sends, echoes, reports, edits, unsends, reactions and retries on each Meta channel, in any order: one state."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.plugins.days.day import check_day
from tests.plugins.days.drawn import days, interleavings
from tests.plugins.days.words import Words
from tests.plugins.instagram.words import InstagramWords
from tests.plugins.messenger.words import MessengerWords
from tests.plugins.whatsapp.words import WhatsAppWords

EACH = pytest.mark.parametrize(
    "words", [WhatsAppWords(), MessengerWords(), InstagramWords()], ids=["whatsapp", "messenger", "instagram"]
)
TOGETHER = pytest.mark.parametrize("together", [False, True], ids=["one by one", "several in a commit"])
# The same days each time: a day that is new is looked for with another number of examples, not by a build.
PATIENT = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@EACH
@TOGETHER
@settings(PATIENT, max_examples=80)
@given(data=st.data(), seeds=interleavings())
def test_every_order_of_a_day_ends_in_one_state(
    words: Words, data: st.DataObject, seeds: list[int], together: bool
) -> None:
    check_day(data.draw(days(words), "day"), seeds, together=together)


@pytest.mark.long
@pytest.mark.timeout(600)
@EACH
@TOGETHER
@settings(PATIENT, max_examples=400)
@given(data=st.data(), seeds=interleavings())
def test_every_order_of_many_days_ends_in_one_state(
    words: Words, data: st.DataObject, seeds: list[int], together: bool
) -> None:
    check_day(data.draw(days(words), "day"), seeds, together=together)
