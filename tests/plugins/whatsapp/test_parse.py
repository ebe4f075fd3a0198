"""Webhooks as items: what every payload becomes, and what a webhook as a whole may be."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from patchbay.channel import AccountRef, Item, Malformed, Unrecognised
from patchbay.errors import BadPayload
from patchbay_whatsapp.change import Change
from patchbay_whatsapp.parse import parse
from tests.plugins.webhooks import WHATSAPP

payload, edited, items = WHATSAPP.payload, WHATSAPP.edited, WHATSAPP.items


def stated(row: Any, actual: Any) -> bool:
    """Whether everything that the row states is so; what it does not state inside an ``error`` is free."""
    if isinstance(row, dict) and isinstance(actual, dict):
        return all(name in actual and stated(value, actual[name]) for name, value in row.items())
    return bool(row == actual)


@pytest.mark.parametrize("name", WHATSAPP.names)
def test_what_each_payload_becomes(name: str) -> None:
    rows, parsed = WHATSAPP.rows[name], items(payload(name))
    assert [item.key for item in parsed] == [row["key"] for row in rows]
    assert [item.index for item in parsed] == list(range(len(rows)))
    for row, item in zip(rows, parsed, strict=True):
        account = item.account
        assert [account.external_id, account.parent_external_id, account.display] == row["account"]
        event = json.loads(msgspec.json.encode(item.event))
        assert sorted(event) == sorted(row["event"])
        for field, value in row["event"].items():
            assert stated(value, event[field]) if field == "error" else value == event[field], field


@pytest.mark.parametrize("nested", [50, 400, 900])
def test_a_deeply_nested_value_costs_only_itself_or_is_a_bad_payload(nested: int) -> None:
    deep = "[" * nested + "]" * nested
    body = payload("account_alerts").replace(b'"BUSINESS"', deep.encode())
    try:
        (only,) = parse(body)
    except BadPayload:
        assert nested == 900
    else:
        assert isinstance(only, Malformed)
        assert "nested" in only.error


@pytest.mark.parametrize("odd", [None, 7, "x", [], True], ids=str)
def test_an_odd_entry_or_change_or_update_is_one_malformed_item_beside_good_ones(odd: Any) -> None:
    good = parse(payload("text"))
    beside_entry = parse(edited("text", lambda body: body["entry"].append(odd)))
    beside_change = parse(edited("text", lambda body: body["entry"][0]["changes"].append(odd)))
    beside_message = parse(edited("text", lambda body: value_of(body)["messages"].append(odd)))
    no_value = parse(
        edited("text", lambda body: body["entry"][0]["changes"].append({"field": "messages", "value": odd}))
    )
    no_changes = parse(edited("text", lambda body: body["entry"].append({"id": "1", "changes": odd or None})))
    for parsed in (beside_entry, beside_change, beside_message, no_value, no_changes):
        assert parsed[0] == good[0]
        assert [type(one) for one in parsed[1:]] == [Malformed]
        assert parsed[1].index == 1


def value_of(body: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = body["entry"][0]["changes"][0]["value"]
    return value


def test_one_bad_update_of_a_thousand_costs_only_itself() -> None:
    def many(body: dict[str, Any]) -> None:
        value = value_of(body)
        template = value["messages"][0]
        value["messages"] = [{**template, "id": f"wamid.{n}", "from": f"1555000{n:04}"} for n in range(1000)]
        value["contacts"] = [{"wa_id": f"1555000{n:04}", "profile": {"name": f"Nr {n}"}} for n in range(1000)]
        value["messages"][417]["text"] = {"body": ["not", "a", "text"]}

    parsed = parse(edited("text_legacy_no_bsuid", many))
    assert len(parsed) == 1000
    assert [one.index for one in parsed] == list(range(1000))
    assert len({one.key for one in parsed}) == 1000
    bad = [one for one in parsed if isinstance(one, Malformed)]
    assert [(one.index, one.key) for one in bad] == [(417, "message:wamid.417")]
    assert "text.body" in bad[0].error
    names = [one.event.sender.name for one in parsed if isinstance(one, Item)]  # type: ignore[union-attr]
    assert names == [f"Nr {n}" for n in range(1000) if n != 417]


def test_contacts_of_a_batch_are_gone_through_once() -> None:
    class Counted(list[Any]):
        walks = 0

        def __iter__(self) -> Any:
            self.walks += 1
            return super().__iter__()

    contacts = Counted({"wa_id": f"1555000{n:04}", "user_id": f"US.{n}"} for n in range(1000))
    change = Change("messages", {"contacts": contacts}, AccountRef())
    for n in range(1000):
        assert change.contact(None, f"1555000{n:04}") is contacts[n]
        assert change.contact(f"US.{n}", "unknown") is contacts[n]
    assert change.contact("US.1000", None, "") is None
    assert contacts.walks == 1


def test_errors_of_malformed_items_do_not_repeat_what_people_wrote() -> None:
    def spoil(body: dict[str, Any]) -> None:
        value_of(body)["messages"][0]["text"] = "a secret"
        value_of(body)["messages"][0]["id"] = {"secret": "secret"}

    (only,) = parse(edited("text", spoil))
    assert isinstance(only, Malformed)
    assert "secret" not in only.error
    assert "id" in only.error


def test_a_message_without_its_phone_number_is_for_no_account_rather_than_for_all() -> None:
    (only,) = parse(edited("text", lambda body: value_of(body).pop("metadata")))
    assert isinstance(only, Malformed)
    assert only.key == items(payload("text"))[0].key
    assert "phone number" in only.error


def test_malformed_updates_keep_their_key() -> None:
    good = parse(payload("status_delivered"))[0]
    (bad,) = parse(edited("status_delivered", lambda body: value_of(body)["statuses"][0].update(pricing=7)))
    assert isinstance(bad, Malformed)
    assert bad.key == good.key


def test_a_change_in_which_nothing_is_known_is_listed() -> None:
    def empty(body: dict[str, Any]) -> None:
        del value_of(body)["messages"]
        value_of(body)["holograms"] = [{"id": "1"}]

    (item,) = items(edited("text", empty))
    assert isinstance(item.event, Unrecognised)
    assert item.event.what == "messages"


def test_numbers_that_no_store_holds_cost_only_their_update() -> None:
    body = payload("automatic_events_purchase").replace(b"25000", b"1" + b"0" * 40)
    (only,) = parse(body)
    assert isinstance(only, Malformed)
    assert "64 bits" in only.error


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("smb_echo_text", "message_echoes"),
        ("group_participants_update", "group_participant_update"),
        ("business_username_updates", "phone_number_username_update"),
        ("business_username_updates", "business_username_update"),
        ("template_quality_update", "message_template_status_update"),
    ],
)
def test_other_spellings_of_a_field_are_the_same(name: str, field: str) -> None:
    other = items(edited(name, lambda body: body["entry"][0]["changes"][0].update(field=field)))
    assert [type(item.event) for item in other] == [type(item.event) for item in items(payload(name))]
