"""Delivery only moves up: every order of reports, with repetitions, ends in one state."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.channel import SendReceipt
from patchbay.collections import OUTBOX
from patchbay.delivery import claims, outcomes
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.receipts import RANK, merged
from patchbay.model.message import DeliveryState, Failure, Message
from tests.core.inbox.builders import CHANNEL, Inbox, receipt

STATES: tuple[DeliveryState, ...] = ("sent", "delivered", "read", "played", "failed")


def sent(inbox: Inbox, external_id: str = "wamid.out") -> Message:
    """A message that the provider took."""
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=external_id)))
    return inbox.message(message.id)


@given(st.lists(st.sampled_from(STATES), max_size=6))
def test_merging_is_independent_of_order_and_repetition(reports: list[DeliveryState]) -> None:
    ends = set()
    for order in list(permutations(reports))[:120]:
        state: DeliveryState = "accepted"
        for report in (*order, *order[:2]):
            state = merged(state, report)
        ends.add(state)
    assert len(ends) == 1


def test_failed_wins_below_delivered_and_never_over_it() -> None:
    assert merged("sent", "failed") == "failed"
    assert merged("failed", "sent") == "failed"
    assert merged("failed", "delivered") == "delivered"
    assert merged("delivered", "failed") == "delivered"
    assert merged("played", "failed") == "played"


def test_a_message_moves_up_and_keeps_the_first_time_of_each_step() -> None:
    inbox = Inbox()
    message = sent(inbox)
    assert message.delivery.state == "accepted"
    for state, when in (("sent", 1), ("delivered", 2), ("read", 3), ("delivered", 9)):
        inbox.arrive(receipt(state, when=when))  # type: ignore[arg-type]
    after = inbox.message(message.id)
    assert after.delivery.state == "read"
    assert after.delivery.delivered_at is not None
    assert after.delivery.delivered_at < (after.delivery.read_at or after.created_at)
    assert [told for told in inbox.world.told() if told.startswith("message.")] == [
        "message.received",
        "message.queued",
        "message.accepted",
        "message.sent",
        "message.delivered",
        "message.read",
    ]


@pytest.mark.parametrize("order", list(permutations(("sent", "delivered", "read", "failed"))))
def test_reports_that_beat_the_answer_of_the_send_are_applied_with_it(order: tuple[DeliveryState, ...]) -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    for when, state in enumerate(order):
        error = Failure(code="rejected", message="no") if state == "failed" else None
        assert inbox.arrive(receipt(state, when=when, error=error)).outcome == "parked"
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="wamid.out")))
    after = inbox.message(message.id)
    assert after.delivery.state == "read"
    assert after.delivery.error is None


def test_read_implies_delivered() -> None:
    inbox = Inbox()
    message = sent(inbox)
    inbox.arrive(receipt("read", when=5))
    after = inbox.message(message.id).delivery
    assert after.delivered_at == after.read_at is not None


def test_a_report_with_our_reference_settles_a_send_whose_answer_was_lost() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    claimed = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert claimed is not None
    inbox.world.run(lambda uow: outcomes.recover(uow, claimed.id))
    assert inbox.message(message.id).delivery.state == "unknown"
    inbox.arrive(receipt("delivered", reference=reference(message.id, 0, 1)))
    after = inbox.message(message.id)
    assert after.delivery.state == "delivered"
    assert [ref.external_id for ref in after.external_refs] == ["wamid.out"]
    assert inbox.world.get(OUTBOX, claimed.id).state == "sent"


def test_a_late_worker_is_fenced_off() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    first = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "slow", 60, "claimed"))
    assert first is not None
    inbox.world.run(lambda uow: outcomes.recover(uow, first.id))
    second = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "quick", 60, "sending"))
    assert second is not None
    with pytest.raises(claims.Fenced):
        inbox.world.run(lambda uow: claims.begin_sending(uow, first))


@given(st.lists(st.tuples(st.sampled_from(STATES), st.integers(0, 9)), max_size=8), st.randoms(use_true_random=False))
def test_every_order_of_the_same_reports_ends_the_same(
    reports: list[tuple[DeliveryState, int]], random: object
) -> None:
    unique = list({state: (state, when) for state, when in reports}.values())
    ends = []
    for order in (unique, unique[::-1], sorted(unique)):
        inbox = Inbox()
        message = sent(inbox)
        for state, when in (*order, *order):
            inbox.arrive(receipt(state, when=when))
        delivery = inbox.message(message.id).delivery
        ends.append((delivery.state, delivery.sent_at, delivery.delivered_at, delivery.read_at))
    assert ends[0] == ends[1] == ends[2]


def test_no_client_sees_a_step_back() -> None:
    inbox = Inbox()
    sent(inbox)
    for when, state in enumerate(("read", "sent", "delivered", "failed")):
        inbox.arrive(receipt(state, when=when))  # type: ignore[arg-type]
    shown = [
        inbox.world.data(index)["delivery"]["state"]
        for index, told in enumerate(inbox.world.told())
        if told.startswith("message.") and inbox.world.data(index)["direction"] == "outbound"
    ]
    ranks = [RANK[state] for state in shown]
    assert ranks == sorted(ranks)
