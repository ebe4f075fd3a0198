"""What a history brought and is delivered after that: work like any other, in the place that it has."""

from __future__ import annotations

from itertools import permutations

import pytest

from patchbay.channel import HistoryMessage, InboundEvent, MessageDeleted, MessageEdited
from patchbay.collections import CONVERSATIONS, MESSAGES
from patchbay.inbox.reading import mark_read
from patchbay.model.content import Text
from patchbay.model.content import Unsupported as Unread
from tests.core.inbox.builders import CHANNELS, MARA, Inbox, at, echo, reaction, receipt, received


def history(id: str, *, outbound: bool = False, when: int = 0) -> HistoryMessage:
    return HistoryMessage(
        occurred_at=at(when), external_id=id, person=MARA, outbound=outbound, content=Text(text="Hello")
    )


def test_a_message_is_received_when_it_is_delivered_and_once() -> None:
    inbox = Inbox()
    for number in range(3):
        inbox.arrive(history(f"w{number}", when=number))
    assert inbox.world.all(CONVERSATIONS) == []
    assert inbox.arrive(received(id="w1", when=1)).outcome == "applied"
    assert inbox.arrive(received(id="w1", when=1)).outcome == "duplicate"
    assert inbox.arrive(history("w1", when=1)).outcome == "duplicate"
    (message,) = (one for one in inbox.world.all(MESSAGES) if one.conversation_id == inbox.conversation.id)
    assert (message.seq, message.origin, message.delivery.state) == (2, "contact", "delivered")
    assert (inbox.conversation.first_seq, inbox.conversation.last_seq, inbox.conversation.inbound_count) == (2, 3, 1)
    assert inbox.thread.last_seq == 3
    assert inbox.thread.window.opened_by == message.id
    assert inbox.conversation.waiting_since is not None
    assert inbox.world.told().count("message.received") == 1
    assert inbox.world.told()[-2:] == ["message.received", "conversation.created"]


def test_it_is_unread_for_those_who_read_past_its_place() -> None:
    inbox = Inbox()
    inbox.say(id="a", at=1)
    inbox.arrive(history("w1", when=2))
    inbox.say(id="b", at=3)
    id = inbox.conversation.id
    inbox.world.run(lambda uow: mark_read(uow, CHANNELS, id, "ann"))
    assert _unread(inbox) == 0
    inbox.arrive(received(id="w1", when=2))
    assert _unread(inbox) == 1
    assert inbox.conversation.last_message is not None
    assert inbox.conversation.last_message.occurred_at == at(3), "the preview is that of the newest"
    inbox.world.run(lambda uow: mark_read(uow, CHANNELS, id, "ann"))
    assert _unread(inbox) == 0


def _unread(inbox: Inbox) -> int:
    return inbox.conversation.inbound_count - inbox.conversation.read_cursors["ann"].inbound_base


def test_what_was_typed_elsewhere_joins_the_work_when_its_echo_comes() -> None:
    inbox = Inbox()
    inbox.say(at=-5)
    inbox.arrive(history("e1", outbound=True))
    inbox.arrive(receipt("delivered", id="e1", when=4))
    assert inbox.conversation.waiting_since is not None
    assert inbox.arrive(echo("Hello", id="e1")).outcome == "applied"
    assert inbox.arrive(echo("Hello", id="e1")).outcome == "duplicate"
    (message,) = (one for one in inbox.world.all(MESSAGES) if one.direction == "outbound")
    assert (message.origin, message.seq, message.conversation_id) == ("native_app", 2, inbox.conversation.id)
    assert (message.delivery.state, message.delivery.delivered_at) == ("delivered", at(4))
    assert inbox.conversation.waiting_since is None
    assert inbox.thread.last_outbound_at == at(0)


def test_a_placeholder_of_a_history_is_filled_by_the_delivery() -> None:
    inbox = Inbox()
    placeholder = Unread(provider_type="media_placeholder", reason="It was not in the history.")
    inbox.arrive(HistoryMessage(occurred_at=at(0), external_id="w1", person=MARA, outbound=False, content=placeholder))
    inbox.arrive(received("Here it is", id="w1"))
    (message,) = inbox.world.all(MESSAGES)
    assert message.text == "Here it is"
    assert inbox.conversation.last_message is not None
    assert inbox.conversation.last_message.preview == "Here it is"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_history_delivery_and_what_follows_end_the_same_in_every_order(order: tuple[int, ...]) -> None:
    events: list[InboundEvent] = [
        history("wamid.1"),
        received(),
        MessageEdited(occurred_at=at(5), external_id="e1", target="wamid.1", content=Text(text="Hallo")),
        reaction("👍", when=6),
    ]
    gone = MessageDeleted(occurred_at=at(9), external_id="d1", target="wamid.1")
    inbox = Inbox()
    for index in order:
        inbox.arrive(events[index])
    (message,) = inbox.world.all(MESSAGES)
    assert (message.origin, message.text, [one.emoji for one in message.reactions]) == ("contact", "Hallo", ["👍"])
    assert inbox.conversation.inbound_count == 1
    inbox.arrive(gone)
    assert inbox.message(message.id).deleted is not None
