"""The window: 24 hours, 7 days after an advertisement, never shorter for a late event; and what does without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

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
    Quoted,
    ReactionChanged,
    ReceiptReceived,
    Recipient,
    ThreadNotice,
)
from patchbay.errors import Unsupported
from patchbay.model.content import AnyContent, Image, InteractiveReply, MediaRef, Template, Text
from patchbay.model.conversation import Window
from patchbay.model.message import Referral
from patchbay.testing.outbound import NOON
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings

CHANNEL = MessengerChannel(MessengerSettings())
MARA = Person(keys=(IdentityKey(kind="psid", value="7001", scope="account"),))
DAY, WEEK = timedelta(hours=24), timedelta(days=7)
AD = Referral(source_type="ad", source_id="6123")


def wrote(hours: float = 0, **more: Any) -> MessageReceived:
    at = NOON + timedelta(hours=hours)
    return MessageReceived(occurred_at=at, external_id="m_1", sender=MARA, **{"content": Text(text="Hi"), **more})


def reacted(**more: Any) -> ReactionChanged:
    return ReactionChanged(occurred_at=NOON, external_id="1", target="2", person=MARA, **{"emoji": "👍", **more})


def came(**data: Any) -> ThreadNotice:
    return ThreadNotice(occurred_at=NOON, external_id="1", notice="referral", person=MARA, data=data, opens_window=True)


@pytest.mark.parametrize(
    "event",
    [
        wrote(),
        wrote(content=InteractiveReply(kind="postback", id="GET_STARTED", title="Get started")),
        wrote(referral=Referral(source_type="shortlink")),
        came(source="SHORTLINK", ref="spring"),
        reacted(),
    ],
)
def test_what_a_person_does_opens_it_for_24_hours(event: InboundEvent) -> None:
    window = CHANNEL.window(Window(), event, "msg_1")
    assert window == Window(kind="service", opened_by="msg_1", expires_at=NOON + DAY)


@pytest.mark.parametrize("event", [wrote(referral=AD), came(source="ADS", ad_id="6123"), came(ad_id="6123")])
def test_an_advertisement_opens_it_for_7_days(event: InboundEvent) -> None:
    window = CHANNEL.window(Window(), event, "msg_1")
    assert window == Window(kind="free_entry", opened_by="msg_1", expires_at=NOON + WEEK)


def test_a_message_after_the_advertisement_does_not_shorten_it_and_a_late_one_extends_it() -> None:
    first = CHANNEL.window(Window(), wrote(referral=AD), "msg_1")
    assert CHANNEL.window(first, wrote(5), "msg_2") is first
    last = CHANNEL.window(first, wrote(6.5 * 24), "msg_3")
    assert last == Window(kind="service", opened_by="msg_3", expires_at=NOON + timedelta(days=7.5))


@pytest.mark.parametrize(
    "event",
    [
        wrote(opens_window=False),
        reacted(emoji=None),
        reacted(by_business=True),
        ThreadNotice(occurred_at=NOON, external_id="1", notice="handover", person=MARA),
        HistoryMessage(occurred_at=NOON, external_id="1", person=MARA, outbound=False, content=Text(text="x")),
        MessageEchoed(occurred_at=NOON, external_id="1", recipient=MARA, content=Text(text="x")),
        ReceiptReceived(occurred_at=NOON, external_id="1", state="read"),
    ],
)
def test_nothing_else_opens_it(event: InboundEvent) -> None:
    assert CHANNEL.window(Window(), event, "msg_1") == Window()


@given(st.lists(st.tuples(st.integers(min_value=-400, max_value=400), st.booleans()), min_size=1, max_size=8))
def test_whatever_the_order_the_latest_end_holds(events: list[tuple[int, bool]]) -> None:
    ends = []
    for order in (events, events[::-1]):
        window = Window()
        for hours, by_ad in order:
            window = CHANNEL.window(window, wrote(hours, referral=AD if by_ad else None), "msg_1")
        ends.append(window.expires_at)
    assert ends[0] == ends[1] == max(NOON + timedelta(hours=hours) + (WEEK if ad else DAY) for hours, ad in events)


def draft(
    content: AnyContent = Text(text="x"),  # noqa: B008 - frozen
    *,
    until: datetime | None = None,
    last: datetime | None = None,
    quoted: Quoted | None = None,
    **options: Any,
) -> Draft:
    to = Recipient(identities=(), window=Window(kind="service", expires_at=until), last_inbound_at=last)
    return Draft(content, to, quoted, options)


def test_a_text_goes_with_the_window() -> None:
    assert CHANNEL.closes_at(draft()) == CLOSED
    assert CHANNEL.closes_at(draft(until=NOON)) == NOON


def test_a_template_needs_no_window() -> None:
    assert CHANNEL.closes_at(draft(Template(name="a", language="en"))) is None


def test_a_person_may_answer_for_7_days() -> None:
    assert CHANNEL.closes_at(draft(until=NOON + DAY, last=NOON, tag="HUMAN_AGENT")) == NOON + WEEK
    assert CHANNEL.closes_at(draft(until=NOON + 2 * WEEK, last=NOON, tag="HUMAN_AGENT")) == NOON + 2 * WEEK
    assert CHANNEL.closes_at(draft(tag="HUMAN_AGENT")) == CLOSED
    assert CHANNEL.closes_at(draft(until=NOON + DAY, last=NOON)) == NOON + DAY


@pytest.mark.parametrize("external_id", ["comment:1_2", "post:1_3"])
def test_a_comment_is_answered_in_private_for_7_days_whatever_the_window(external_id: str) -> None:
    quoted = Quoted(external_id, NOON)
    for until in (None, NOON, NOON + 2 * WEEK):
        assert CHANNEL.closes_at(draft(until=until, quoted=quoted)) == NOON + WEEK
    assert CHANNEL.closes_at(draft(until=NOON, quoted=Quoted("m_1", NOON))) == NOON


@pytest.mark.parametrize(
    "content", [Text(text="x" * 2001), Image(media=MediaRef(id="med_1"), caption="Both are one too many")]
)
def test_a_comment_takes_one_private_reply(content: AnyContent) -> None:
    with pytest.raises(Unsupported) as caught:
        CHANNEL.closes_at(draft(content, quoted=Quoted("comment:1", NOON)))
    assert caught.value.hint
    assert CHANNEL.closes_at(draft(content, until=NOON, quoted=Quoted("m_1", NOON))) == NOON


@pytest.mark.parametrize("options", [{"tag": "POST_PURCHASE_UPDATE"}, {"messaging_type": "LATER"}])
def test_an_option_that_cannot_be_kept_is_refused_before_queueing(options: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        CHANNEL.closes_at(draft(until=NOON, **options))


def test_the_tag_is_for_what_a_person_wrote() -> None:
    tagged = draft(until=NOON, last=NOON, tag="HUMAN_AGENT")
    with pytest.raises(Unsupported, match="a person wrote") as caught:
        CHANNEL.closes_at(replace(tagged, automated=True))
    assert caught.value.pointer == "/options/tag"
    assert CHANNEL.closes_at(replace(draft(until=NOON, last=NOON), automated=True)) == NOON


def test_a_tag_goes_neither_with_a_comment_nor_with_a_template() -> None:
    with pytest.raises(Unsupported):
        CHANNEL.closes_at(draft(quoted=Quoted("comment:1", NOON), tag="HUMAN_AGENT"))
    with pytest.raises(Unsupported):
        CHANNEL.closes_at(draft(Template(name="a", language="en"), tag="HUMAN_AGENT"))
