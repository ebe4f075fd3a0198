"""What Graph says of a token and a subscription."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.channel import Finding
from patchbay.errors import AccountBroken
from patchbay.testing.play import answer, play
from patchbay_meta.diagnosis import Fields, subscription_findings, token_findings
from patchbay_meta.graph import GraphErrors

ERRORS = GraphErrors("Messenger")


def states(found: Any) -> dict[str, str]:
    return {finding.check: finding.state for finding in found}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"is_valid": True, "scopes": ["read", "write", "more"]}, {"token": "ok", "scopes": "ok"}),
        ({"is_valid": True, "scopes": ["read"]}, {"token": "ok", "scopes": "problem"}),
        ({"is_valid": True}, {"token": "ok", "scopes": "unknown"}),
        ({"is_valid": False, "scopes": ["read", "write"]}, {"token": "problem"}),
    ],
)
def test_a_token_and_what_it_may_do(data: dict[str, Any], found: dict[str, str]) -> None:
    result = play(token_findings(ERRORS, {"read", "write"}), answer(data=data)).result
    assert states(result) == found
    for finding in result:
        assert (finding.fix is None) == (finding.state in ("ok", "unknown"))
    if found.get("scopes") == "problem":
        assert "write" in result[1].told


@pytest.mark.parametrize(
    ("apps", "state", "names"),
    [
        ([{"id": "1", "subscribed_fields": ["messages", "standby", "feed"]}], "ok", ""),
        ([{"id": "1", "subscribed_fields": ["messages"]}, {"id": "2", "subscribed_fields": ["standby"]}], "ok", ""),
        ([{"id": "1", "subscribed_fields": ["messages"]}], "warning", "standby"),
        ([{"id": "1", "subscribed_fields": ["standby"]}], "problem", "messages"),
        ([{"id": "1"}], "problem", "messages"),
        ([], "problem", "No app"),
    ],
)
def test_what_an_app_is_subscribed_to(apps: list[Any], state: str, names: str) -> None:
    fields = Fields(needed=frozenset({"messages"}), useful=frozenset({"standby"}))
    played = play(subscription_findings("/7/subscribed_apps", ERRORS, fields), answer(data=apps))
    (finding,) = played.result
    assert (finding.check, finding.state) == ("subscription", state)
    assert names in finding.told
    fix = "POST /7/subscribed_apps?subscribed_fields=messages,standby with the account's token."
    assert finding.fix == (None if state == "ok" else fix)
    assert played.request.path == "/7/subscribed_apps"


def test_the_fix_keeps_what_the_only_app_is_subscribed_to_beside() -> None:
    fields = Fields(needed=frozenset({"messages"}), useful=frozenset({"standby"}))
    ours, others = {"id": "1", "subscribed_fields": ["leadgen"]}, {"id": "2", "subscribed_fields": ["ratings"]}
    for apps, named in (([ours], "leadgen,messages,standby"), ([ours, others], "messages,standby")):
        (finding,) = play(subscription_findings("/7/subscribed_apps", ERRORS, fields), answer(data=apps)).result
        assert finding.fix == f"POST /7/subscribed_apps?subscribed_fields={named} with the account's token."


def test_where_no_fields_are_named_any_app_will_do() -> None:
    flow = subscription_findings("/w/subscribed_apps", ERRORS)
    result = play(flow, answer(data=[{"whatsapp_business_api_data": {"id": "1"}}])).result
    assert result == (Finding("subscription", "ok", "The app is subscribed to the account."),)


def test_a_refusal_is_the_callers_to_judge() -> None:
    with pytest.raises(AccountBroken):
        play(token_findings(ERRORS, ()), answer(400, error={"code": 190, "message": "Expired"}))
