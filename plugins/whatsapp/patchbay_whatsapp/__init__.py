"""The WhatsApp Cloud API channel: settings in ``[whatsapp]``, webhooks at ``/webhooks/whatsapp``."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.channel import Channel
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.settings import Settings
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

__all__ = ["WhatsAppChannel", "WhatsAppSettings", "register_channels", "register_settings"]


@hookimpl
def register_settings() -> PluginSettings:
    """The table ``[whatsapp]``."""
    return PluginSettings(table="whatsapp", model=WhatsAppSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    """One channel, whether or not a number is configured: numbers can be added while it runs."""
    return (WhatsAppChannel(settings.plugin("whatsapp", WhatsAppSettings)),)
