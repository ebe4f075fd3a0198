"""Messenger's words for what happens in a day.

Where the provider's facts leave a choice: Messenger takes nothing back by webhook, so nothing is unsent here; what was
lost and is never echoed stays ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from patchbay.channel import ApiRequest, Channel
from patchbay.testing.outbound import account
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from tests.plugins.days.words import Reported
from tests.plugins.page_words import PageWords, milliseconds

TOLD_LATER_S = 7  # a watermark is older than the webhook that tells of it


class MessengerWords(PageWords):
    """A page's webhooks, and the Send API's answers."""

    object = "page"
    own = "101000000000001"
    pictures = "scontent.example"
    channel: Channel = MessengerChannel(MessengerSettings())
    account = account("messenger", own)
    unsends = False

    def mid(self, name: str) -> str:
        return f"m_{name}"

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes:
        message = {"is_echo": True, "app_id": 880022334455667, "mid": mid, "text": text}
        return self.event(person, at, ours=True, message={**message, **({"metadata": reference} if reference else {})})

    def unsent(self, person: str, mid: str, at: int) -> bytes:
        raise AssertionError("nobody takes a message back on Messenger")

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """Up to this moment, told later; a report of delivery names some of the messages, too."""
        until: dict[str, Any] = {"watermark": milliseconds(at)}
        if state == "read":
            return self.event(person, at + TOLD_LATER_S, read=until)
        return self.event(person, at + TOLD_LATER_S, delivery={"mids": list(mids[-1:]), **until})

    def reference_in(self, request: ApiRequest) -> str | None:
        return str((request.json or {})["message"]["metadata"])
