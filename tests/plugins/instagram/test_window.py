"""The window: 24 hours from a message, 7 days after an advertisement; and what does without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from patchbay.channel import (
    CLOSED,
    Draft,
    IdentityKey,
    InboundEvent,
    MessageEchoed,
    MessageReceived,
    Person,
    Quoted,
    ReactionChanged,
    ReceiptReceived,
    Recipient,
)
from patchbay.errors import Unsupported
from patchbay.model.content import Image, InteractiveReply, MediaRef, StoryMention, StoryReply, Text
from patchbay.model.conversation import Window
from patchbay.model.message import Referral
from patchbay.testing.outbound import NOON
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings

CHANNEL = InstagramChannel(InstagramSettings())
MARA = Person(keys=(IdentityKey(kind="igsid", value="9001", scope="account"),))
DAY, WEEK = timedelta(hours=24), timedelta(days=7)


def wrote(hours: float = 0, **more: Any) -> MessageReceived:
    at = NOON + timedelta(hours=hours)
    return MessageReceived(occurred_at=at, external_id="a", sender=MARA, **{"content": Text(text="Hi"), **more})


@pytest.mark.parametrize(
    "content",
    [Text(text="Hi"), StoryReply(text="Nice"), StoryMention(), InteractiveReply(kind="postback", id="x", title="x")],
)
def test_a_message_opens_it_for_24_hours(content: Any) -> None:
    assert CHANNEL.window(Window(), wrote(content=content), "msg_1") == Window(
        kind="service", opened_by="msg_1", expires_at=NOON + DAY
    )


def test_an_advertisement_opens_it_for_7_days_and_nothing_shortens_it() -> None:
    first = CHANNEL.window(Window(), wrote(referral=Referral(source_type="ad")), "msg_1")
    assert first == Window(kind="free_entry", opened_by="msg_1", expires_at=NOON + WEEK)
    assert CHANNEL.window(first, wrote(48), "msg_2") is first
    assert CHANNEL.window(first, wrote(-48), "msg_2") is first


@pytest.mark.parametrize(
    "event",
    [
        wrote(opens_window=False),
        ReactionChanged(occurred_at=NOON, external_id="1", target="2", person=MARA, emoji="❤"),
        MessageEchoed(occurred_at=NOON, external_id="1", recipient=MARA, content=Text(text="x")),
        ReceiptReceived(occurred_at=NOON, external_id="1", state="read"),
    ],
)
def test_nothing_else_opens_it(event: InboundEvent) -> None:
    assert CHANNEL.window(Window(), event, "msg_1") == Window()


def test_a_person_may_answer_for_7_days_and_a_comment_has_its_own_week() -> None:
    to = Recipient((), Window(kind="service", expires_at=NOON + DAY), last_inbound_at=NOON)
    never = Recipient((), Window())
    hi = Text(text="Hi")
    assert CHANNEL.closes_at(Draft(hi, to)) == NOON + DAY
    assert CHANNEL.closes_at(Draft(hi, never)) == CLOSED
    assert CHANNEL.closes_at(Draft(hi, to, options={"tag": "HUMAN_AGENT"})) == NOON + WEEK
    assert CHANNEL.closes_at(Draft(hi, never, Quoted("comment:1790", NOON))) == NOON + WEEK


@pytest.mark.parametrize("content", [Text(text="é" * 501), Image(media=MediaRef(id="med_1"), caption="two")])
def test_a_comment_takes_one_private_reply(content: Any) -> None:
    with pytest.raises(Unsupported):
        CHANNEL.closes_at(Draft(content, Recipient((), Window()), Quoted("comment:1790", NOON)))
