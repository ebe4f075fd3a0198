"""Whatever comes: items, or one known error; and what is wrong with one event stays with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay.channel import Item, Malformed
from patchbay.errors import BadPayload
from patchbay_messenger.parse import PLATFORM, parse

PAYLOADS = Path(__file__).parents[2] / "payloads" / "messenger"
BODIES = {path.stem: json.loads(path.read_bytes()) for path in sorted(PAYLOADS.glob("*.json"))}
LISTS = ("messaging", "standby", "changes")
PAGE = "104857600112233"
AT = 1_795_167_007_313

Path_ = tuple[str | int, ...]
deep: Any = "bottom"
for _ in range(40):
    deep = {"deeper": [deep]}
JUNK: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**63,
    10**30,
    1e308,
    "",
    " ",
    "x",
    "\x00",
    PAGE,
    "/path",
    "http://[",
    "javascript:alert(1)",
    "9" * 400,
    "1e400",
    "nan",
    "٣",
    [],
    {},
    [[]],
    [None],
    {"id": None},
    {"url": 1, "type": []},
    {"": ""},
    deep,
]
names = st.sampled_from(sorted(BODIES))
junk = st.sampled_from(JUNK)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def checked(body: bytes) -> tuple[Item | Malformed, ...] | None:
    """The items, each of which can be stored; None for a bad payload. Nothing else may come of it."""
    try:
        parsed = parse(body)
    except BadPayload:
        return None
    assert parse(body) == parsed  # keys, order and count
    assert [one.index for one in parsed] == list(range(len(parsed)))
    for one in parsed:
        if isinstance(one, Malformed):
            assert one.error
            assert not one.error.startswith("unexpected"), one.error
        else:
            assert msgspec.json.decode(msgspec.json.encode(one), type=Item) == one
        assert one.key
    return parsed


def webhook(*entries: Any) -> bytes:
    return json.dumps({"object": "page", "entry": entries}).encode()


def paths(node: Any, here: Path_ = ()) -> Iterator[Path_]:
    for step, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*here, step)
        yield from paths(child, (*here, step))


def at(node: Any, path: Path_) -> Any:
    for step in path:
        node = node[step]
    return node


def mutated(body: Any, path: Path_, data: st.DataObject) -> Any:
    """The body with the node at this path dropped, replaced, put into a list, or turned into another type."""
    changed = copy.deepcopy(body)
    parent, last = at(changed, path[:-1]), path[-1]
    value = parent[last]
    match data.draw(st.sampled_from(["drop", "replace", "wrap", "unwrap", "retype"])):
        case "drop":
            del parent[last]
        case "replace":
            parent[last] = copy.deepcopy(data.draw(junk))
        case "wrap":
            parent[last] = [value]
        case "unwrap" if isinstance(value, list) and value:
            parent[last] = value[0]
        case _ if isinstance(value, str):
            parent[last] = int(value) if value.isascii() and value.isdigit() else {"was": value}
        case _ if isinstance(value, (dict, list)):
            parent[last] = json.dumps(value)
        case _:
            parent[last] = str(value)
    return changed


@given(st.binary())
def test_any_bytes_are_items_or_a_bad_payload(body: bytes) -> None:
    checked(body)


@given(any_json)
def test_any_json_is_items_or_a_bad_payload(value: Any) -> None:
    checked(json.dumps(value).encode())
    checked(json.dumps({"object": "page", "entry": value}).encode())
    assert checked(webhook(value)) is not None
    for under in LISTS:
        assert checked(webhook({"id": PAGE, under: [value]}))


@given(st.sampled_from(sorted(PLATFORM.kinds)), any_json)
def test_any_value_of_any_kind_is_at_least_one_item(kind: str, value: Any) -> None:
    sides = {"sender": {"id": "7"}, "recipient": {"id": PAGE}, "timestamp": AT}
    for said in (value, {"mid": "m_1", "attachments": value}, {"mid": "m_1", "attachments": [{"payload": value}]}):
        parsed = checked(webhook({"id": PAGE, "time": AT, "messaging": [{**sides, kind: said}]}))
        assert parsed or value is None


@given(st.sampled_from(sorted(PLATFORM.fields)), any_json)
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any) -> None:
    assert checked(webhook({"id": PAGE, "time": AT // 1000, "changes": [{"field": field, "value": value}]}))


@settings(max_examples=400)
@given(names, names, names, st.data())
def test_a_spoilt_entry_leaves_its_neighbours_as_they_are(
    before: str, name: str, after: str, data: st.DataObject
) -> None:
    entries = BODIES[name]["entry"]
    for _ in range(data.draw(st.integers(1, 3))):
        inside = [path for path in paths(entries) if len(path) > 1]
        if inside:
            entries = mutated(entries, data.draw(st.sampled_from(inside)), data)
    whole = checked(webhook(*BODIES[before]["entry"], *entries, *BODIES[after]["entry"]))
    assert whole is not None
    head, tail = parse(json.dumps(BODIES[before]).encode()), parse(json.dumps(BODIES[after]).encode())
    assert whole[: len(head)] == head
    rest = whole[len(whole) - len(tail) :]
    assert [(one.key, event_of(one)) for one in rest] == [(one.key, event_of(one)) for one in tail]


def event_of(one: Item | Malformed) -> Any:
    return one.event if isinstance(one, Item) else one.error


LISTED = [
    (name, path)
    for name, body in BODIES.items()
    for path in paths(body)
    if len(path) > 1 and path[-2] in LISTS and isinstance(path[-1], int)
]


@settings(max_examples=400)
@given(st.sampled_from(LISTED), names, st.data())
def test_a_spoilt_event_is_still_at_least_one_item_and_its_neighbour_is_as_it_was(
    spot: tuple[str, Path_], neighbour: str, data: st.DataObject
) -> None:
    name, path = spot
    body = BODIES[name]
    event = at(body, path)
    if data.draw(st.booleans()):
        spoilt = copy.deepcopy(data.draw(junk))
    else:
        spoilt = mutated(event, data.draw(st.sampled_from(list(paths(event)))), data)
    entry = {**at(body, path[:2]), path[-2]: [spoilt]}
    parsed = checked(webhook(entry, *BODIES[neighbour]["entry"]))
    good = parse(webhook(*BODIES[neighbour]["entry"]))
    assert parsed is not None
    assert len(parsed) > len(good)
    assert [event_of(one) for one in parsed[len(parsed) - len(good) :]] == [event_of(one) for one in good]
