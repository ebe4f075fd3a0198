"""Whatever comes: items, or one known error; and what is wrong with one update stays with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plugins.damage import any_json, at, checked, mutated, said, spoilt, spots, updates
from tests.plugins.webhooks import ALL, EACH, INSTAGRAM, MESSENGER, Webhooks

BODIES = {webhooks: {name: webhooks.body(name) for name in webhooks.names} for webhooks in ALL}
UPDATES = {webhooks: updates(webhooks) for webhooks in ALL}
PAGES = pytest.mark.parametrize("webhooks", [MESSENGER, INSTAGRAM], ids=str)


@EACH
@given(st.binary())
def test_any_bytes_are_items_or_a_bad_payload(webhooks: Webhooks, body: bytes) -> None:
    checked(webhooks, body)


@EACH
@given(any_json)
def test_any_json_is_items_or_a_bad_payload(webhooks: Webhooks, value: Any) -> None:
    checked(webhooks, json.dumps(value).encode())
    checked(webhooks, json.dumps({"object": webhooks.object, "entry": value}).encode())
    assert checked(webhooks, webhooks.of(value)) is not None
    for name in ("messaging", "standby", "changes"):
        assert checked(webhooks, webhooks.of({"id": "1", name: [value]})) is not None


@PAGES
@given(any_json)
def test_any_value_in_an_entry_is_at_least_one_item(webhooks: Webhooks, value: Any) -> None:
    for name in webhooks.lists:
        assert checked(webhooks, webhooks.of({"id": "104857600112233", name: [value]}))


@EACH
@settings(max_examples=400)
@given(st.data())
def test_a_spoilt_entry_leaves_its_neighbours_as_they_are(webhooks: Webhooks, data: st.DataObject) -> None:
    bodies = BODIES[webhooks]
    before, name, after = (data.draw(st.sampled_from(sorted(bodies))) for _ in range(3))
    entries = bodies[name]["entry"]
    for _ in range(data.draw(st.integers(1, 3))):
        inside = [spot for spot in spots(entries) if len(spot) > 1]
        if inside:
            entries = mutated(entries, data.draw(st.sampled_from(inside)), data)
    whole = checked(webhooks, webhooks.of(*bodies[before]["entry"], *entries, *bodies[after]["entry"]))
    assert whole is not None
    head, tail = (tuple(webhooks.parse(webhooks.payload(one))) for one in (before, after))
    assert whole[: len(head)] == head
    assert [said(one) for one in whole[len(whole) - len(tail) :]] == [said(one) for one in tail]


@PAGES
@settings(max_examples=400)
@given(st.data())
def test_a_spoilt_event_is_still_listed(webhooks: Webhooks, data: st.DataObject) -> None:
    name, spot = data.draw(st.sampled_from(UPDATES[webhooks]))
    body = BODIES[webhooks][name]
    parsed = checked(webhooks, json.dumps(spoilt(body, spot, data)).encode())
    assert parsed is not None
    assert len(parsed) >= len(body["entry"])


@PAGES
@settings(max_examples=400)
@given(st.data())
def test_a_spoilt_event_is_at_least_one_item_and_its_neighbour_is_as_it_was(
    webhooks: Webhooks, data: st.DataObject
) -> None:
    name, spot = data.draw(st.sampled_from(UPDATES[webhooks]))
    neighbour = BODIES[webhooks][data.draw(st.sampled_from(sorted(BODIES[webhooks])))]["entry"]
    changed = spoilt(BODIES[webhooks][name], spot, data)
    entry = {**at(changed, spot[:2]), spot[-2]: [at(changed, spot)]}
    parsed = checked(webhooks, webhooks.of(entry, *neighbour))
    good = webhooks.parse(webhooks.of(*neighbour))
    assert parsed is not None
    assert len(parsed) > len(good)
    assert [said(one) for one in parsed[len(parsed) - len(good) :]] == [said(one) for one in good]
