"""Bots of the Telegram Bot API: settings in ``[telegram]``, webhooks at ``/webhooks/telegram/{bot id}``."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.channel import Channel
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.settings import Settings

from patchbay_telegram.channel import TelegramChannel
from patchbay_telegram.settings import TelegramSettings

__all__ = ["TelegramChannel", "TelegramSettings", "register_channels", "register_settings"]


@hookimpl
def register_settings() -> PluginSettings:
    """The table ``[telegram]``."""
    return PluginSettings(table="telegram", model=TelegramSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    """One channel, whether or not a bot is configured: bots can be connected while it runs."""
    return (TelegramChannel(settings.plugin("telegram", TelegramSettings)),)
