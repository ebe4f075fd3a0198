"""When a department is open, with values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.errors import Invalid
from patchbay_rbac.changing.hours import MAX_HOLIDAYS, MAX_HOURS, holidays_of, hours_of
from patchbay_rbac.changing.naming import email_of, locale_of, time_zone_of
from patchbay_rbac.documents import Holiday, Hours

NINE_TO_FIVE = Hours(weekday=2, opens="09:00", closes="17:00")
MINUTES = st.integers(0, 24 * 60)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@pytest.mark.parametrize(
    ("hours", "pointer"),
    [
        ([Hours(weekday=7, opens="09:00", closes="17:00")], "/hours/0/weekday"),
        ([Hours(weekday=-1, opens="09:00", closes="17:00")], "/hours/0/weekday"),
        ([Hours(weekday=0, opens="9:00", closes="17:00")], "/hours/0/opens"),
        ([Hours(weekday=0, opens="09:00", closes="17:60")], "/hours/0/closes"),
        ([Hours(weekday=0, opens="09:00", closes="25:00")], "/hours/0/closes"),
        ([Hours(weekday=0, opens="09:00", closes="24:01")], "/hours/0/closes"),
        ([Hours(weekday=0, opens="24:00", closes="24:00")], "/hours/0/opens"),
        ([Hours(weekday=0, opens="17:00", closes="09:00")], "/hours/0/closes"),
        ([Hours(weekday=0, opens="09:00", closes="09:00")], "/hours/0/closes"),
        ([Hours(weekday=0, opens="\u0660\u0669:00", closes="17:00")], "/hours/0/opens"),
        ([NINE_TO_FIVE, NINE_TO_FIVE], "/hours/1/opens"),
        ([Hours(weekday=2, opens="16:59", closes="20:00"), NINE_TO_FIVE], "/hours/0/opens"),
        ([NINE_TO_FIVE] * (MAX_HOURS + 1), "/hours"),
    ],
)
def test_a_wrong_opening_is_named(hours: list[Hours], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        hours_of(hours)
    assert refused.value.errors[0].pointer == pointer


def test_one_may_close_when_the_next_opens() -> None:
    evening = Hours(weekday=2, opens="17:00", closes="24:00")
    assert hours_of([evening, NINE_TO_FIVE]) == (NINE_TO_FIVE, evening)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), MINUTES, MINUTES), max_size=8))
def test_what_is_accepted_never_overlaps_and_what_never_does_is_accepted(drawn: list[tuple[int, int, int]]) -> None:
    openings = [Hours(weekday=day, opens=clock(start), closes=clock(end)) for day, start, end in drawn]
    in_order = all(start < end for _, start, end in drawn)
    minutes = [(day, minute) for day, start, end in drawn for minute in range(start, end)]
    fits = in_order and len(minutes) == len(set(minutes))
    try:
        kept = hours_of(openings)
    except Invalid:
        assert not fits
    else:
        assert fits
        assert sorted(kept, key=lambda each: (each.weekday, each.opens)) == list(kept)
        assert set(kept) == set(openings)


@pytest.mark.parametrize(
    "date", ["2026-02-30", "26-12-24", "20261224", "2026-W01-1", "", "2026-12-24T00:00", "0000-01-01"]
)
def test_a_day_that_is_none_is_named(date: str) -> None:
    with pytest.raises(Invalid) as refused:
        holidays_of([Holiday(date=date)])
    assert refused.value.errors[0].pointer == "/holidays/0/date"


def test_a_day_stands_there_once_and_there_is_an_end_to_them() -> None:
    with pytest.raises(Invalid, match="already"):
        holidays_of([Holiday(date="2026-12-24"), Holiday(date="2026-12-24", name="Eve")])
    with pytest.raises(Invalid, match=str(MAX_HOLIDAYS)):
        holidays_of([Holiday(date="2026-12-24")] * (MAX_HOLIDAYS + 1))


@pytest.mark.parametrize(
    "email",
    ["mara@example.org", "mara+inbox@example.org", "o'brien@example.org", "mara@localhost", "münchen@exämple.de"],
)
def test_addresses_that_are_in_use(email: str) -> None:
    assert email_of(f"  {email} ") == email


@settings(deadline=None)
@given(st.text(max_size=300))
def test_an_address_never_holds_what_would_end_it_in_a_letter(text: str) -> None:
    try:
        kept = email_of(text)
    except Invalid:
        return
    assert kept.count("@") == 1
    assert not set('\r\n\t ,;<>()"\\') & set(kept)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_time_zone_or_refused(text: str) -> None:
    for read in (time_zone_of, locale_of):
        try:
            assert read(text) == text
        except Invalid:
            assert text not in ("UTC", "en", "Europe/Lisbon")


@pytest.mark.parametrize(
    "name", ["Europe/Lisbon", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "UTC", "Asia/Kolkata"]
)
def test_names_of_the_database_are_taken(name: str) -> None:
    assert time_zone_of(name) == name
