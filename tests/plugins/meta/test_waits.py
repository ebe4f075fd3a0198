"""How long an answer asks to wait, and whose wait it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.errors import Throttled
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from patchbay.testing.outbound import account, identity, outgoing, recipient
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings
from patchbay_meta.waits import known_as, regain_access_s
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings


def header(**minutes: int) -> dict[str, str]:
    """The usage header, with the wait of each object by its id after an x."""
    told = {id[1:]: [{"estimated_time_to_regain_access": wait}] for id, wait in minutes.items()}
    return {"X-Business-Use-Case-Usage": json.dumps(told)}


@pytest.mark.parametrize(
    ("headers", "of", "seconds"),
    [
        (header(x1=5, x2=600), ("1",), 300.0),
        (header(x1=5, x2=600), ("1", "2"), 36_000.0),
        (header(x1=5, x2=600), (), 36_000.0),
        (header(x1=5, x2=600), ("3",), 36_000.0),
        (header(x1=0, x2=600), ("1",), None),
        ({}, ("1",), None),
    ],
)
def test_the_wait_of_ones_own_objects_goes_before_that_of_others(
    headers: dict[str, str], of: tuple[str, ...], seconds: float | None
) -> None:
    assert regain_access_s(headers, of) == seconds


def test_an_account_is_named_by_its_id_or_its_parents() -> None:
    assert known_as(account("messenger", "7")) == ("7",)
    assert known_as(account("whatsapp", "401", "301")) == ("401", "301")


INSTAGRAM, WHATSAPP = InstagramChannel(InstagramSettings()), WhatsAppChannel(WhatsAppSettings())
TO_IGSID = recipient(identity("igsid", "9", channel="instagram"))
TO_PHONE = recipient(identity("phone", "+4915112345678", channel="whatsapp"))


@pytest.mark.parametrize(
    ("channel", "known", "to", "code"),
    [
        (INSTAGRAM, account("instagram", "7"), TO_IGSID, 80002),
        (INSTAGRAM, account("instagram", "1784", "7"), TO_IGSID, 80002),
        (WHATSAPP, account("whatsapp", "401", "7"), TO_PHONE, 80007),
    ],
)
def test_every_channel_waits_as_long_as_its_own_account_has_to(
    channel: Any, known: ChannelAccount, to: Any, code: int
) -> None:
    throttled = answer(400, header(x7=2, x8=600), error={"code": code, "message": "Too many calls"})
    with pytest.raises(Throttled) as caught:
        play(channel.send(known, outgoing(Text(text="x"), to)), throttled)
    assert caught.value.retry_after_s == 120.0
