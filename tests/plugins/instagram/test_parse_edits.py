"""An edit is an edit from its first count on; version 0 is a message that the app may not read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import (
    UNDATED,
    IdentityKey,
    Ignored,
    Item,
    Malformed,
    MessageEdited,
    MessageReceived,
    MessageWithheld,
    Person,
    Unrecognised,
)
from patchbay.model.content import Text
from patchbay_instagram.parse import parse

ACCOUNT, MARA = "17841400099887766", "882200114455667"
TIME = 1795168000000
PERSON = Person(keys=(IdentityKey(kind="igsid", value=MARA, scope="account"),))
FROM_MARA = {"sender": {"id": MARA}, "recipient": {"id": ACCOUNT}, "timestamp": TIME}
FROM_US = {"sender": {"id": ACCOUNT}, "recipient": {"id": MARA}, "timestamp": TIME}


def parsed(*events: dict[str, Any], time: Any = TIME) -> tuple[Item | Malformed, ...]:
    entry = {"id": ACCOUNT, "time": time, "messaging": list(events)}
    return parse(json.dumps({"object": "instagram", "entry": [entry]}).encode())


def edit(sides: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {**sides, "message_edit": {"mid": "m1", **given}}


def said(*events: dict[str, Any], time: Any = TIME) -> list[Any]:
    found = parsed(*events, time=time)
    assert all(isinstance(one, Item) for one in found)
    return [one.event for one in found if isinstance(one, Item)]


@pytest.mark.parametrize("count", [1, "1", 5])
def test_an_edit_is_the_whole_new_text(count: Any) -> None:
    (event,) = said(edit(FROM_MARA, text="new", num_edit=count))
    assert isinstance(event, MessageEdited)
    assert (event.target, event.content, event.by_business) == ("m1", Text(text="new"), False)


def test_an_edit_without_a_count_is_one_where_it_has_a_text() -> None:
    (event,) = said(edit(FROM_MARA, text="new"))
    assert isinstance(event, MessageEdited)


def test_each_edit_has_a_key_of_its_own() -> None:
    keys = [one.key for one in parsed(*(edit(FROM_MARA, text="x", num_edit=count) for count in (1, 2, 2)))]
    assert keys == ["edit:m1:1", "edit:m1:2", "edit:m1:2"]


def test_an_edit_by_the_account_is_marked() -> None:
    (event,) = said(edit(FROM_US, text="new", num_edit=1))
    assert isinstance(event, MessageEdited)
    assert event.by_business


def test_an_edit_without_its_text_is_kept_apart() -> None:
    (one,) = parsed(edit(FROM_MARA, num_edit=1))
    assert isinstance(one, Malformed)


@pytest.mark.parametrize("count", [0, "0", None])
def test_version_0_is_a_new_message_whose_content_is_withheld(count: Any) -> None:
    (event,) = said(edit(FROM_MARA, num_edit=count))
    assert isinstance(event, MessageWithheld)
    assert (event.external_id, event.person, event.by_business) == ("m1", PERSON, False)
    assert event.provider_type == "message_edit"
    assert "Advanced Access" in event.reason


def test_version_0_with_a_text_is_a_message_and_no_complaint() -> None:
    (event,) = said(edit(FROM_MARA, text="hello", num_edit=0))
    assert isinstance(event, MessageReceived)
    assert (event.content, event.context) == (Text(text="hello"), {})


def test_version_0_with_a_text_and_nobody_is_to_be_asked_for() -> None:
    (event,) = said(edit({"timestamp": TIME}, text="hello", num_edit=0))
    assert isinstance(event, MessageWithheld)


def test_version_0_of_what_the_account_wrote_makes_no_contact_of_it() -> None:
    (event,) = said(edit(FROM_US, num_edit=0))
    assert isinstance(event, MessageWithheld)
    assert (event.person, event.by_business) == (PERSON, True)
    itself = {**FROM_US, "recipient": {"id": ACCOUNT}}
    assert isinstance(said(edit(itself, num_edit=0))[0], Ignored)


@pytest.mark.parametrize(
    "sides",
    [{}, {"timestamp": TIME}, {"sender": None, "recipient": {}}, {"recipient": {"id": ACCOUNT}}, {"sender": []}],
    ids=range(5),
)
def test_version_0_without_a_person_is_to_be_asked_for_too(sides: dict[str, Any]) -> None:
    first, second = parsed(edit(sides, num_edit=0), {**sides, "message_edit": {"mid": "m2", "num_edit": 0}})
    assert isinstance(first, Item)
    assert isinstance(first.event, MessageWithheld)
    assert (first.event.external_id, first.event.person) == ("m1", None)
    assert (first.key, second.key) == ("first_version:m1", "first_version:m2")


def test_version_0_with_nothing_at_all_is_still_listed() -> None:
    (event,) = said({"message_edit": {"num_edit": 0}}, time=None)
    assert isinstance(event, Unrecognised)
    assert (event.occurred_at, event.reason) == (UNDATED, "it names no message")
