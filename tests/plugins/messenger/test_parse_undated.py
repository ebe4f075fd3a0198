"""Reports that come without a time, of the event or of its entry: their watermark is one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from patchbay.channel import Item, Malformed, ReceiptReceived, WatermarkReceived
from patchbay_messenger.parse import parse

PAGE, MARA = "104857600112233", "7300114455667788"
MARK = 1_795_167_000_000
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def undated(**reported: Any) -> tuple[Item | Malformed, ...]:
    event = {"sender": {"id": MARA}, "recipient": {"id": PAGE}, **reported}
    return parse(json.dumps({"object": "page", "entry": [{"id": PAGE, "messaging": [event]}]}).encode())


def test_a_watermark_is_the_time_of_its_report() -> None:
    for kind in ("delivery", "read"):
        (one,) = undated(**{kind: {"watermark": MARK}})
        assert isinstance(one, Item)
        assert isinstance(one.event, WatermarkReceived)
        assert (one.event.occurred_at, one.event.up_to) == (AT, AT)


def test_it_is_the_time_of_the_messages_beside_it_too() -> None:
    first, _ = undated(delivery={"mids": ["m_1"], "watermark": MARK})
    assert isinstance(first, Item)
    assert isinstance(first.event, ReceiptReceived)
    assert (first.event.external_id, first.event.occurred_at) == ("m_1", AT)


def test_messages_without_any_time_cannot_be_read() -> None:
    (one,) = undated(delivery={"mids": ["m_1"]})
    assert isinstance(one, Malformed)
    assert one.error == "there is no usable timestamp"
