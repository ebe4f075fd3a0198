"""Templates, and what is said of the account."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import (
    UNDATED,
    AccountNotice,
    TemplateChanged,
)
from tests.plugins.whatsapp.updates import NOON, NOON_S, of_number, one

TEMPLATE = {
    "message_template_id": 7100000000000001,
    "message_template_name": "order_update",
    "message_template_language": "en-US",
}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("message_template_status_update", {"event": "PAUSED", "reason": "NONE"}, {"status": "paused"}),
        ("message_template_status_update", {"event": "DELETED", "reason": None}, {"status": "deleted"}),
        (
            "message_template_status_update",
            {"event": "REJECTED", "reason": "INVALID_FORMAT", "message_template_category": "UTILITY"},
            {"status": "rejected", "reason": "INVALID_FORMAT", "category": "UTILITY"},
        ),
        ("message_template_status_update", {"new_quality_score": "RED"}, {"quality": "RED"}),
        ("message_template_quality_update", {"new_quality_score": "RED"}, {"quality": "RED"}),
        ("template_category_update", {"previous_category": "A", "new_category": "B"}, {"category": "B"}),
        ("template_category_update", {"new_category": "UTILITY", "correct_category": "MARKETING"}, {}),
        ("template_correct_category_detection", {"category": "UTILITY", "correct_category": "MARKETING"}, {}),
        ("message_template_components_update", {"message_template_element": "Hi"}, {}),
    ],
    ids=range(9),
)  # fmt: skip
def test_what_changed_of_a_template_is_told_from_the_keys(field: str, value: Any, said: dict[str, str]) -> None:
    event = one(field, {**TEMPLATE, **value}, time=NOON_S).event
    assert isinstance(event, TemplateChanged)
    assert (event.external_id, event.name, event.language) == ("7100000000000001", "order_update", "en_US")
    changed = {name: getattr(event, name) for name in ("status", "category", "quality", "reason")}
    assert {name: value for name, value in changed.items() if value is not None} == said
    assert event.occurred_at == NOON


def test_a_template_s_new_components_are_in_the_form_of_the_api() -> None:
    buttons = [{"message_template_button_type": "URL", "message_template_button_text": "Track"}, None]
    value = {**TEMPLATE, "message_template_element": "Hi", "message_template_buttons": buttons}
    event = one("message_template_components_update", value, time=NOON_S).event
    assert isinstance(event, TemplateChanged)
    assert event.data == {
        "components": [
            {"type": "BODY", "text": "Hi"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Track"}]},
        ]
    }


def test_the_same_event_of_a_template_at_another_time_is_another_item() -> None:
    value = {**TEMPLATE, "event": "PAUSED"}
    first, second = (one("message_template_status_update", value, time=time) for time in (NOON_S, NOON_S + 60))
    assert first.key != second.key
    assert first.key.startswith("template:7100000000000001:")


def account(field: str, **value: Any) -> AccountNotice:
    event = one(field, value, time=NOON_S).event
    assert isinstance(event, AccountNotice)
    assert event.text.strip()
    assert event.data == value
    return event


BANS = {"DISABLE": "disabled", "SCHEDULE_FOR_DISABLE": "degraded", "REINSTATE": "active", "NEW_WORD": None}


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        *[
            ("account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": state}}, status)
            for state, status in BANS.items()
        ],
        ("account_update", {"event": "DISABLED_UPDATE"}, None),
        ("account_update", {"event": "ACCOUNT_DELETED"}, "disabled"),
        ("account_update", {"event": "ACCOUNT_RESTRICTION", "restriction_info": [None, {}]}, "degraded"),
        ("account_update", {"event": "ACCOUNT_OFFBOARDED"}, "degraded"),
        ("account_update", {"event": "ACCOUNT_RECONNECTED"}, "active"),
        ("account_update", {"event": "PARTNER_REMOVED", "disconnection_info": {"reason": "X"}}, "degraded"),
        ("account_update", {"event": "PARTNER_REMOVED"}, None),
        ("account_update", {"event": "PARTNER_ADDED"}, None),
        ("account_update", {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SPAM"}}, None),
        ("account_review_update", {"decision": "REJECTED"}, "degraded"),
        ("account_review_update", {"decision": "APPROVED"}, None),
        ("security", {"event": "PIN_CHANGED"}, None),
        ("account_alerts", {"alert_severity": "CRITICAL", "alert_description": "flat"}, None),
    ],
    ids=str,
)  # fmt: skip
def test_an_account_s_status_follows_only_from_what_is_said(field: str, value: Any, status: str | None) -> None:
    assert account(field, **value).status == status


@pytest.mark.parametrize(
    ("event", "quality"), [("FLAGGED", "RED"), ("UNFLAGGED", "UNKNOWN"), ("ONBOARDING", None), ("UPGRADE", None)]
)
def test_a_number_s_quality_follows_only_from_what_is_said(event: str, quality: str | None) -> None:
    assert account("phone_number_quality_update", event=event).quality == quality


def test_the_notice_is_named_by_field_and_event() -> None:
    assert (
        account("flows", event="ENDPOINT_ERROR_RATE", message="Too many errors").notice == "flows.endpoint_error_rate"
    )
    assert account("flows", event="ENDPOINT_ERROR_RATE", message="Too many errors").text == "Too many errors"
    assert account("account_review_update", decision="APPROVED").notice == "account_review_update"


def test_management_items_are_for_the_business_account_and_say_which_number() -> None:
    item = one("security", {"display_phone_number": "15550009999", "event": "PIN_CHANGED"}, time=NOON_S)
    assert (item.account.external_id, item.account.parent_external_id) == (None, "301")
    assert item.account.display == "15550009999"
    removed = one("account_update", {"event": "PARTNER_REMOVED", "phone_number": "15550009999"}, time=NOON_S)
    assert removed.account.display == "15550009999"


def test_a_notice_without_any_time_is_undated() -> None:
    assert of_number("messages", errors=[{"code": 130429, "title": "Rate limit hit"}]).occurred_at == UNDATED
    assert one("account_review_update", {"decision": "APPROVED"}).event.occurred_at == UNDATED
