"""What each of Meta's channels asks about an account, and finds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from patchbay.channel import ApiResponse, Channel
from patchbay.model.account import ChannelAccount
from patchbay.testing.outbound import account
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import FIELDS as INSTAGRAM_FIELDS
from patchbay_instagram.channel import PAGE_SCOPES, InstagramChannel
from patchbay_instagram.channel import USEFUL_SCOPES as PAGE_USEFUL_SCOPES
from patchbay_instagram.settings import InstagramSettings
from patchbay_messenger.channel import FIELDS as PAGE_FIELDS
from patchbay_messenger.channel import SCOPES as MESSENGER_SCOPES
from patchbay_messenger.channel import USEFUL_SCOPES as MESSENGER_USEFUL_SCOPES
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.diagnosis import Fields
from patchbay_whatsapp.channel import SCOPES as WHATSAPP_SCOPES
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

DEBUG = "/debug_token?input_token={token}&access_token={token}"
REFUSED = answer(400, error={"code": 190, "error_subcode": 463, "message": "Expired"})


def good_token(scopes: frozenset[str]) -> ApiResponse:
    return answer(data={"is_valid": True, "scopes": sorted(scopes)})


def subscribed(fields: frozenset[str]) -> ApiResponse:
    return answer(data=[{"id": "1", "subscribed_fields": sorted(fields)}])


def all_of(fields: Fields) -> frozenset[str]:
    return fields.needed | fields.useful


MESSENGER, INSTAGRAM, WHATSAPP = (
    MessengerChannel(MessengerSettings()),
    InstagramChannel(InstagramSettings()),
    WhatsAppChannel(WhatsAppSettings()),
)
CASES = [
    (
        MESSENGER,
        account("messenger", "7"),
        [
            (DEBUG, good_token(MESSENGER_SCOPES | MESSENGER_USEFUL_SCOPES)),
            ("/7/subscribed_apps", subscribed(all_of(PAGE_FIELDS))),
        ],
        ["token", "scopes", "subscription"],
    ),
    (
        INSTAGRAM,
        account("instagram", "1784", "7"),
        [
            (DEBUG, good_token(PAGE_SCOPES | PAGE_USEFUL_SCOPES)),
            ("/7/subscribed_apps", subscribed(frozenset({"feed"}))),
        ],
        ["token", "scopes", "subscription"],
    ),
    (
        INSTAGRAM,
        account("instagram", "1784"),
        [("/me", answer(user_id="1784")), ("/1784/subscribed_apps", subscribed(all_of(INSTAGRAM_FIELDS)))],
        ["token", "subscription"],
    ),
    (
        WHATSAPP,
        account("whatsapp", "401", "301"),
        [
            (DEBUG, good_token(WHATSAPP_SCOPES)),
            ("/401", answer(id="401")),
            ("/301/subscribed_apps", subscribed(frozenset())),
        ],
        ["token", "scopes", "number", "subscription"],
    ),
]


@pytest.mark.parametrize(("channel", "known", "script", "checks"), CASES)
def test_an_account_that_works(
    channel: Channel, known: ChannelAccount, script: list[tuple[str, ApiResponse]], checks: list[str]
) -> None:
    played = play(channel.diagnose(known), *[response for _, response in script])
    assert [request.path for request in played.requests] == [path for path, _ in script]
    assert [(finding.check, finding.state) for finding in played.result] == [(check, "ok") for check in checks]


@pytest.mark.parametrize(("channel", "known", "script", "checks"), CASES)
def test_a_token_that_is_refused_everywhere(
    channel: Channel, known: ChannelAccount, script: list[tuple[str, ApiResponse]], checks: list[str]
) -> None:
    found = play(channel.diagnose(known), *[REFUSED for _ in script]).result
    assert len(found) == len(script)
    assert {finding.state for finding in found} == {"problem"}


def test_a_number_without_its_business_account_says_what_to_set() -> None:
    found = play(WHATSAPP.diagnose(account("whatsapp", "401")), good_token(WHATSAPP_SCOPES), answer(id="401")).result
    assert (found[-1].check, found[-1].state) == ("subscription", "unknown")
    assert "parent_external_id" in (found[-1].fix or "")


DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    ("channel", "known", "told"),
    [
        (MESSENGER, account("messenger", "7"), "messenger.md"),
        (INSTAGRAM, account("instagram", "1784"), "instagram.md"),
        (INSTAGRAM, account("instagram", "1784", "7"), "instagram.md"),
    ],
    ids=["messenger", "instagram login", "linked page"],
)
def test_the_fix_of_a_subscription_is_the_request_that_the_documentation_tells(
    channel: Channel, known: ChannelAccount, told: str
) -> None:
    requests = re.findall(r"subscribed_fields=([a-z_,]+)", (DOCS / told).read_text("utf-8"))
    nothing = answer(data=[])
    first = answer(user_id="1784", data={"is_valid": True})
    finding = play(channel.diagnose(known), first, nothing).result[-1]
    assert (finding.check, finding.state) == ("subscription", "problem")
    named = re.search(r"subscribed_fields=([a-z_,]+)", finding.fix or "")
    assert named is not None
    assert set(named[1].split(",")) in [set(request.split(",")) for request in requests]
    assert "response_feedback" not in named[1]


def last_of(channel: Channel, known: ChannelAccount, *responses: ApiResponse) -> tuple[str, str]:
    finding = play(channel.diagnose(known), *responses).result[-1]
    return finding.state, finding.told


def test_what_the_inbox_needs_is_a_problem_and_the_rest_a_warning() -> None:
    page, good = account("messenger", "7"), good_token(MESSENGER_SCOPES)
    fields = all_of(PAGE_FIELDS)
    state, told = last_of(MESSENGER, page, good, subscribed(fields - {"messages", "feed"}))
    assert (state, "messages" in told, "feed" in told) == ("problem", True, True)
    assert last_of(MESSENGER, page, good, subscribed(fields - {"feed"}))[0] == "warning"
    login = account("instagram", "1784")
    state, told = last_of(INSTAGRAM, login, answer(user_id="1784"), subscribed(frozenset({"messages", "comments"})))
    assert (state, "messaging_postbacks" in told, "mentions" in told) == ("problem", True, True)


def test_a_linked_page_that_is_subscribed_to_no_field_gets_nothing() -> None:
    linked = account("instagram", "1784", "7")
    assert last_of(INSTAGRAM, linked, good_token(PAGE_SCOPES), subscribed(frozenset()))[0] == "problem"


def test_permissions_for_more_than_messages_are_a_warning() -> None:
    linked = account("instagram", "1784", "7")
    _, scopes, _ = play(INSTAGRAM.diagnose(linked), good_token(PAGE_SCOPES), subscribed(frozenset({"feed"}))).result
    assert scopes.state == "warning"
    for name in ("pages_messaging", "instagram_manage_comments", "pages_read_engagement"):
        assert name in scopes.told
    fewer = PAGE_SCOPES - {"instagram_manage_messages"}
    _, scopes, _ = play(INSTAGRAM.diagnose(linked), good_token(fewer), subscribed(frozenset({"feed"}))).result
    assert scopes.state == "problem"
