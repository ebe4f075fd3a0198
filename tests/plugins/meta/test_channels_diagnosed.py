"""What each of Meta's channels asks about an account, and finds."""

from __future__ import annotations

import pytest

from patchbay.channel import ApiResponse, Channel
from patchbay.model.account import ChannelAccount
from patchbay.testing.outbound import account
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import FIELDS as INSTAGRAM_FIELDS
from patchbay_instagram.channel import PAGE_SCOPES, InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from patchbay_messenger.channel import FIELDS as PAGE_FIELDS
from patchbay_messenger.channel import SCOPES as MESSENGER_SCOPES
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_whatsapp.channel import SCOPES as WHATSAPP_SCOPES
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

DEBUG = "/debug_token?input_token={token}&access_token={token}"
REFUSED = answer(400, error={"code": 190, "error_subcode": 463, "message": "Expired"})


def good_token(scopes: frozenset[str]) -> ApiResponse:
    return answer(data={"is_valid": True, "scopes": sorted(scopes)})


def subscribed(fields: frozenset[str]) -> ApiResponse:
    return answer(data=[{"id": "1", "subscribed_fields": sorted(fields)}])


MESSENGER, INSTAGRAM, WHATSAPP = (
    MessengerChannel(MessengerSettings()),
    InstagramChannel(InstagramSettings()),
    WhatsAppChannel(WhatsAppSettings()),
)
CASES = [
    (
        MESSENGER,
        account("messenger", "7"),
        [(DEBUG, good_token(MESSENGER_SCOPES)), ("/7/subscribed_apps", subscribed(PAGE_FIELDS))],
        ["token", "scopes", "subscription"],
    ),
    (
        INSTAGRAM,
        account("instagram", "1784", "7"),
        [(DEBUG, good_token(PAGE_SCOPES)), ("/7/subscribed_apps", subscribed(frozenset({"feed"})))],
        ["token", "scopes", "subscription"],
    ),
    (
        INSTAGRAM,
        account("instagram", "1784"),
        [("/me", answer(user_id="1784")), ("/1784/subscribed_apps", subscribed(INSTAGRAM_FIELDS))],
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
