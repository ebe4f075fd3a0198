"""Webhooks that are damaged in any way, and what must hold of whatever ``parse`` makes of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from patchbay.channel import Item, Malformed
from patchbay.errors import BadPayload
from tests.plugins.webhooks import Webhooks

Spot = tuple[str | int, ...]  # the way to a node of a JSON value
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
    "15550009999",
    "US.ENT.1",
    "104857600112233",
    "17841400099887766",
    "/path",
    "//[",
    "http://[",
    "https://[::1",
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
    {"id": "0"},
    {"body": 1, "type": []},
    {"url": 1, "type": []},
    {"url": {}, "type": []},
    {"story": 1},
    {"": ""},
    deep,
]
junk = st.sampled_from(JUNK)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


def checked(webhooks: Webhooks, body: bytes) -> tuple[Item | Malformed, ...] | None:
    """The items, each of which can be stored and is the same at a second reading; None for a bad payload.

    Nothing else may come of it.
    """
    try:
        parsed = tuple(webhooks.parse(body))
    except BadPayload:
        return None
    assert webhooks.parse(body) == parsed  # keys, order and count
    assert [one.index for one in parsed] == list(range(len(parsed)))
    for one in parsed:
        if isinstance(one, Malformed):
            assert one.error
            assert not one.error.startswith("unexpected"), one.error
        else:
            assert msgspec.json.decode(msgspec.json.encode(one), type=Item) == one
        assert one.key
    return parsed


def said(one: Item | Malformed) -> Any:
    """All but its place."""
    return (one.key, one.account, one.event) if isinstance(one, Item) else (one.key, one.error)


def spots(node: Any, here: Spot = ()) -> Iterator[Spot]:
    """Every node below this one."""
    for step, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*here, step)
        yield from spots(child, (*here, step))


def at(node: Any, spot: Spot) -> Any:
    for step in spot:
        node = node[step]
    return node


def updates(webhooks: Webhooks) -> list[tuple[str, Spot]]:
    """Where the updates of all payloads are."""
    return [
        (name, spot)
        for name in webhooks.names
        for spot in spots(webhooks.body(name))
        if len(spot) > 1 and spot[-2] in webhooks.lists and isinstance(spot[-1], int)
    ]


def mutated(body: Any, spot: Spot, data: st.DataObject) -> Any:
    """The body with the node at this spot dropped, replaced, put into a list, or turned into another type."""
    changed = copy.deepcopy(body)
    parent, last = at(changed, spot[:-1]), spot[-1]
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


def spoilt(body: Any, spot: Spot, data: st.DataObject) -> Any:
    """The body with the update at this spot replaced by junk, or something inside it mutated."""
    if data.draw(st.booleans()):
        changed = copy.deepcopy(body)
        at(changed, spot[:-1])[spot[-1]] = copy.deepcopy(data.draw(junk))
        return changed
    inside = [(*spot, *inner) for inner in spots(at(body, spot))]
    return mutated(body, data.draw(st.sampled_from(inside)), data)
