"""Where the model promises it, the order of arrival leaves no trace: every order, with repetitions, ends the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from patchbay.channel import (
    HistoryMessage,
    IdentityKey,
    IdentityRekeyed,
    InboundEvent,
    MessageDeleted,
    MessageEdited,
    Person,
    SendReceipt,
)
from patchbay.collections import CONVERSATIONS, IDENTITIES, MESSAGES, OUTBOX, PARKED
from patchbay.delivery import claims, outcomes
from patchbay.errors import StateConflict, Unavailable
from patchbay.housekeeping import give_up_parked, judge_parked
from patchbay.inbox import lifecycle
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.receipts import merged
from patchbay.inbox.resending import retry_message
from patchbay.model.content import Text, text_content
from patchbay.model.ids import message_id
from patchbay.model.message import DeliveryState, Failure, Message, ReplyTo
from patchbay.model.outbox import OutboxEntry
from tests.core.inbox.builders import CHANNEL, CHANNELS, MARA, Inbox, at, echo, reaction, receipt, received

TWICE = st.integers(0, 2)
EVERY_STATE: tuple[DeliveryState, ...] = (
    "queued",
    "sending",
    "unknown",
    "accepted",
    "sent",
    "delivered",
    "read",
    "played",
    "failed",
    "expired",
    "cancelled",
)


def edit(number: int) -> MessageEdited:
    return MessageEdited(
        occurred_at=at(10 + number), external_id=f"e{number}", target="wamid.1", content=Text(text=f"edit {number}")
    )


GONE = MessageDeleted(occurred_at=at(60), external_id="gone", target="wamid.1")
EVENTS: list[InboundEvent] = [
    received("first"),
    edit(1),
    edit(2),
    edit(3),
    GONE,
    reaction("👍", id="r1", when=31),
    reaction("❤️", id="r2", when=32),
    reaction(None, id="r3", when=33),
]


def shown(message: Message) -> object:
    said = [text_content(revision.content) for revision in message.revisions]
    return said, text_content(message.content), message.deleted, [kept.emoji for kept in message.reactions]


@given(st.permutations(EVENTS), st.lists(st.sampled_from(EVENTS), max_size=8))
def test_edits_deletions_and_reactions_end_the_same_in_every_order(
    order: Sequence[InboundEvent], again: list[InboundEvent]
) -> None:
    inbox, straight = Inbox(), Inbox()
    for event in (*order, *again):
        inbox.arrive(event)
    for event in EVENTS:
        straight.arrive(event)
    assert [shown(message) for message in inbox.world.all(MESSAGES)] == [
        shown(message) for message in straight.world.all(MESSAGES)
    ]
    assert inbox.world.all(PARKED) == []


@given(st.lists(st.sampled_from(EVERY_STATE), min_size=3, max_size=3))
def test_merging_two_states_is_a_maximum(states: list[DeliveryState]) -> None:
    a, b, c = states
    assert merged(a, a) == a
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    if {a, b} != {"sending", "unknown"}:
        assert merged(a, b) == merged(b, a)


def test_history_that_comes_again_does_not_bring_back_what_was_deleted() -> None:
    inbox = Inbox()
    old = HistoryMessage(
        occurred_at=at(-9), external_id="wamid.1", person=MARA, outbound=False, content=Text(text="secret")
    )
    for event in (old, GONE, old):
        inbox.arrive(event)
    (message,) = inbox.world.all(MESSAGES)
    assert message.text == ""
    assert "secret" not in text_content(message.content)


# sends and what is reported of them


def on_its_way(inbox: Inbox, message: Message, part: int = 0) -> OutboxEntry:
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, part), "worker", 60, "sending"))
    assert entry is not None
    return entry


def taken(entry: OutboxEntry, external_id: str = "wamid.out") -> Callable[[Any], Any]:
    return lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=external_id))


@pytest.mark.parametrize("with_reference", [False, True])
@pytest.mark.parametrize("report_first", [False, True])
def test_a_report_and_the_answer_that_are_committed_at_once_both_count(
    report_first: bool, with_reference: bool
) -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = on_its_way(inbox, message)
    told = reference(message.id, 0, 1) if with_reference else None
    report = inbox.applying(receipt("delivered", reference=told))
    inbox.world.race(*((report, taken(entry)) if report_first else (taken(entry), report)))
    after = inbox.message(message.id)
    assert after.delivery.state == "delivered"
    assert [ref.external_id for ref in after.external_refs] == ["wamid.out"]
    assert inbox.world.all(PARKED) == []
    assert inbox.world.get(OUTBOX, entry.id).state == "sent"


def test_what_waited_for_an_id_applies_when_a_reference_binds_it() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    on_its_way(inbox, message)
    assert inbox.arrive(receipt("sent")).outcome == "parked"
    assert inbox.arrive(reaction("👍", target="wamid.out")).outcome == "parked"
    inbox.arrive(receipt("delivered", when=3, reference=reference(message.id, 0, 1)))
    after = inbox.message(message.id)
    assert [kept.emoji for kept in after.reactions] == ["👍"]
    assert after.delivery.sent_at is not None
    assert inbox.world.all(PARKED) == []


def test_an_echo_with_our_reference_settles_what_was_unknown() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = on_its_way(inbox, message)
    inbox.world.run(lambda uow: outcomes.recover(uow, entry.id))
    inbox.arrive(echo("Hi!", id="wamid.out", reference=reference(message.id, 0, 1)))
    assert inbox.message(message.id).delivery.state == "accepted"
    assert inbox.world.get(OUTBOX, entry.id).state == "sent"
    assert "message.accepted" in inbox.world.told()


def test_a_report_about_an_old_attempt_leaves_the_new_one_alone() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = on_its_way(inbox, message)
    inbox.world.run(lambda uow: outcomes.recover(uow, entry.id))
    inbox.world.run(lambda uow: retry_message(uow, message.id))
    again = on_its_way(inbox, message)
    inbox.world.run(
        lambda uow: outcomes.put_off(uow, again, CHANNEL, Unavailable("later"), uow.now + timedelta(seconds=1))
    )
    inbox.arrive(receipt("delivered", id="wamid.old", reference=reference(message.id, 0, 1)))
    assert inbox.world.get(OUTBOX, entry.id).state == "retry"
    assert inbox.message(message.id).delivery.state == "queued"


def test_a_send_that_failed_here_and_arrived_there_is_not_sent_again() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = on_its_way(inbox, message)
    inbox.arrive(receipt("delivered", reference=reference(message.id, 0, 1)))
    inbox.world.run(
        lambda uow: outcomes.put_off(uow, entry, CHANNEL, Unavailable("later"), uow.now + timedelta(seconds=1))
    )
    assert inbox.world.get(OUTBOX, entry.id).state == "sent"
    assert inbox.message(message.id).delivery.state == "delivered"


def test_what_is_just_being_sent_cannot_be_sent_again() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = on_its_way(inbox, message)
    inbox.world.run(taken(entry))
    inbox.arrive(receipt("failed", error=Failure(code="rejected", message="no")))
    inbox.world.run(lambda uow: retry_message(uow, message.id))
    on_its_way(inbox, message)
    inbox.world.put(
        MESSAGES,
        replace(inbox.message(message.id), delivery=replace(inbox.message(message.id).delivery, state="failed")),
    )
    with pytest.raises(StateConflict):
        inbox.world.run(lambda uow: retry_message(uow, message.id))


def test_a_message_typed_on_the_phone_keeps_the_time_it_was_sent() -> None:
    inbox = Inbox()
    inbox.arrive(echo(when=4))
    inbox.arrive(receipt("delivered", id="wamid.e", when=9))
    (message,) = inbox.world.all(MESSAGES)
    assert (message.delivery.sent_at, message.delivery.delivered_at) == (at(4), at(9))


# echoes that wait


def test_an_echo_that_waits_for_two_sends_does_not_stop_the_first_one() -> None:
    inbox = Inbox()
    inbox.say()
    first, second = inbox.send(), inbox.send()
    lost = on_its_way(inbox, first)
    inbox.arrive(echo("typed on the phone", id="wamid.phone"))
    inbox.world.run(lambda uow: outcomes.recover(uow, lost.id))
    inbox.world.run(taken(on_its_way(inbox, second)))
    assert inbox.message(second.id).delivery.state == "accepted"
    (waiting,) = inbox.world.all(PARKED)
    inbox.world.run(lambda uow: judge_parked(uow, parked_id=waiting.id, channels=CHANNELS))
    assert "typed on the phone" in [message.text for message in inbox.world.all(MESSAGES)]


@pytest.mark.parametrize("judged_by", ["the answer", "time"])
def test_an_echo_that_waited_is_told_apart_as_if_it_came_then(judged_by: str) -> None:
    """By the webhook it came with, and by what may reopen a conversation."""
    inbox = Inbox(reopen_after=timedelta(hours=1))
    inbox.say()
    entry = on_its_way(inbox, inbox.send())
    assert inbox.arrive(echo(id="wamid.e")).outcome == "parked"
    inbox.world.run(lambda uow: lifecycle.close(uow, inbox.conversation.id))
    if judged_by == "the answer":
        inbox.world.run(taken(entry))
    else:
        (waiting,) = inbox.world.all(PARKED)
        inbox.world.run(lambda uow: judge_parked(uow, parked_id=waiting.id, channels=CHANNELS))
    (typed,) = [message for message in inbox.world.all(MESSAGES) if message.origin == "native_app"]
    assert typed.raw_event_id == "1"
    (conversation,) = inbox.world.all(CONVERSATIONS)
    assert (conversation.status, typed.conversation_id) == ("open", conversation.id)


def test_reports_that_wait_beside_an_echo_are_not_lost_with_it() -> None:
    inbox = Inbox()
    inbox.say()
    on_its_way(inbox, inbox.send())
    inbox.arrive(receipt("delivered", id="wamid.e", when=9))
    inbox.arrive(echo(id="wamid.e"))
    (waiting,) = inbox.world.all(PARKED)
    inbox.world.run(lambda uow: judge_parked(uow, parked_id=waiting.id, channels=CHANNELS))
    (typed,) = [message for message in inbox.world.all(MESSAGES) if message.origin == "native_app"]
    assert typed.delivery.state == "delivered"
    assert inbox.world.all(PARKED) == []


def test_what_waits_for_a_message_that_never_comes_is_given_up_after_two_days() -> None:
    inbox = Inbox()
    inbox.arrive(receipt("sent", id="wamid.never"))
    (waiting,) = inbox.world.all(PARKED)
    assert inbox.world.run(lambda uow: give_up_parked(uow, parked_id=waiting.id)) == 0
    inbox.world.pass_time(hours=48)
    assert inbox.world.run(lambda uow: give_up_parked(uow, parked_id=waiting.id)) == 1
    assert inbox.world.all(PARKED) == []
    assert not [ref for ref in inbox.world.keys.values() if ref == waiting.id]


def test_a_reply_that_comes_before_what_it_quotes_names_it_once_it_comes() -> None:
    inbox = Inbox()
    early = replace(received("Yes, that one", "wamid.2"), reply_to="wamid.1")
    inbox.arrive(early)
    reply = inbox.message(message_id(inbox.account.id, "wamid.2"))
    assert reply.reply_to == ReplyTo(external_id="wamid.1", message_id=None)
    quoted = inbox.say("This one?", "wamid.1")
    reply = inbox.message(reply.id)
    assert reply.reply_to == ReplyTo(external_id="wamid.1", message_id=quoted.id)
    told = [event for event in inbox.world.events if event.type == "message.updated"]
    assert [event.subject_id for event in told] == [reply.id]
    assert inbox.world.all(PARKED) == []


def test_a_reply_to_what_never_comes_is_no_report_without_a_message() -> None:
    inbox = Inbox()
    inbox.arrive(replace(received("Yes, that one", "wamid.2"), reply_to="wamid.from.before.we.were.connected"))
    (waiting,) = inbox.world.all(PARKED)
    inbox.world.pass_time(hours=48)
    assert inbox.world.run(lambda uow: give_up_parked(uow, parked_id=waiting.id)) == 0
    assert inbox.world.all(PARKED) == []


# people whose keys change


def keys(number: int) -> tuple[IdentityKey, IdentityKey]:
    return (
        IdentityKey(kind="phone", value=f"+1555000{number:04d}"),
        IdentityKey(kind="wa_bsuid", value=f"US.{number}", scope="portfolio"),
    )


def change(before: int, after: int, id: str) -> IdentityRekeyed:
    return IdentityRekeyed(occurred_at=at(5), external_id=id, previous=keys(before), current=keys(after))


def statuses(inbox: Inbox) -> dict[str, str]:
    return {identity.value: identity.status for identity in inbox.world.all(IDENTITIES)}


def test_somebody_who_takes_an_old_number_back_can_be_reached_by_it() -> None:
    inbox = Inbox()
    inbox.say(person=Person(keys=keys(1)))
    for event in (change(1, 2, "c1"), change(2, 1, "c2"), change(1, 2, "c1")):
        inbox.arrive(event)
    assert statuses(inbox) == {
        "+15550000001": "active",
        "US.1": "active",
        "+15550000002": "superseded",
        "US.2": "superseded",
    }


def test_keys_on_two_lines_are_each_followed_on_their_own() -> None:
    inbox = Inbox()
    phone, bsuid = keys(1)
    inbox.say(id="a", person=Person(keys=(phone,)))
    inbox.say(id="b", person=Person(keys=(bsuid,)))
    inbox.arrive(change(1, 2, "c1"))
    lines = {identity.value: identity.line_id for identity in inbox.world.all(IDENTITIES)}
    assert lines["+15550000002"] == lines["+15550000001"]
    assert lines["US.2"] == lines["US.1"] != lines["+15550000001"]


def test_a_key_that_stands_twice_in_a_payload_is_one_key() -> None:
    inbox = Inbox()
    inbox.say(person=Person(keys=MARA.keys * 2))
    assert inbox.world.told().count("contact.identity_linked") == 1
