"""One message of the provider that is several of ours: each stands by itself, and a deletion takes all."""

from __future__ import annotations

from itertools import permutations

import pytest

from patchbay.channel import InboundEvent, MessageDeleted, MessageReceived
from patchbay.collections import MESSAGES
from patchbay.model.content import Text
from tests.core.inbox.builders import MARA, Inbox, at, echo, reaction

PARTS = 3


def part(number: int) -> MessageReceived:
    return MessageReceived(
        occurred_at=at(1),
        external_id="mid.1",
        sender=MARA,
        content=Text(text=f"part {number}"),
        part=number,
        parts=PARTS,
    )


DELETED = MessageDeleted(occurred_at=at(9), external_id="delete mid.1", target="mid.1")


def test_each_part_is_a_message_and_comes_once() -> None:
    inbox = Inbox()
    for _ in range(2):
        for number in range(PARTS):
            inbox.arrive(part(number))
    messages = sorted(inbox.world.all(MESSAGES), key=lambda message: message.seq)
    assert [message.text for message in messages] == ["part 0", "part 1", "part 2"]
    inbox.arrive(reaction("👍", target="mid.1", when=2))
    assert [len(inbox.message(message.id).reactions) for message in messages] == [1, 0, 0]


@pytest.mark.parametrize("order", list(permutations((*map(part, range(PARTS)), DELETED))))
def test_a_deletion_takes_all_parts_whenever_it_comes(order: tuple[InboundEvent, ...]) -> None:
    inbox = Inbox()
    for event in (*order, DELETED):
        inbox.arrive(event)
    messages = inbox.world.all(MESSAGES)
    assert len(messages) == PARTS
    assert all(message.deleted is not None and not message.text for message in messages)


def test_parts_of_an_echo_are_several_messages_too() -> None:
    inbox = Inbox()
    for _ in range(2):
        for number in range(PARTS):
            inbox.arrive(echo(f"part {number}", id="mid.e", when=1, part=number, parts=PARTS))
    assert sorted(message.text for message in inbox.world.all(MESSAGES)) == ["part 0", "part 1", "part 2"]
    assert {message.delivery.state for message in inbox.world.all(MESSAGES)} == {"sent"}
