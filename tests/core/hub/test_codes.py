"""One table of close codes, whose ranges say whether to come back."""

from __future__ import annotations

from itertools import pairwise

from patchbay.hub import codes
from patchbay.hub.codes import CLOSE_CODES, CloseCode, reconnect


def test_every_code_that_is_sent_stands_in_the_table_once() -> None:
    assert [rule.code for rule in CLOSE_CODES] == sorted(CloseCode)
    assert all(rule.meaning.endswith(".") for rule in CLOSE_CODES)


def test_the_ranges_do_not_overlap() -> None:
    ranges = sorted((first, last) for first, last, _ in codes._RANGES)
    assert all(last < first for (_, last), (first, _) in pairwise(ranges))


def test_the_ranges_say_what_each_code_asks_for() -> None:
    assert {code.name: reconnect(code) for code in CloseCode} == {
        "NORMAL": "never",
        "GOING_AWAY": "backoff",
        "PROTOCOL_ERROR": "backoff",
        "BAD_TEXT": "mend_first",
        "TOO_BIG": "mend_first",
        "INTERNAL": "backoff",
        "TRY_AGAIN_LATER": "backoff",
        "HELLO_TIMEOUT": "mend_first",
        "UNREADABLE": "mend_first",
        "UNAUTHENTICATED": "mend_first",
        "SLOW": "at_once",
        "TOO_MANY_CONNECTIONS": "mend_first",
        "TOO_MANY_MESSAGES": "wait",
    }
    assert reconnect(1006) == "backoff"
    assert reconnect(4999) == "backoff"


def test_the_documented_ranges_are_those_of_the_function() -> None:
    rows = [line.split("|")[1].strip() for line in (codes.__doc__ or "").splitlines() if line.startswith("|")][2:]
    documented = [tuple(int(part) for part in row.split("-")) for row in rows]
    assert [(row[0], row[-1]) for row in documented] == [(first, last) for first, last, _ in codes._RANGES]
