"""Statuses: how far, at what price, and why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import Ignored, Item, Malformed, Person, ReceiptReceived, ThreadNotice
from patchbay_whatsapp.parse import parse
from tests.plugins.whatsapp.updates import PARENT, PHONE, USER


def webhook(*statuses: Any, **value: Any) -> bytes:
    metadata = {"phone_number_id": "401", "display_phone_number": "15550009999"}
    change = {"field": "messages", "value": {"metadata": metadata, "statuses": list(statuses), **value}}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "301", "changes": [change]}]}).encode()


def status(state: Any = "sent", **fields: Any) -> dict[str, Any]:
    return {"id": "wamid.A", "status": state, "timestamp": "1789992000", "recipient_id": "15550001111", **fields}


def item(given: dict[str, Any], **value: Any) -> Item:
    (only,) = parse(webhook(given, **value))
    assert isinstance(only, Item), only
    return only


def receipt(given: dict[str, Any], **value: Any) -> ReceiptReceived:
    event = item(given, **value).event
    assert isinstance(event, ReceiptReceived)
    return event


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "played", "failed", "READ"])
def test_each_state_is_a_receipt(state: str) -> None:
    assert receipt(status(state)).state == state.lower()


@pytest.mark.parametrize("state", ["deleted", "warning", "teleported"])
def test_retired_and_unknown_states_are_listed_and_nothing_more(state: str) -> None:
    event = item(status(state)).event
    assert isinstance(event, Ignored)
    assert state in event.reason


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, "status:wamid.A:sent:15550001111:"),
        ({"recipient_user_id": "US.1234"}, "status:wamid.A:sent:15550001111:"),
        ({"recipient_id": "", "recipient_user_id": "US.1234"}, "status:wamid.A:sent:US.1234:"),
        ({"recipient_id": None, "recipient_parent_user_id": "US.ENT.99"}, "status:wamid.A:sent:US.ENT.99:"),
        ({"recipient_id": None, "parent_recipient_user_id": "US.ENT.99"}, "status:wamid.A:sent:US.ENT.99:"),
        ({"recipient_id": "g", "recipient_participant_id": "1555"}, "status:wamid.A:sent:g:1555"),
        ({"recipient_id": "g", "participant_recipient_id": "1555"}, "status:wamid.A:sent:g:1555"),
        ({"recipient_id": "g", "recipient_participant_user_id": "US.1"}, "status:wamid.A:sent:g:US.1"),
    ],
    ids=str,
)
def test_a_status_is_keyed_by_message_state_recipient_and_participant(fields: dict[str, Any], key: str) -> None:
    assert item(status(**fields)).key == key


@pytest.mark.parametrize("parent", ["recipient_parent_user_id", "parent_recipient_user_id"])
def test_a_recipient_has_all_the_keys_that_are_given_in_either_spelling(parent: str) -> None:
    given = status(recipient_user_id="US.1234", recipient_identity_key_hash="h=", **{parent: "US.ENT.99"})
    contacts = [{"user_id": "US.1234", "profile": {"name": "Mara", "username": "@mara"}}]
    expected = Person(keys=(PHONE, USER, PARENT), name="Mara", username="mara", key_hash="h=")
    assert receipt(given, contacts=contacts).recipient == expected


def test_a_receipt_may_name_nobody() -> None:
    assert receipt(status(recipient_id="")).recipient is None


@pytest.mark.parametrize(
    ("fields", "participant"),
    [
        ({"recipient_participant_id": "15550001111"}, "+15550001111"),
        ({"participant_recipient_id": "15550001111"}, "+15550001111"),
        ({"recipient_participant_user_id": "US.1234"}, "US.1234"),
        ({"recipient_participant_parent_user_id": "US.ENT.99"}, "US.ENT.99"),
        ({"recipient_participant_id": "US.1234"}, "US.1234"),
        ({}, None),
    ],
    ids=str,
)
def test_in_a_group_the_participant_is_named_and_not_the_recipient(fields: Any, participant: str | None) -> None:
    got = receipt(status(recipient_id="grp", recipient_type="group", **fields))
    assert (got.recipient, got.participant) == (None, participant)


def test_our_reference_comes_back() -> None:
    assert receipt(status(biz_opaque_callback_data="msg_1;attempt=2")).reference == "msg_1;attempt=2"


@pytest.mark.parametrize(
    ("fields", "pricing"),
    [
        ({}, {}),
        ({"pricing": None, "conversation": None}, {}),
        (
            {"pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"}},
            {"billable": True, "model": "PMP", "type": "regular", "category": "utility"},
        ),
        (
            {
                "conversation": {
                    "id": "c",
                    "pricing": {"billable": False, "pricing_model": "PMP", "category": "service"},
                }
            },
            {"billable": False, "model": "PMP", "category": "service"},
        ),
        ({"pricing": {"pricing_type": "regular"}}, {"billable": True, "type": "regular"}),
        ({"pricing": {"type": "free_entry_point"}}, {"billable": False, "type": "free_entry_point"}),
        ({"pricing": {"category": "authentication-international"}}, {"category": "authentication_international"}),
    ],
    ids=range(7),
)
def test_pricing_is_told_in_our_words_wherever_it_sits(fields: Any, pricing: dict[str, Any]) -> None:
    assert receipt(status(**fields)).pricing == pricing


@pytest.mark.parametrize(
    ("errors", "code", "provider_code", "details"),
    [
        ([{"code": 131047, "title": "t", "error_data": {"details": "d"}}], "window_closed", "131047", "d"),
        ([{"code": "131026", "message": "m", "details": "d"}], "recipient_unreachable", "131026", "d"),
        ([{"code": 131050, "error_data": "d"}], "opted_out", "131050", "d"),
        ([None, "odd", {"code": 130429}, {"code": 131047}], "throttled", "130429", None),
        ({"code": 131047}, "window_closed", "131047", None),
        ([], None, None, None),
        (None, None, None, None),
        ([{"code": {"odd": 1}}], None, None, None),
        ([{"code": "٣"}], None, None, None),
        ([{"code": 10**40}], None, None, None),
    ],
    ids=range(10),
)
def test_a_failure_says_what_it_means(errors: Any, code: str | None, provider_code: str | None, details: Any) -> None:
    error = receipt(status("failed", errors=errors)).error
    assert error is not None
    assert (error.provider_code, error.details) == (provider_code, details)
    assert error.message
    if code is not None:
        assert error.code == code


def test_errors_beside_another_state_are_no_failure() -> None:
    assert receipt(status("delivered", errors=[{"code": 131047}])).error is None


def test_a_payment_is_a_notice_of_its_own_and_does_not_take_the_message_s_key() -> None:
    payment = {"reference_id": "order-118", "transaction": {"id": "t1", "odd": [1, {"deep": None}]}}
    given = status("captured", type="payment", payment=payment)
    only = item(given)
    assert isinstance(only.event, ThreadNotice)
    assert only.key == only.event.external_id == "payment:wamid.A:captured:1789992000"
    assert only.event.person == Person(keys=(PHONE,))
    assert only.event.data == {"status": "captured", "message": "wamid.A", "payment": payment}
    assert item({**given, "timestamp": 1789992000000}).key == only.key
    sender = {**given, "from": "15550001111", "recipient_id": ""}
    assert isinstance(item(sender).event, ThreadNotice)


def test_participants_of_one_message_are_items_of_their_own() -> None:
    given = [
        status("read", recipient_id="g", recipient_type="group", recipient_participant_id=f"1555000{n:04}")
        for n in range(50)
    ]
    parsed = parse(webhook(*given))
    assert len({one.key for one in parsed}) == 50
    assert all(isinstance(one, Item) for one in parsed)


@pytest.mark.parametrize("missing", ["id", "status", "timestamp"])
def test_a_status_that_lacks_what_it_needs_is_malformed(missing: str) -> None:
    given = status()
    del given[missing]
    first, second = parse(webhook(given, status("read")))
    assert isinstance(first, Malformed)
    assert missing in first.error
    assert isinstance(second, Item)
