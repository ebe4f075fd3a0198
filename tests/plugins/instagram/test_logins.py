"""What depends on the login of an account, or is Instagram's reading of what it shares with Messenger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import Item, MessageWithheld, Person, ThreadNotice
from patchbay.errors import AccountBroken, Rejected, Unsupported
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Interactive, Section
from patchbay.model.conversation import Window
from patchbay.testing.outbound import NOON, account, identity, outgoing, recipient
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.parse import parse
from patchbay_instagram.settings import InstagramSettings

CHANNEL = InstagramChannel(InstagramSettings())
LOGIN, LINKED = account("instagram", "1784"), account("instagram", "1784", "101")
TO = recipient(identity("igsid", "9001", channel="instagram"))
PRODUCTS = [
    Interactive(kind="product", product_id="p1"),
    Interactive(kind="product_list", sections=(Section(product_ids=("p1", "p2")),)),
]


@pytest.mark.parametrize("content", PRODUCTS, ids=lambda content: content.kind)
def test_products_go_by_the_linked_page_only(content: Interactive) -> None:
    with pytest.raises(Unsupported, match="linked page") as caught:
        CHANNEL.check(LOGIN, content, TO, None)
    assert caught.value.hint
    CHANNEL.check(LINKED, content, TO, None)
    assert play(CHANNEL.send(LINKED, outgoing(content, TO)), answer(message_id="a")).result.external_id == "a"


def came(notice: str, **data: Any) -> ThreadNotice:
    return ThreadNotice(
        occurred_at=NOON, external_id="1", notice=notice, person=Person(keys=()), data=data, opens_window=True
    )


@pytest.mark.parametrize("event", [came("referral", source="IGME", ref="bio"), came("optin", ref="spring")])
def test_a_visit_opens_nothing_for_instagram_does_not_say_that_it_does(event: ThreadNotice) -> None:
    assert CHANNEL.window(Window(), event, "msg_1") == Window()


def test_one_by_an_advertisement_opens_seven_days() -> None:
    window = CHANNEL.window(Window(), came("referral", source="ADS", ad_id="6"), "msg_1")
    assert window.kind == "free_entry"
    assert window.expires_at is not None
    assert (window.expires_at - NOON).days == 7


def read(account: ChannelAccount, value: dict[str, Any]) -> Any:
    entry = {"id": account.external_id, "time": 1_795_167_000, "changes": [{"field": "message_edit", "value": value}]}
    (one,) = parse(json.dumps({"object": "instagram", "entry": [entry]}).encode())
    assert isinstance(one, Item)
    return one.event


def test_a_withheld_message_in_the_form_of_a_change_may_name_nobody() -> None:
    event = read(LOGIN, {"message_edit": {"mid": "aWdfX", "num_edit": 0}})
    assert isinstance(event, MessageWithheld)
    assert (event.external_id, event.person) == ("aWdfX", None)


@pytest.mark.parametrize("error", [{"code": 10}, {"code": 10, "error_subcode": 2534099}, {"code": 200}, {"code": 3}])
def test_a_permission_that_lacks_keeps_a_withheld_message_to_be_asked_for_again(error: dict[str, int]) -> None:
    with pytest.raises(AccountBroken, match="announces"):
        play(CHANNEL.fetch_message(LOGIN, "aWdfX"), answer(403, error=error))


def test_a_person_who_is_not_found_does_not() -> None:
    with pytest.raises(Rejected):
        play(CHANNEL.fetch_message(LOGIN, "aWdfX"), answer(400, error={"code": 10, "error_subcode": 2534014}))
