"""Any value of any kind and field of Messenger is listed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from patchbay_messenger.parse import PLATFORM
from tests.plugins.damage import any_json, checked
from tests.plugins.webhooks import MESSENGER

PAGE = "104857600112233"
AT = 1_795_167_007_313


@given(st.sampled_from(sorted(PLATFORM.kinds)), any_json)
def test_any_value_of_any_kind_is_at_least_one_item(kind: str, value: Any) -> None:
    sides = {"sender": {"id": "7"}, "recipient": {"id": PAGE}, "timestamp": AT}
    for said in (value, {"mid": "m_1", "attachments": value}, {"mid": "m_1", "attachments": [{"payload": value}]}):
        parsed = checked(MESSENGER, MESSENGER.of({"id": PAGE, "time": AT, "messaging": [{**sides, kind: said}]}))
        assert parsed or value is None


@given(st.sampled_from(sorted(PLATFORM.fields)), any_json)
def test_any_value_of_any_field_is_at_least_one_item(field: str, value: Any) -> None:
    assert checked(
        MESSENGER, MESSENGER.of({"id": PAGE, "time": AT // 1000, "changes": [{"field": field, "value": value}]})
    )
