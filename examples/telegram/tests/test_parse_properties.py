"""Whatever comes: items that can be stored, or one known error."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from patchbay.channel import Item, Malformed
from patchbay.errors import BadPayload

from patchbay_telegram.parse import parse
from updates import UPDATES

Path = tuple[str | int, ...]
deep: Any = "bottom"
for _ in range(40):
    deep = {"deeper": [deep]}
JUNK: list[Any] = [None, True, 0, -1, 1.5, 2**53, 2**63, 10**30, 1e308, "", "\x00", "9" * 400, [], {}, [None], deep]
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(sorted(UPDATES))


def checked(body: bytes) -> tuple[Item | Malformed, ...] | None:
    """The items, each of which can be stored; None for a bad payload. Nothing else may come of it."""
    try:
        parsed = parse(body)
    except BadPayload:
        return None
    assert [one.index for one in parsed] == list(range(len(parsed)))
    assert len({one.key for one in parsed}) == len(parsed)
    for one in parsed:
        assert msgspec.json.decode(msgspec.json.encode(one), type=type(one)) == one
    return parsed


def paths(node: Any, here: Path = ()) -> Iterator[Path]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield (*here, name)
        yield from paths(child, (*here, name))


@given(st.binary())
def test_any_bytes_are_items_or_a_bad_payload(body: bytes) -> None:
    checked(body)


@given(names, any_json)
def test_any_value_of_any_kind_is_at_least_one_item(name: str, value: Any) -> None:
    for kind in UPDATES[name]:
        if kind != "update_id":
            assert checked(json.dumps({"update_id": 1, kind: value}).encode())


@settings(max_examples=500)
@given(names, st.data())
def test_a_damaged_update_keeps_its_key(name: str, data: st.DataObject) -> None:
    spoilt = copy.deepcopy(UPDATES[name])
    inside = [path for path in paths(spoilt) if path != ("update_id",)]
    for path in data.draw(st.lists(st.sampled_from(inside), max_size=3)) if inside else ():
        node: Any = spoilt
        try:
            for step in path[:-1]:
                node = node[step]
            if data.draw(st.booleans()):
                node[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(JUNK)))
            else:
                del node[path[-1]]
        except (LookupError, TypeError):
            continue  # an earlier damage took the place away
    parsed = checked(json.dumps(spoilt).encode())
    assert parsed
    assert parsed[-1].key == f"update:{UPDATES[name]['update_id']}"


@given(names)
def test_the_same_bytes_are_the_same_items(name: str) -> None:
    body = json.dumps(UPDATES[name]).encode()
    assert parse(body) == parse(body)
