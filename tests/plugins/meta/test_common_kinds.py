"""What every channel of the Send API reads, read by a channel that has nothing of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import InboundEvent, Item, MessageReceived, ReactionChanged, ThreadNotice
from patchbay_instagram.parse import PLATFORM as INSTAGRAM
from patchbay_messenger.parse import PLATFORM as MESSENGER
from patchbay_meta.messaging import COMMON_KINDS
from patchbay_meta.messaging.envelope import Platform, read_webhook

FOURTH = Platform(object="threads", person="external", kinds=COMMON_KINDS, fields={})


def told(**event: Any) -> InboundEvent:
    said = {"sender": {"id": "9"}, "recipient": {"id": "1"}, "timestamp": 1_795_167_000_000, **event}
    body = {"object": "threads", "entry": [{"id": "1", "messaging": [said]}]}
    (one,) = read_webhook(json.dumps(body).encode(), FOURTH)
    assert isinstance(one, Item)
    return one.event


@pytest.mark.parametrize("platform", [MESSENGER, INSTAGRAM], ids=["messenger", "instagram"])
def test_both_channels_have_them_and_replace_few(platform: Platform) -> None:
    assert COMMON_KINDS.keys() <= platform.kinds.keys()
    own = {kind for kind in COMMON_KINDS if platform.kinds[kind] is not COMMON_KINDS[kind]}
    assert own == ({"message", "message_edit"} if platform is INSTAGRAM else set())


def test_a_fourth_channel_reads_messages_reactions_and_visits() -> None:
    message = told(message={"mid": "m_1", "text": "Hi"})
    assert isinstance(message, MessageReceived)
    assert message.sender.keys[0].kind == "external"
    assert isinstance(told(reaction={"mid": "m_1", "action": "react", "reaction": "love"}), ReactionChanged)
    assert isinstance(told(referral={"ref": "spring", "source": "SHORTLINK"}), ThreadNotice)
