"""A channel whose parser ends the process, for what a plugin in C or a full memory does: no exception, no farewell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import ClassVar

from patchbay.channel import Channel, Item, Malformed
from patchbay.hookspecs import PluginSettings, hookimpl
from patchbay.settings import Settings
from patchbay_whatsapp import WhatsAppChannel, WhatsAppSettings

DEADLY = b"this ends the process"
STATUS = 97


class DeadlyChannel(WhatsAppChannel):
    """WhatsApp by another name; a body that says so is its last."""

    name: ClassVar[str] = "deadly"

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        if DEADLY in body:
            os._exit(STATUS)
        return super().parse(body)


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings(table="deadly", model=WhatsAppSettings)


@hookimpl
def register_channels(settings: Settings) -> Sequence[Channel]:
    return (DeadlyChannel(settings.plugin("deadly", WhatsAppSettings)),)
