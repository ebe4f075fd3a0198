"""Any value of any field of WhatsApp is listed, and what is wrong with one update stays with it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from patchbay_whatsapp.parse import parse
from tests.plugins.damage import Spot, any_json, checked, spoilt, updates
from tests.plugins.webhooks import WHATSAPP

BODIES = [WHATSAPP.body(name) for name in WHATSAPP.names]
FIELDS = sorted({change["field"] for body in BODIES for entry in body["entry"] for change in entry["changes"]})


@given(st.sampled_from(FIELDS), any_json, st.sampled_from(WHATSAPP.lists))
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any, updates: str) -> None:
    number = {"metadata": {"phone_number_id": "4"}, updates: value, "standby": {updates: value}}
    for inside in (value, number):
        entry = {"id": "1", "time": 1789999990, "changes": [{"field": field, "value": inside}]}
        parsed = checked(WHATSAPP, WHATSAPP.of(entry))
        assert parsed


@settings(max_examples=400)
@given(st.sampled_from(updates(WHATSAPP)), st.data())
def test_a_spoilt_update_is_still_one_item_and_its_siblings_are_as_they_were(
    spot: tuple[str, Spot], data: st.DataObject
) -> None:
    name, place = spot
    good = parse(WHATSAPP.payload(name))
    parsed = checked(WHATSAPP, json.dumps(spoilt(WHATSAPP.body(name), place, data)).encode())
    assert parsed is not None
    assert len(parsed) == len(good)
    differing = [index for index in range(len(good)) if parsed[index] != good[index]]
    assert len(differing) <= 1
