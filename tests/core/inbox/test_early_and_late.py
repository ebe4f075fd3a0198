"""What waits for a message, and how long: replies crowd nobody out, a send nobody heard of holds up none."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import MessageEdited
from patchbay.collections import MEDIA, MESSAGES, OUTBOX, PARKED
from patchbay.inbox.echoes import ECHO_WAITS
from patchbay.inbox.locate import PARKED_AT_MOST
from patchbay.inbox.receipts import bind
from patchbay.model.content import Image, MediaRef, Unsupported
from patchbay.model.ids import message_id
from patchbay.model.message import Referral
from patchbay.model.outbox import OutboxState
from tests.core.inbox.builders import Inbox, at, echo, receipt, received


def leaving(inbox: Inbox, state: OutboxState) -> None:
    """A send of ours is on its way, or was."""
    message = inbox.send()
    entry = next(each for each in inbox.world.all(OUTBOX) if each.message_id == message.id)
    since = inbox.world.now if state == "unknown" else None
    inbox.world.put(OUTBOX, replace(entry, state=state, unknown_since=since))


def test_replies_do_not_crowd_out_what_the_provider_reports() -> None:
    inbox = Inbox()
    inbox.say()
    for number in range(PARKED_AT_MOST + 1):
        inbox.arrive(replace(received("Yes", f"wamid.reply.{number}"), reply_to="wamid.x"))
    leaving(inbox, "sending")
    assert inbox.arrive(echo("typed on the phone", id="wamid.x")).outcome == "parked"
    assert inbox.arrive(receipt("delivered", id="wamid.x")).outcome == "parked"
    (waiting,) = inbox.world.all(PARKED)
    assert len(waiting.items) == PARKED_AT_MOST + 2


def test_an_echo_waits_from_when_it_came_and_not_from_a_reply_before_it() -> None:
    inbox = Inbox()
    inbox.say()
    inbox.arrive(replace(received("Yes", "wamid.reply"), reply_to="wamid.x"))
    inbox.world.pass_time(hours=1)
    leaving(inbox, "sending")
    inbox.arrive(echo("typed on the phone", id="wamid.x"))
    (waiting,) = inbox.world.all(PARKED)
    assert waiting.echoed_at == inbox.world.now


def test_a_send_that_nobody_heard_of_holds_no_echo_up_for_ever() -> None:
    inbox = Inbox()
    inbox.say()
    leaving(inbox, "unknown")
    assert inbox.arrive(echo("at once", id="wamid.x")).outcome == "parked"
    inbox.world.now += ECHO_WAITS
    assert inbox.arrive(echo("later", id="wamid.y")).outcome == "applied"


def test_an_edit_of_a_file_at_an_address_keeps_the_address() -> None:
    inbox = Inbox()
    inbox.say()
    there = MediaRef(url="https://files.example.org/a.jpg")
    message = inbox.send(Image(media=there, caption="one"))
    inbox.world.run(lambda uow: bind(uow, uow.need(MESSAGES, message.id), "wamid.out", 0, 1))
    caption = Image(media=MediaRef(), caption="two")
    inbox.arrive(MessageEdited(occurred_at=at(9), external_id="e1", target="wamid.out", content=caption))
    edited = inbox.message(message.id)
    assert isinstance(edited.content, Image)
    assert (edited.content.media.url, edited.content.caption) == (there.url, "two")
    assert inbox.world.all(MEDIA) == []


def test_what_is_filled_in_says_where_the_person_came_from() -> None:
    inbox = Inbox()
    empty = Unsupported(provider_type="sealed")
    inbox.arrive(replace(received(id="wamid.1"), content=empty))
    whole = replace(
        received("Hello", "wamid.1"), referral=Referral(source_type="ad", source_id="6"), forwarded=True, parts=2
    )
    inbox.arrive(whole)
    message = inbox.message(message_id(inbox.account.id, "wamid.1"))
    assert (message.referral, message.forwarded, message.siblings) == (whole.referral, True, 1)


def test_what_cannot_be_read_is_taken_back_with_its_other_parts_too() -> None:
    inbox = Inbox()
    empty = Unsupported(provider_type="sealed")
    inbox.arrive(replace(received(id="wamid.1"), content=empty))
    inbox.arrive(replace(received(id="wamid.1"), content=empty, parts=2))
    assert inbox.message(message_id(inbox.account.id, "wamid.1")).siblings == 1
