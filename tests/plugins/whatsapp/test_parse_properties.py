"""Whatever comes: items, or one known error; and what is wrong with one update stays with it."""

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
from patchbay_whatsapp.parse import parse

PAYLOADS = Path(__file__).parents[2] / "payloads" / "whatsapp"
BODIES = {path.stem: json.loads(path.read_bytes()) for path in sorted(PAYLOADS.glob("*.json"))}
UPDATES = ("messages", "statuses", "message_echoes", "groups", "calls", "state_sync", "user_preferences")
OBJECT = "whatsapp_business_account"

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
    "15550009999",
    "US.ENT.1",
    "9" * 400,
    "1e400",
    "nan",
    "٣",
    [],
    {},
    [[]],
    [None],
    {"id": None},
    {"body": 1, "type": []},
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
    assert [one.index for one in parsed] == list(range(len(parsed)))
    for one in parsed:
        if isinstance(one, Malformed):
            assert one.error
            assert not one.error.startswith("unexpected"), one.error
        else:
            assert msgspec.json.decode(msgspec.json.encode(one), type=Item) == one
        assert one.key
    return parsed


def paths(node: Any, here: Path_ = ()) -> Iterator[Path_]:
    if isinstance(node, dict):
        for name, child in node.items():
            yield (*here, name)
            yield from paths(child, (*here, name))
    elif isinstance(node, list):
        for index, child in enumerate(node):
            yield (*here, index)
            yield from paths(child, (*here, index))


def at(node: Any, path: Path_) -> Any:
    for step in path:
        node = node[step]
    return node


def mutated(body: Any, path: Path_, data: st.DataObject) -> Any:
    """The body with the node at this path dropped, replaced, put into a list, or turned into another type."""
    changed = copy.deepcopy(body)
    parent, last = at(changed, path[:-1]), path[-1]
    how = data.draw(st.sampled_from(["drop", "replace", "wrap", "unwrap", "retype"]))
    value = parent[last]
    match how:
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
    checked(json.dumps({"object": OBJECT, "entry": value}).encode())
    assert checked(json.dumps({"object": OBJECT, "entry": [value]}).encode()) is not None
    changes = {"object": OBJECT, "entry": [{"id": "1", "changes": [value]}]}
    assert checked(json.dumps(changes).encode()) is not None


FIELDS = sorted({change["field"] for body in BODIES.values() for entry in body["entry"] for change in entry["changes"]})


@given(st.sampled_from(FIELDS), any_json, st.sampled_from(UPDATES))
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any, updates: str) -> None:
    number = {"metadata": {"phone_number_id": "4"}, updates: value, "standby": {updates: value}}
    for inside in (value, number):
        entry = {"id": "1", "time": 1789999990, "changes": [{"field": field, "value": inside}]}
        parsed = checked(json.dumps({"object": OBJECT, "entry": [entry]}).encode())
        assert parsed


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
    together = [*BODIES[before]["entry"], *entries, *BODIES[after]["entry"]]
    whole = checked(json.dumps({"object": OBJECT, "entry": together}).encode())
    assert whole is not None
    head = parse(json.dumps(BODIES[before]).encode())
    tail = parse(json.dumps(BODIES[after]).encode())
    assert whole[: len(head)] == head
    rest = whole[len(whole) - len(tail) :]
    assert [(one.key, event_of(one)) for one in rest] == [(one.key, event_of(one)) for one in tail]


def event_of(one: Item | Malformed) -> Any:
    return one.event if isinstance(one, Item) else one.error


LISTED = [
    (name, path)
    for name, body in BODIES.items()
    for path in paths(body)
    if len(path) > 1 and path[-2] in UPDATES and isinstance(path[-1], int)
]


@settings(max_examples=400)
@given(st.sampled_from(LISTED), st.data())
def test_a_spoilt_update_is_still_one_item_and_its_siblings_are_as_they_were(
    spot: tuple[str, Path_], data: st.DataObject
) -> None:
    name, path = spot
    body = BODIES[name]
    good = parse(json.dumps(body).encode())
    inside = [*[(*path, *inner) for inner in paths(at(body, path))]]
    if data.draw(st.booleans()):
        spoilt = copy.deepcopy(body)
        at(spoilt, path[:-1])[path[-1]] = copy.deepcopy(data.draw(junk))
    else:
        spoilt = mutated(body, data.draw(st.sampled_from(inside)), data)
    parsed = checked(json.dumps(spoilt).encode())
    assert parsed is not None
    assert len(parsed) == len(good)
    differing = [index for index in range(len(good)) if parsed[index] != good[index]]
    assert len(differing) <= 1
