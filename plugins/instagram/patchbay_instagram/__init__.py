"""The Instagram channel: settings in ``[instagram]``, webhooks at ``/webhooks/instagram``."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.channel import Channel
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.settings import Settings
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings

__all__ = ["InstagramChannel", "InstagramSettings", "register_channels", "register_settings"]


@hookimpl
def register_settings() -> PluginSettings:
    """The table ``[instagram]``."""
    return PluginSettings(table="instagram", model=InstagramSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    """One channel, whether or not an account is configured: accounts can be added while it runs."""
    return (InstagramChannel(settings.plugin("instagram", InstagramSettings)),)
