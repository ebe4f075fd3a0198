"""Any value of any kind, field and attachment of Instagram is listed; keys are the same in another delivery."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from patchbay_instagram.parse import PLATFORM, parse
from tests.plugins.damage import any_json, checked
from tests.plugins.webhooks import INSTAGRAM


@given(st.sampled_from(sorted(PLATFORM.kinds)), any_json, any_json, st.booleans())
def test_any_value_of_any_kind_is_at_least_one_item(kind: str, value: Any, other: Any, named: bool) -> None:
    sides = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "timestamp": 1795168000000} if named else {}
    for inside in (value, {"mid": "m1", "num_edit": value, "attachments": value, "reply_to": other, "referral": other}):
        assert checked(INSTAGRAM, INSTAGRAM.of({"id": "1", "messaging": [{**sides, kind: inside}]}))


@given(st.sampled_from(sorted(PLATFORM.fields)), any_json, any_json)
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any, other: Any) -> None:
    for inside in (value, {"id": "7", "media_id": value, "from": other, "media": value, "text": other}):
        assert checked(
            INSTAGRAM, INSTAGRAM.of({"id": "1", "time": 1795168000, "changes": [{"field": field, "value": inside}]})
        )


@given(any_json, any_json, st.sampled_from(["image", "template", "share", "ig_post", "ig_story", "like_heart", "odd"]))
def test_any_attachment_is_at_least_one_item(payload: Any, other: Any, kind: str) -> None:
    attachments = [{"type": kind, "payload": payload}, {"type": kind, "payload": {"url": other, kind: payload}}, other]
    sides = {"sender": {"id": "7"}, "recipient": {"id": "1"}, "timestamp": 1795168000000}
    assert checked(
        INSTAGRAM,
        INSTAGRAM.of({"id": "1", "messaging": [{**sides, "message": {"mid": "m", "attachments": attachments}}]}),
    )


@given(st.data(), st.sampled_from(INSTAGRAM.names))
def test_the_same_event_in_another_entry_and_form_has_the_same_keys(data: st.DataObject, name: str) -> None:
    """Another order of members and another entry around it, as when a delivery is batched anew."""
    entries = INSTAGRAM.body(name)["entry"]
    for entry in entries:
        if any(kind in entry for kind in INSTAGRAM.lists):
            entry["time"] = data.draw(st.integers(1_790_000_000_000, 1_799_000_000_000))
    shuffled = json.dumps({"entry": entries, "object": PLATFORM.object}, sort_keys=True, indent=3)
    again, first = parse(shuffled.encode()), parse(INSTAGRAM.payload(name))
    assert [one.key for one in again] == [one.key for one in first]
