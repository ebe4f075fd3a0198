"""Comments are messages that open no window; mentions and insights are notices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import AccountNotice, IdentityKey, Ignored, Item, Malformed, MessageReceived, Unrecognised
from patchbay.model.content import Text, Unsupported
from patchbay_instagram.parse import parse

ACCOUNT, NOOR = "17841400099887766", "993300225566778"
COMMENT = {"id": "178", "from": {"id": NOOR, "username": "noor.example"}, "text": "price?", "media": {"id": "181"}}


def parsed(field: str, value: Any, **entry: Any) -> tuple[Item | Malformed, ...]:
    given = {"id": ACCOUNT, "time": 1795168200, "changes": [{"field": field, "value": value}], **entry}
    return parse(json.dumps({"object": "instagram", "entry": [given]}).encode())


def said(field: str, value: Any) -> Any:
    (one,) = parsed(field, value)
    assert isinstance(one, Item)
    return one.event


def test_a_comment_opens_no_window_and_says_what_it_is_on() -> None:
    event = said("comments", COMMENT)
    assert isinstance(event, MessageReceived)
    assert (event.external_id, event.opens_window, event.content) == ("comment:178", False, Text(text="price?"))
    assert event.context == {"comment": {"id": "178", "media_id": "181"}}
    assert event.sender.username == "noor.example"


def test_the_flattened_form_is_the_same_comment() -> None:
    flat = {"id": ACCOUNT, "time": 1795168200, "field": "comments", "value": COMMENT}
    assert parse(json.dumps({"object": "instagram", "entry": [flat]}).encode()) == parsed("comments", COMMENT)


def test_a_comment_that_comes_for_the_advertisement_and_the_post_is_one() -> None:
    on_ad = {**COMMENT, "media": {"id": "190", "media_product_type": "AD", "ad_id": "1", "original_media_id": "181"}}
    assert parsed("comments", on_ad)[0].key == parsed("comments", COMMENT)[0].key == "comment:178"


@pytest.mark.parametrize(
    ("field", "kind", "live"),
    [("live_comments", None, True), ("comments", "LIVE", True), ("comments", "STORY", None), ("comments", None, None)],
)
def test_a_comment_during_a_broadcast_is_marked(field: str, kind: str | None, live: bool | None) -> None:
    event = said(field, {**COMMENT, "media": {"id": "181", "media_product_type": kind}})
    assert event.context["comment"].get("live") is live


def test_the_id_that_messages_know_the_author_by_goes_first() -> None:
    event = said("comments", {**COMMENT, "from": {"id": "5", "self_ig_scoped_id": NOOR}})
    assert event.sender.keys == tuple(IdentityKey(kind="igsid", value=id, scope="account") for id in (NOOR, "5"))


def test_the_accounts_own_comment_is_ignored_with_a_reason() -> None:
    event = said("comments", {**COMMENT, "from": {"id": ACCOUNT, "username": "brightleaf.tea"}})
    assert isinstance(event, Ignored)
    assert "own comment" in event.reason


@pytest.mark.parametrize("author", [None, {}, {"username": "noor.example"}, "noor"])
def test_a_comment_of_nobody_is_a_notice_with_all_it_says(author: Any) -> None:
    event = said("comments", {**COMMENT, "from": author})
    assert isinstance(event, AccountNotice)
    assert (event.notice, event.data["id"], event.data["text"]) == ("comment", "178", "price?")


@pytest.mark.parametrize("written", [None, "", {"odd": 1}])
def test_a_comment_without_its_text_is_kept(written: Any) -> None:
    event = said("comments", {**COMMENT, "text": written})
    assert isinstance(event, MessageReceived)
    assert event.content == Unsupported(provider_type="comment", reason="The comment came without its text.")


def test_a_comment_without_an_id_is_kept_apart() -> None:
    (one,) = parsed("comments", {**COMMENT, "id": None})
    assert isinstance(one, Malformed)


def test_insights_say_that_small_counts_are_not_told() -> None:
    event = said("story_insights", {"media_id": "7", "impressions": 9, "reach": -1, "replies": 0})
    assert isinstance(event, AccountNotice)
    assert event.text == "A story ended: impressions 9, reach below 5, replies 0."


def test_insights_without_numbers_are_told_all_the_same() -> None:
    assert said("story_insights", {"media_id": "7"}).text == "A story ended."


@pytest.mark.parametrize("field", ["creator_marketplace_projects", "holograms"])
def test_fields_that_nobody_reads_are_listed(field: str) -> None:
    event = said(field, {"id": "1"})
    assert isinstance(event, Unrecognised)
    assert event.what == field


def test_a_messaging_event_may_come_as_a_change() -> None:
    message = {
        "sender": {"id": NOOR},
        "recipient": {"id": ACCOUNT},
        "timestamp": "1795168200",
        "message": {"mid": "m1", "text": "hi"},
    }
    event = said("messages", message)
    assert isinstance(event, MessageReceived)
    assert (event.external_id, event.content) == ("m1", Text(text="hi"))
