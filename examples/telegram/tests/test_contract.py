"""The checks that every channel has to pass, up to the level that this one claims."""

from patchbay.testing.channel_contract import ChannelContract

from patchbay_telegram.certification import TelegramSamples


class TestTelegram(ChannelContract):
    samples = TelegramSamples()
    level = "platinum"
