"""Webhooks of Instagram as items: whom an entry is for, and what a delivery changes nothing by."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import AccountRef, Item, Malformed
from patchbay_instagram.parse import parse
from tests.plugins.webhooks import INSTAGRAM

ACCOUNT, SECOND_ACCOUNT = "17841400099887766", "17841400011223344"
payload, edited, items = INSTAGRAM.payload, INSTAGRAM.edited, INSTAGRAM.items


@pytest.mark.parametrize("name", INSTAGRAM.names)
def test_a_redelivery_in_another_batch_has_the_same_keys(name: str) -> None:
    """Only the entry around an event differs then."""

    def later(body: dict[str, Any]) -> None:
        for entry in body["entry"]:
            if "messaging" in entry or "standby" in entry:
                entry["time"] += 3_600_000

    again = items(edited(name, later))
    assert [(item.key, item.event) for item in again] == [(item.key, item.event) for item in items(payload(name))]


def test_an_entry_may_name_the_linked_page_instead_of_the_account() -> None:
    """Then the events' own ids say who wrote, and whom it is for; a change names the page, by which it is found too."""
    page = "104857600112233"

    def relabel(body: dict[str, Any]) -> None:
        body["entry"][0]["id"] = page

    for name in ("message_text", "echo_text_api", "message_self", "seen", "comment_changes", "message_edit"):
        (item,) = items(edited(name, relabel))
        (as_named,) = items(payload(name))
        named = page if name == "comment_changes" else as_named.account.external_id
        assert item.account == AccountRef(external_id=named, or_parent=True)
        assert (item.key, item.event) == (as_named.key, as_named.event)


def test_one_post_with_a_thousand_messages_for_two_accounts_routes_each() -> None:
    def many(body: dict[str, Any]) -> None:
        first, second = body["entry"]
        body["entry"] = [json.loads(json.dumps(second if n % 3 else first)) for n in range(1000)]
        for n, entry in enumerate(body["entry"]):
            entry["messaging"][0]["message"]["mid"] = f"m{n}"
        body["entry"][417]["messaging"][0]["message"]["mid"] = {"not": "an id"}

    parsed = parse(edited("batch_two_accounts", many))
    assert len(parsed) == 1000
    assert [one.index for one in parsed if isinstance(one, Malformed)] == [417]
    routed = [(one.index, one.account.external_id) for one in parsed if isinstance(one, Item)]
    assert routed == [(n, SECOND_ACCOUNT if n % 3 else ACCOUNT) for n in range(1000) if n != 417]
