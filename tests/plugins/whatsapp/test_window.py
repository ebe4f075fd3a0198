"""The customer service window: 24 hours from what the person wrote or called, and never shorter for a late event."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import (
    CLOSED,
    Draft,
    HistoryMessage,
    IdentityKey,
    InboundEvent,
    MessageEchoed,
    MessageReceived,
    Person,
    ReactionChanged,
    ReceiptReceived,
    Recipient,
    ThreadNotice,
)
from patchbay.model.content import Interactive, Template, Text
from patchbay.model.conversation import Window
from patchbay.model.message import Referral
from patchbay.testing.outbound import NOON
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

CHANNEL = WhatsAppChannel(WhatsAppSettings())
MARA = Person(keys=(IdentityKey(kind="phone", value="+15550001111"),))
DAY = timedelta(hours=24)


def wrote(hours: float = 0, **more: object) -> MessageReceived:
    at = NOON + timedelta(hours=hours)
    return MessageReceived(occurred_at=at, external_id="wamid.1", sender=MARA, content=Text(text="Hi"), **more)  # type: ignore[arg-type]


def test_a_message_opens_it_for_24_hours() -> None:
    window = CHANNEL.window(Window(), wrote(), "msg_1")
    assert window == Window(kind="service", opened_by="msg_1", expires_at=NOON + DAY)


def test_a_later_message_renews_it() -> None:
    first = CHANNEL.window(Window(), wrote(), "msg_1")
    second = CHANNEL.window(first, wrote(5), "msg_2")
    assert second == Window(kind="service", opened_by="msg_2", expires_at=NOON + timedelta(hours=5) + DAY)


def test_a_message_that_comes_late_shortens_nothing() -> None:
    first = CHANNEL.window(Window(), wrote(5), "msg_2")
    assert CHANNEL.window(first, wrote(), "msg_1") is first


def test_a_call_from_the_person_opens_it() -> None:
    call = ThreadNotice(occurred_at=NOON, external_id="wacid.1", notice="call", person=MARA, opens_window=True)
    assert CHANNEL.window(Window(), call, None).expires_at == NOON + DAY


def test_a_click_on_an_advertisement_changes_the_price_and_not_the_window() -> None:
    window = CHANNEL.window(Window(), wrote(referral=Referral(source_type="ad")), "msg_1")
    assert window == Window(kind="service", opened_by="msg_1", expires_at=NOON + DAY)


@pytest.mark.parametrize(
    "event",
    [
        wrote(opens_window=False),
        ThreadNotice(occurred_at=NOON, external_id="1", notice="handover", person=MARA),
        HistoryMessage(occurred_at=NOON, external_id="1", person=MARA, outbound=False, content=Text(text="x")),
        MessageEchoed(occurred_at=NOON, external_id="1", recipient=MARA, content=Text(text="x")),
        ReactionChanged(occurred_at=NOON, external_id="1", target="2", person=MARA, emoji="👍"),
        ReceiptReceived(occurred_at=NOON, external_id="1", state="read"),
    ],
)
def test_nothing_else_opens_it(event: InboundEvent) -> None:
    assert CHANNEL.window(Window(), event, "msg_1") == Window()


@given(st.lists(st.integers(min_value=-100, max_value=100), min_size=1, max_size=8))
def test_whatever_the_order_the_last_message_decides(hours: list[int]) -> None:
    window = Window()
    for hour in hours:
        window = CHANNEL.window(window, wrote(hour), f"msg_{hour}")
    assert window.expires_at == NOON + timedelta(hours=max(hours)) + DAY
    assert window.opened_by == f"msg_{max(hours)}"


def test_only_templates_do_without_it() -> None:
    closed, until = Recipient(identities=(), window=Window()), NOON + DAY
    opened = Recipient(identities=(), window=Window(kind="service", expires_at=until))
    assert CHANNEL.closes_at(Draft(Template(name="a", language="en"), closed)) is None
    for content in (Text(text="x"), Interactive(kind="buttons", body="x")):
        assert CHANNEL.closes_at(Draft(content, closed)) == CLOSED
        assert CHANNEL.closes_at(Draft(content, opened)) == until


def test_a_content_is_always_one_part() -> None:
    long = Text(text="x" * 10_000)
    assert CHANNEL.split(long) == (long,)
