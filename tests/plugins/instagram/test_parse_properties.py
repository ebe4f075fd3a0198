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
from patchbay_instagram.parse import PLATFORM, parse

PAYLOADS = Path(__file__).parents[2] / "payloads" / "instagram"
BODIES = {path.stem: json.loads(path.read_bytes()) for path in sorted(PAYLOADS.glob("*.json"))}
SERVED = {name: body for name, body in BODIES.items() if body["object"] == PLATFORM.object}
LISTS = ("messaging", "standby", "changes")

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
    "0",
    "17841400099887766",
    "9" * 400,
    "1e400",
    "nan",
    "٣",
    "//[",
    "https://[::1",
    [],
    {},
    [[]],
    [None],
    {"id": None},
    {"id": "0"},
    {"story": 1},
    {"url": {}, "type": []},
    {"": ""},
    deep,
]
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(sorted(SERVED))
junk = st.sampled_from(JUNK)


def checked(body: bytes) -> tuple[Item | Malformed, ...] | None:
    """The items, each of which can be stored and is the same at a second reading; None for a bad payload. Nothing else
    may come of it."""
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
    assert parse(body) == parsed
    return parsed


def webhook(*entries: Any) -> bytes:
    return json.dumps({"object": PLATFORM.object, "entry": list(entries)}).encode()


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


def said(one: Item | Malformed) -> Any:
    return (one.key, one.account, one.event) if isinstance(one, Item) else (one.key, one.error)


@given(st.binary())
def test_any_bytes_are_items_or_a_bad_payload(body: bytes) -> None:
    checked(body)


@given(any_json)
def test_any_json_is_items_or_a_bad_payload(value: Any) -> None:
    checked(json.dumps(value).encode())
    checked(json.dumps({"object": PLATFORM.object, "entry": value}).encode())
    assert checked(webhook(value)) is not None
    for name in LISTS:
        assert checked(webhook({"id": "1", name: [value]})) is not None


@given(st.sampled_from(sorted(PLATFORM.kinds)), any_json, any_json, st.booleans())
def test_any_value_of_any_kind_is_at_least_one_item(kind: str, value: Any, other: Any, named: bool) -> None:
    sides = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "timestamp": 1795168000000} if named else {}
    for inside in (value, {"mid": "m1", "num_edit": value, "attachments": value, "reply_to": other, "referral": other}):
        assert checked(webhook({"id": "1", "messaging": [{**sides, kind: inside}]}))


@given(st.sampled_from(sorted(PLATFORM.fields)), any_json, any_json)
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any, other: Any) -> None:
    for inside in (value, {"id": "7", "media_id": value, "from": other, "media": value, "text": other}):
        assert checked(webhook({"id": "1", "time": 1795168000, "changes": [{"field": field, "value": inside}]}))


@given(any_json, any_json, st.sampled_from(["image", "template", "share", "ig_post", "ig_story", "like_heart", "odd"]))
def test_any_attachment_is_at_least_one_item(payload: Any, other: Any, kind: str) -> None:
    attachments = [{"type": kind, "payload": payload}, {"type": kind, "payload": {"url": other, kind: payload}}, other]
    sides = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "timestamp": 1795168000000}
    assert checked(webhook({"id": "1", "messaging": [{**sides, "message": {"mid": "m", "attachments": attachments}}]}))


@settings(max_examples=400)
@given(names, names, names, st.data())
def test_a_spoilt_entry_leaves_its_neighbours_as_they_are(
    before: str, name: str, after: str, data: st.DataObject
) -> None:
    entries = SERVED[name]["entry"]
    for _ in range(data.draw(st.integers(1, 3))):
        inside = [path for path in paths(entries) if len(path) > 1]
        if inside:
            entries = mutated(entries, data.draw(st.sampled_from(inside)), data)
    whole = checked(webhook(*SERVED[before]["entry"], *entries, *SERVED[after]["entry"]))
    assert whole is not None
    head, tail = parse(json.dumps(SERVED[before]).encode()), parse(json.dumps(SERVED[after]).encode())
    assert whole[: len(head)] == head
    assert [said(one) for one in whole[len(whole) - len(tail) :]] == [said(one) for one in tail]


LISTED = [
    (name, path)
    for name, body in SERVED.items()
    for path in paths(body)
    if len(path) > 1 and path[-2] in LISTS and isinstance(path[-1], int)
]


@settings(max_examples=400)
@given(st.sampled_from(LISTED), st.data())
def test_a_spoilt_event_is_still_listed(spot: tuple[str, Path_], data: st.DataObject) -> None:
    name, path = spot
    body = SERVED[name]
    if data.draw(st.booleans()):
        spoilt = copy.deepcopy(body)
        at(spoilt, path[:-1])[path[-1]] = copy.deepcopy(data.draw(junk))
    else:
        inside = [(*path, *inner) for inner in paths(at(body, path))]
        spoilt = mutated(body, data.draw(st.sampled_from(inside)), data)
    parsed = checked(json.dumps(spoilt).encode())
    assert parsed is not None
    assert len(parsed) >= len(body["entry"])


@given(st.data(), names)
def test_the_same_event_in_another_entry_and_form_has_the_same_keys(data: st.DataObject, name: str) -> None:
    """Another order of members and another entry around it, as when a delivery is batched anew."""
    entries = copy.deepcopy(SERVED[name]["entry"])
    for entry in entries:
        if any(kind in entry for kind in LISTS):
            entry["time"] = data.draw(st.integers(1_790_000_000_000, 1_799_000_000_000))
    shuffled = json.dumps({"entry": entries, "object": PLATFORM.object}, sort_keys=True, indent=3)
    again, first = parse(shuffled.encode()), parse(json.dumps(SERVED[name]).encode())
    assert [one.key for one in again] == [one.key for one in first]
