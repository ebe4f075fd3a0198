"""What is unread, for whom."""

from __future__ import annotations

from patchbay.collections import OUTBOX
from patchbay.inbox.reading import mark_read, mark_unread
from patchbay.model.conversation import Conversation
from patchbay.views import unread_count
from tests.core.inbox.builders import CHANNELS, Inbox


def read(inbox: Inbox, reader: str = "ann", seq: int | None = None) -> Conversation:
    return inbox.world.run(lambda uow: mark_read(uow, CHANNELS, inbox.conversation.id, reader, seq=seq))


def unread(inbox: Inbox, reader: str = "ann", seq: int | None = None) -> Conversation:
    return inbox.world.run(lambda uow: mark_unread(uow, inbox.conversation.id, reader, seq=seq))


def three_messages() -> Inbox:
    inbox = Inbox()
    for number in (1, 2, 3):
        inbox.say(f"Message {number}", id=f"wamid.{number}", at=number)
    return inbox


def test_reading_up_to_a_place_leaves_what_came_after() -> None:
    inbox = three_messages()
    assert unread_count(inbox.conversation, "ann") == 3
    assert unread_count(read(inbox, seq=2), "ann") == 1
    assert unread_count(read(inbox), "ann") == 0
    inbox.say("Message 4", id="wamid.4", at=4)
    assert unread_count(inbox.conversation, "ann") == 1


def test_a_cursor_only_moves_forward() -> None:
    inbox = three_messages()
    conversation = read(inbox)
    events = len(inbox.world.events)
    assert read(inbox, seq=1) == conversation
    assert len(inbox.world.events) == events


def test_a_place_that_does_not_exist_yet_is_not_read_in_advance() -> None:
    inbox = three_messages()
    read(inbox, seq=1_000)
    inbox.say("Message 4", id="wamid.4", at=4)
    assert unread_count(inbox.conversation, "ann") == 1


def test_what_one_has_read_is_not_unread_for_a_newcomer_but_for_who_said_so() -> None:
    inbox = three_messages()
    read(inbox, "ann")
    assert unread_count(inbox.conversation, "ben") == 0
    assert unread_count(unread(inbox, "ben"), "ben") == 1
    assert unread_count(inbox.conversation, "ann") == 0
    assert unread_count(unread(inbox, "ben", seq=1), "ben") == 3


def test_our_own_messages_and_notices_do_not_count() -> None:
    inbox = three_messages()
    inbox.send()
    assert unread_count(read(inbox, seq=2), "ann") == 1
    assert unread_count(unread(inbox), "ann") == 1


def test_nothing_can_be_unread_where_the_person_wrote_nothing() -> None:
    inbox = three_messages()
    before = inbox.conversation
    assert unread(inbox, seq=1_000).read_cursors["ann"].inbound_base == 3
    assert unread_count(inbox.conversation, "ann") == 0
    assert inbox.conversation.version == before.version + 1


def test_many_unread_messages_are_counted_in_pieces() -> None:
    inbox = Inbox()
    for number in range(450):
        inbox.say(id=f"wamid.{number}", at=number)
    assert unread_count(read(inbox, seq=10), "ann") == 440


def test_the_person_is_told_once_per_message() -> None:
    inbox = three_messages()
    read(inbox)
    read(inbox, "ben")
    (entry,) = inbox.world.all(OUTBOX)
    assert (entry.kind, inbox.message(entry.message_id).seq) == ("read", 3)
