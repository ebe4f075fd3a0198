"""The account as Telegram knows it."""

from __future__ import annotations

from typing import Any

import pytest
from patchbay.errors import AccountBroken
from patchbay.testing.play import answer, play

from people import BOT, CHANNEL, call, refused


def test_an_account_is_the_bot_that_its_token_is_of() -> None:
    me = {"id": 4242, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
    asked = play(CHANNEL.check_account(BOT), answer(ok=True, result=me))
    assert (call(asked.request), asked.result) == ("getMe", me)
    for said in (answer(ok=True, result={**me, "id": 5}), refused(401, "Unauthorized")):
        with pytest.raises(AccountBroken):
            play(CHANNEL.check_account(BOT), said)


ME: dict[str, Any] = {"id": 4242, "is_bot": True, "first_name": "Shop", "can_read_all_group_messages": True}
HOOK: dict[str, Any] = {
    "url": "https://inbox.example.com/webhooks/telegram/4242",
    "has_custom_certificate": False,
    "pending_update_count": 0,
    "allowed_updates": ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"],
}
FAILING = {"pending_update_count": 3, "last_error_date": 1, "last_error_message": "Wrong response: 401 Unauthorized"}
LOOKS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"webhook": "ok", "updates": "ok", "delivery": "ok"}),
    ({"url": ""}, {"webhook": "problem", "updates": "ok", "delivery": "ok"}),
    ({"url": "https://other.example/hook"}, {"webhook": "problem", "updates": "ok", "delivery": "ok"}),
    ({"allowed_updates": ["message"]}, {"webhook": "ok", "updates": "warning", "delivery": "ok"}),
    ({"allowed_updates": None}, {"webhook": "ok", "updates": "warning", "delivery": "ok"}),
    (FAILING, {"webhook": "ok", "updates": "ok", "delivery": "problem"}),
    ({**FAILING, "pending_update_count": 0}, {"webhook": "ok", "updates": "ok", "delivery": "ok"}),
    ({"pending_update_count": 2}, {"webhook": "ok", "updates": "ok", "delivery": "ok"}),
]


@pytest.mark.parametrize(("told", "states"), LOOKS)
def test_what_telegram_tells_of_the_webhook(told: dict[str, Any], states: dict[str, str]) -> None:
    looked = play(CHANNEL.diagnose(BOT), answer(ok=True, result=ME), answer(ok=True, result={**HOOK, **told}))
    assert [call(request) for request in looked.requests] == ["getMe", "getWebhookInfo"]
    assert {one.check: one.state for one in looked.result} == {"token": "ok", **states}
    assert all(one.fix for one in looked.result if one.state != "ok")


def test_what_is_not_delivered_is_named() -> None:
    silent = {**HOOK, "allowed_updates": []}
    looked = play(CHANNEL.diagnose(BOT), answer(ok=True, result=ME), answer(ok=True, result=silent))
    (updates,) = (one for one in looked.result if one.check == "updates")
    assert updates.told == "Telegram does not deliver message_reaction."


def test_a_token_that_does_not_work_is_the_one_thing_to_mend() -> None:
    looked = play(CHANNEL.diagnose(BOT), refused(401, "Unauthorized"))
    (token,) = looked.result
    assert (token.check, token.state) == ("token", "problem")


def test_that_a_bot_hears_little_in_groups_is_told() -> None:
    shy = {**ME, "can_read_all_group_messages": False}
    looked = play(CHANNEL.diagnose(BOT), answer(ok=True, result=shy), refused(500, "Internal Server Error"))
    states = [(one.check, one.state) for one in looked.result]
    assert states == [("token", "ok"), ("groups", "ok"), ("webhook", "unknown")]
