"""The Messenger channel: settings in ``[messenger]``, webhooks at ``/webhooks/messenger``."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.channel import Channel
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.settings import Settings
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

__all__ = ["MessengerChannel", "MessengerSettings", "register_channels", "register_settings"]


@hookimpl
def register_settings() -> PluginSettings:
    """The table ``[messenger]``."""
    return PluginSettings(table="messenger", model=MessengerSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    """One channel, whether or not a page is configured: pages can be added while it runs."""
    return (MessengerChannel(settings.plugin("messenger", MessengerSettings)),)
