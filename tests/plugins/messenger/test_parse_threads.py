"""Receipts, reactions, taps, control of the thread, the account: what no payload of the collection shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from patchbay.channel import (
    AccountNotice,
    InboundEvent,
    Item,
    Malformed,
    MessageReceived,
    PreferenceChanged,
    ReactionChanged,
    ReceiptReceived,
    TemplateChanged,
    ThreadNotice,
    WatermarkReceived,
)
from patchbay.model.content import Order, OrderItem
from patchbay_messenger.parse import parse

PAGE, MARA = "104857600112233", "7300114455667788"
AT = 1_795_167_007_313


def parsed(kind: str, value: Any, **beside: Any) -> tuple[Item | Malformed, ...]:
    event = {"sender": {"id": MARA}, "recipient": {"id": PAGE}, "timestamp": AT, kind: value, **beside}
    return parse(json.dumps({"object": "page", "entry": [{"id": PAGE, "time": AT, "messaging": [event]}]}).encode())


def events(kind: str, value: Any, **beside: Any) -> list[InboundEvent]:
    return [one.event for one in parsed(kind, value, **beside) if isinstance(one, Item)]


def error(kind: str, value: Any, **beside: Any) -> str:
    (one,) = parsed(kind, value, **beside)
    assert isinstance(one, Malformed)
    return one.error


def test_a_delivery_without_a_watermark_is_its_messages() -> None:
    told = events("delivery", {"mids": ["m_1", "m_2", "m_1", None, 7]})
    assert [one.external_id for one in told if isinstance(one, ReceiptReceived)] == ["m_1", "m_2", "7"]
    assert len(told) == 3


@pytest.mark.parametrize("watermark", [1795167000000, "1795167000000", 1795167000, "1795167000"], ids=repr)
def test_a_watermark_may_be_a_text_or_in_seconds(watermark: Any) -> None:
    (one,) = events("read", {"watermark": watermark, "seq": 0})
    assert isinstance(one, WatermarkReceived)
    assert one.up_to == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def test_a_report_that_says_nothing_cannot_be_read() -> None:
    assert error("delivery", {}) == error("read", {"watermark": "soon"}) == "there is no usable watermark"
    assert error("read", {"watermark": AT}, sender=None).startswith("nobody is named")


def test_a_report_by_message_means_those_before_it_too() -> None:
    (one,) = events("read", {"mid": "m_1"})
    assert isinstance(one, ReceiptReceived)
    assert (one.external_id, one.state, one.watermark) == ("m_1", "read", True)


@pytest.mark.parametrize(
    ("given", "emoji"),
    [
        ({"action": "react", "reaction": "angry"}, "😠"),
        ({"action": "REACT", "reaction": "Love", "emoji": "💜"}, "💜"),
        ({"reaction": "other"}, "❔"),
        ({"reaction": "brand_new"}, "❔"),
        ({"action": "react"}, "❔"),
        ({"action": "unreact", "reaction": "love", "emoji": "❤️"}, None),
    ],
)
def test_a_reaction_is_its_emoji_or_the_one_that_its_name_means(given: dict[str, Any], emoji: str | None) -> None:
    (one,) = events("reaction", {"mid": "m_1", **given})
    assert isinstance(one, ReactionChanged)
    assert (one.target, one.emoji, one.by_business) == ("m_1", emoji, False)


def test_a_reaction_is_set_or_taken_back() -> None:
    assert error("reaction", {"mid": "m_1", "action": "wave"}) == "the action is neither react nor unreact"


def test_reacting_again_with_the_same_emoji_later_is_another_item() -> None:
    again = {"mid": "m_1", "action": "react", "emoji": "❤️"}
    (first,), (second,) = parsed("reaction", again), parsed("reaction", again, timestamp=AT + 1)
    assert first.key != second.key


def test_an_advertisement_is_known_by_its_id_whatever_the_source_is_called() -> None:
    (one,) = events("postback", {"title": "Start", "referral": {"ad_id": 12, "source": "CTM"}})
    assert isinstance(one, MessageReceived)
    assert one.referral is not None
    assert (one.referral.source_type, one.referral.source_id) == ("ad", "12")


@pytest.mark.parametrize(
    ("status", "granted"),
    [("STOP NOTIFICATIONS", False), ("stop_notifications", False), ("RESUME_NOTIFICATIONS", True), (None, True)],
)
def test_the_words_for_stopping_are_printed_in_two_ways(status: str | None, granted: bool) -> None:
    (one,) = events("optin", {"type": "notification_messages", "notification_messages_status": status, "title": "Tea"})
    assert isinstance(one, PreferenceChanged)
    assert (one.purpose, one.granted, one.detail) == ("marketing", granted, "Tea")


def test_the_older_one_time_request_is_an_opt_in_that_opens_nothing() -> None:
    (one,) = events("optin", {"type": "one_time_notif_req", "payload": "restock"})
    assert isinstance(one, ThreadNotice)
    assert (one.notice, one.text, one.opens_window) == ("optin", "The person opted in: restock.", False)


def test_an_opt_in_of_nobody_cannot_be_read() -> None:
    assert error("optin", {"ref": "x"}, sender=None) == "nobody is named: there is neither a sender nor a user_ref"


def test_control_of_a_thread_that_names_nobody_is_told_of_the_account() -> None:
    (one,) = events("pass_thread_control", {"new_owner_app_id": 1217981644879628}, sender=None)
    assert isinstance(one, AccountNotice)
    assert one.text == "The conversation is with Instagram's inbox."


def test_a_hand_over_opens_no_window() -> None:
    (one,) = events("take_thread_control", {})
    assert isinstance(one, ThreadNotice)
    assert (one.text, one.opens_window) == ("The conversation is with another app.", False)


@pytest.mark.parametrize(
    ("value", "status", "text"),
    [
        ({"action": "warning"}, None, "Meta warned the page about its messages."),
        ({"action": "review", "reason": "Soon."}, None, "Meta reports about the page's standing: review. Soon."),
    ],
)
def test_a_policy_notice_that_blocks_nothing_changes_no_status(
    value: dict[str, Any], status: str | None, text: str
) -> None:
    (one,) = events("policy-enforcement", value, sender=None)
    assert isinstance(one, AccountNotice)
    assert (one.status, one.text) == (status, text)


def test_an_order_keeps_the_price_as_it_was_told() -> None:
    products = [
        {"id": 6100200300400, "unit_price": "14.90", "currency": "EUR", "quantity": "2"},
        {"id": "1", "retailer_id": "SKU-1", "unit_price": 1e300, "quantity": 3.0},
        {"id": "2"},
    ]
    (one,) = events("order", {"products": products})
    assert isinstance(one, MessageReceived)
    assert one.content == Order(
        items=(
            OrderItem(product_id="6100200300400", quantity=2, price="14.90", currency="EUR"),
            OrderItem(product_id="SKU-1", quantity=3),
            OrderItem(product_id="2", quantity=1),
        )
    )
    assert one.opens_window


@pytest.mark.parametrize(
    "value",
    [{}, {"products": [{}]}, {"products": [7]}, {"products": [{"id": "1", "quantity": "many"}]}],
    ids=["empty", "no id", "no object", "no number"],
)
def test_an_order_that_makes_no_sense_cannot_be_read(value: dict[str, Any]) -> None:
    assert "product" in error("order", value)


def test_a_refused_template_says_why() -> None:
    value = {
        "event": "REJECTED",
        "message_template_name": "shipped",
        "message_template_language": "en-US",
        "reason": "INVALID_FORMAT",
    }
    change = {"id": PAGE, "time": AT // 1000, "changes": [{"field": "message_template_status_update", "value": value}]}
    (one,) = parse(json.dumps({"object": "page", "entry": [change]}).encode())
    assert isinstance(one, Item)
    assert isinstance(one.event, TemplateChanged)
    assert (one.event.name, one.event.language) == ("shipped", "en_US")
    assert (one.event.status, one.event.reason) == ("rejected", "INVALID_FORMAT")
