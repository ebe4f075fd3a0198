"""What keeps a bot from hearing and being heard: its token, and the webhook as Telegram knows it. No IO.

Source: Telegram Bot API, getMe, getWebhookInfo.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from patchbay.channel import ApiRequest, ApiResponse, Finding, Findings, tried
from patchbay.errors import AccountBroken
from patchbay.model.account import ChannelAccount

from patchbay_telegram.api import NEW_TOKEN, call, result_of
from patchbay_telegram.names import CHANNEL

UPDATES = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")
# What comes unless it is told otherwise. Source: setWebhook, "allowed_updates": all but these
LEFT_OUT = ("chat_member", "message_reaction", "message_reaction_count")


def bot_of(account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
    """The bot by its token, which must be the one that the account is called after."""
    me = result_of((yield call("getMe")))
    told: Mapping[str, Any] = me if isinstance(me, Mapping) else {}
    if str(told.get("id")) != account.external_id:
        raise AccountBroken("The token is another bot's.", hint=NEW_TOKEN)
    return told


def diagnose(account: ChannelAccount) -> Findings:
    """The token, whether the bot hears what is said in groups, the webhook's address, its updates, its last failure."""
    known = yield from tried("token", _token(account))
    if any(one.state == "problem" for one in known):  # without a token nothing else can be asked
        return known
    return (*known, *(yield from tried("webhook", _webhook(account))))


def _token(account: ChannelAccount) -> Findings:
    me = yield from bot_of(account)
    good = Finding("token", "ok", "The token is this bot's.")
    if me.get("can_read_all_group_messages") is False:
        told = "In groups the bot hears only what is addressed to it."
        fix = "To hear everything, send /setprivacy to BotFather, then add the bot to its groups again."
        return good, Finding("groups", "ok", told, fix)
    return (good,)


def _webhook(account: ChannelAccount) -> Findings:
    found = result_of((yield call("getWebhookInfo")))
    info: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    return _address(account, info.get("url")), _updates(info.get("allowed_updates")), _delivery(info)


def _address(account: ChannelAccount, url: object) -> Finding:
    path = f"/webhooks/{CHANNEL}/{account.external_id}"
    fix = f"Call setWebhook with the public address that ends with {path}."
    if not isinstance(url, str) or not url:
        return Finding("webhook", "problem", "Telegram has no address to deliver to: nothing comes in.", fix)
    if not urlsplit(url).path.endswith(path):
        return Finding("webhook", "problem", "Telegram delivers to another address than this bot's.", fix)
    return Finding("webhook", "ok", f"Telegram delivers to {url}.")


def _updates(allowed: object) -> Finding:
    named = [one for one in allowed if isinstance(one, str)] if isinstance(allowed, Sequence) else []
    missing = [one for one in UPDATES if (one not in named if named else one in LEFT_OUT)]
    if missing:
        fix = f"Call setWebhook with allowed_updates {', '.join(UPDATES)}."
        return Finding("updates", "warning", f"Telegram does not deliver {', '.join(missing)}.", fix)
    return Finding("updates", "ok", "Telegram delivers all updates that are read.")


def _delivery(info: Mapping[str, Any]) -> Finding:
    """A failure counts while something waits for it: Telegram tells of the last one for ever."""
    waiting, said = info.get("pending_update_count"), info.get("last_error_message")
    if not isinstance(waiting, int) or waiting <= 0:
        return Finding("delivery", "ok", "Nothing waits to be delivered.")
    if not isinstance(said, str) or not said:
        return Finding("delivery", "ok", f"{waiting} updates are on their way.")
    fix = "For 401 compare the secret_token of setWebhook with the account's app_secret; else look at the address."
    return Finding("delivery", "problem", f"{waiting} updates wait. The last answer was: {said[:200]}", fix)
