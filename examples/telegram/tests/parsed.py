"""What updates become, in short."""

from __future__ import annotations

from typing import Any

import msgspec
from patchbay.channel import (
    InboundEvent,
    Item,
    MessageReceived,
)

from patchbay_telegram.parse import parse


def items(given: dict[str, Any]) -> list[Item]:
    parsed = parse(msgspec.json.encode(given))
    assert [one.index for one in parsed] == list(range(len(parsed)))
    return [one for one in parsed if isinstance(one, Item)]


def event(given: dict[str, Any]) -> InboundEvent:
    return items(given)[-1].event


def received(given: dict[str, Any]) -> MessageReceived:
    found = event(given)
    assert isinstance(found, MessageReceived), found
    return found
