"""Strict JSON: what it takes and what it refuses."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Unreadable
from patchbay.web.strict_json import MAX_DEPTH, MAX_NODES, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_is_read_as_it_was_said(value: Any) -> None:
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value
    assert loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(Unreadable):
        assert json.dumps(loads(body), ensure_ascii=False, allow_nan=False).encode("utf-8")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1} x',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'{"a":1,"a":1}',
        b'{"o":{"b":1,"b":2}}',
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" * 5000,
        b'"\\ud800"',
        b'["\\udfff and more"]',
        b'{"\\ud83d":1}',
        b"\xef\xbb\xbf{}",
        '{"a":"ä"}'.encode("latin-1"),
        '{"a":1}'.encode("utf-16"),
        b'"\xed\xa0\x80"',
        b'"a\x00b"',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_would_break_something_later_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        loads(body)


def test_the_limits_are_met_exactly() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(Unreadable):
        loads(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    assert loads(json.dumps([0] * (MAX_NODES - 1)).encode())
    with pytest.raises(Unreadable):
        loads(json.dumps([0] * MAX_NODES).encode())
    assert loads(b"[9223372036854775807,-9223372036854775808]") == [2**63 - 1, -(2**63)]
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"
