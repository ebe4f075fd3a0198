"""Watermarks among what else comes: whatever came first, a message is as far, and since the same moment."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from patchbay.channel import HistoryMessage, InboundEvent, SendReceipt, ThreadNotice, WatermarkReceived
from patchbay.collections import MESSAGES, PARKED
from patchbay.delivery import claims, outcomes
from patchbay.inbox.outbox_ids import entry_id
from patchbay.inbox.watermarks import KEPT
from patchbay.model.content import Text
from patchbay.model.message import Delivery, DeliveryState
from tests.core.inbox.builders import CHANNEL, MARA, Inbox, at, echo, receipt, received


def watermark(state: DeliveryState, up_to: int, told: int) -> WatermarkReceived:
    return WatermarkReceived(occurred_at=at(told), person=MARA, state=state, up_to=at(up_to))


def outbound(inbox: Inbox) -> Delivery:
    (message,) = (one for one in inbox.world.all(MESSAGES) if one.direction == "outbound")
    return message.delivery


BEGINNINGS: list[InboundEvent] = [
    received(id="in", when=6),
    HistoryMessage(occurred_at=at(-9), external_id="h", person=MARA, outbound=False, content=Text(text="old")),
    ThreadNotice(occurred_at=at(6), external_id="call-7", notice="call", person=MARA),
]


@pytest.mark.parametrize("order", list(permutations(("watermark", "beginning", "echo"))))
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=["message", "history", "notice"])
def test_one_about_somebody_unknown_waits_for_whatever_comes_first(
    beginning: InboundEvent, order: tuple[str, ...]
) -> None:
    inbox = Inbox()
    events = {"watermark": watermark("read", 5, 8), "beginning": beginning, "echo": echo("typed", id="e1", when=1)}
    for step in order:
        inbox.arrive(events[step])
    assert (outbound(inbox).state, outbound(inbox).read_at) == ("read", at(8))
    assert inbox.world.all(PARKED) == []


@pytest.mark.parametrize("history_first", [False, True])
def test_it_covers_what_a_history_brings_whichever_comes_first(history_first: bool) -> None:
    inbox = Inbox()
    inbox.say()
    events: list[InboundEvent] = [
        watermark("read", 5, 8),
        HistoryMessage(occurred_at=at(-9), external_id="h", person=MARA, outbound=True, content=Text(text="old")),
    ]
    for event in reversed(events) if history_first else events:
        inbox.arrive(event)
    assert (outbound(inbox).state, outbound(inbox).read_at) == ("read", at(8))


EARLIEST: list[InboundEvent] = [
    echo("typed", id="e1", when=1),
    watermark("delivered", 4, 6),
    watermark("read", 5, 9),
    watermark("read", 20, 21),
    receipt("read", id="e1", when=11),
]


@pytest.mark.parametrize("order", list(permutations(range(len(EARLIEST)))))
def test_it_was_read_at_the_earliest_moment_that_a_report_gives(order: tuple[int, ...]) -> None:
    inbox = Inbox()
    inbox.say()
    for index in order:
        inbox.arrive(EARLIEST[index])
    after = outbound(inbox)
    assert (after.state, after.delivered_at, after.read_at) == ("read", at(6), at(9))


def test_a_thread_keeps_the_latest_few_and_none_that_says_nothing_more() -> None:
    inbox = Inbox()
    inbox.say()
    for number in range(3 * KEPT):
        inbox.arrive(watermark("read", number, number + 1))
    assert [mark.up_to for mark in inbox.thread.watermarks["read"]] == [at(n) for n in range(2 * KEPT, 3 * KEPT)]
    inbox.arrive(watermark("read", 99, 20))
    assert [(mark.up_to, mark.at) for mark in inbox.thread.watermarks["read"]] == [
        *((at(n), at(n + 1)) for n in range(2 * KEPT, 19)),
        (at(99), at(20)),
    ]


@pytest.mark.parametrize("report_first", [False, True])
@pytest.mark.parametrize("echoed", ["before", "never"])
def test_one_that_is_committed_at_once_with_the_answer_of_the_send_covers_it(report_first: bool, echoed: str) -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.now = at(10)
    if echoed == "before":  # it waits for the answer, for it may be that of the send
        inbox.arrive(echo("Hi!", id="m1", when=3))

    def answer(uow: Any) -> None:
        outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="m1"))

    report = inbox.applying(watermark("read", 5 if echoed == "before" else 10, 12))
    inbox.world.race(*((report, answer) if report_first else (answer, report)))
    assert (outbound(inbox).state, outbound(inbox).read_at) == ("read", at(12))


def test_one_that_is_committed_at_once_with_the_echo_covers_what_the_echo_dates() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.now = at(10)
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="m1")))
    inbox.world.race(inbox.applying(echo("Hi!", id="m1", when=3)), inbox.applying(watermark("read", 5, 12)))
    assert outbound(inbox).state == "read"
