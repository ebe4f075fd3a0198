"""The words that a provider has for what happens in a day: one webhook's body each, and the answers to our sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from patchbay.channel import ApiRequest, ApiResponse, Channel
from patchbay.model.account import ChannelAccount
from patchbay.testing.outbound import NOON

Reported = Literal["delivered", "read"]


class Words(Protocol):
    """How a provider tells each thing: one webhook's body each. Times are seconds of the day; ``moment`` dates them."""

    channel: Channel
    account: ChannelAccount
    edits: bool
    unsends: bool
    echoes: bool  # of our own sends
    reactions_end: bool  # a reaction can be taken back

    def mid(self, name: str) -> str: ...

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes: ...

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes: ...

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes: ...

    def unsent(self, person: str, mid: str, at: int) -> bytes: ...

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes: ...

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """These messages of ours, all that the person had by then, came so far. ``given`` are our references by mid."""

    def reference_in(self, request: ApiRequest) -> str | None:
        """What the provider will give back of a send."""

    def taken(self, person: str, mid: str) -> ApiResponse: ...

    def refused(self) -> ApiResponse: ...

    def busy(self) -> ApiResponse: ...


def moment(at: int) -> datetime:
    return NOON + timedelta(seconds=at)
