"""The canonical form: one text per value, the same from any JSON writer that follows four rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from patchbay_audit.canonical import canonical, digest, plain

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=15,
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.binary(max_size=8)
    | st.datetimes(timezones=st.just(UTC)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
        | st.frozensets(st.text(max_size=3), max_size=3)
    ),
    max_leaves=15,
)


def by_the_rules(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_the_golden_text() -> None:
    value = {
        "z": ["é", "\U0001f600", "\u2028", "\x7f", '"\\/', "\b\f\n\r\t\x00\x1f"],
        "Z": {"b": None, "a": True, "aa": False},
        "é": -1,
        "\uffff": 9007199254740991,
        "\U00010000": 0,
    }
    text = (
        '{"Z":{"a":true,"aa":false,"b":null},'
        '"z":["é","\U0001f600","\u2028","\x7f","\\"\\\\/","\\b\\f\\n\\r\\t\\u0000\\u001f"],'
        '"é":-1,"\uffff":9007199254740991,"\U00010000":0}'
    )
    assert canonical(value) == text
    assert digest(text) == "d51004e151c18cc5b3742bd21561768b89dea9b0b28f1f8aabaa6416416802b6"


@given(PLAIN)
def test_every_writer_that_follows_the_rules_gives_the_same_text(value: Any) -> None:
    assert canonical(value) == by_the_rules(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(ANYTHING)
def test_whatever_is_made_plain_has_one_text_that_stays(value: Any) -> None:
    text = canonical(plain(value))
    assert by_the_rules(json.loads(text)) == text
    assert plain(json.loads(text)) == json.loads(text)


def test_what_json_cannot_say_alike_everywhere_becomes_a_text() -> None:
    assert plain(2**53) == "9007199254740992"
    assert plain(-(2**53)) == "-9007199254740992"
    assert plain(0.1) == "0.1"
    assert plain(float("nan")) == "nan"
    assert plain("a\ud800b") == "a?b"
    assert plain(b"abc") == "<3 bytes>"
    assert plain({2, 1}) == [1, 2]
    assert plain(datetime(2026, 11, 22, tzinfo=UTC)) == "2026-11-22T00:00:00Z"


def test_what_nests_too_deep_ends_in_a_word() -> None:
    value: Any = "end"
    for _ in range(12):
        value = [value]
    assert canonical(plain(value)) == '[[[[[[[["<more>"]]]]]]]]'
