"""Reports about everything up to a moment: every order of sends, echoes and reports ends in one state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations

import pytest

from patchbay.channel import IdentityKey, Person, SendReceipt, WatermarkReceived
from patchbay.collections import CONTACTS, THREADS
from patchbay.delivery import claims, outcomes
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.resending import cancel_message
from patchbay.inbox.sending import send_message
from patchbay.inbox.watermarks import PAGE
from patchbay.model.content import AnyContent, Text
from patchbay.model.message import DeliveryState, Message
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import AGENT, CHANNEL, MARA, Inbox, at, echo, receipt


def watermark(state: DeliveryState, up_to: int, person: Person = MARA) -> WatermarkReceived:
    return WatermarkReceived(occurred_at=at(up_to), person=person, state=state, up_to=at(up_to))


def taken(inbox: Inbox, external_id: str) -> Message:
    """A message that the provider took now."""
    message = inbox.send(Text(text=external_id))
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=external_id)))
    return inbox.message(message.id)


def states(inbox: Inbox, *messages: Message) -> list[DeliveryState]:
    return [inbox.message(message.id).delivery.state for message in messages]


def talked() -> Inbox:
    inbox = Inbox()
    inbox.say()
    return inbox


def test_it_covers_what_the_provider_had_by_then_and_nothing_later() -> None:
    inbox = talked()
    first = taken(inbox, "m1")
    inbox.world.now += timedelta(seconds=10)
    second = taken(inbox, "m2")
    assert inbox.arrive(watermark("delivered", 5)).outcome == "applied"
    assert states(inbox, first, second) == ["delivered", "accepted"]
    inbox.arrive(watermark("read", 10))
    assert states(inbox, first, second) == ["read", "read"]
    after = inbox.message(first.id).delivery
    assert (after.delivered_at, after.read_at) == (at(5), at(10))


def test_a_late_or_repeated_one_changes_nothing() -> None:
    inbox = talked()
    message = taken(inbox, "m1")
    inbox.arrive(watermark("read", 20))
    told = inbox.world.told()
    assert inbox.arrive(watermark("read", 20)).outcome == "duplicate"
    told_again = WatermarkReceived(occurred_at=at(30), person=MARA, state="read", up_to=at(7))
    assert inbox.arrive(told_again).outcome == "duplicate", "the known one says more, and was earlier"
    assert states(inbox, message) == ["read"]
    inbox.arrive(watermark("delivered", 30))
    assert states(inbox, message) == ["read"]
    assert inbox.world.told() == told


@pytest.mark.parametrize("order", list(permutations(("answer", "echo", "delivered", "read"))))
def test_the_answer_the_echo_and_the_reports_may_come_in_any_order(order: tuple[str, ...]) -> None:
    """The echo says by the provider's clock when it had the message, also where the reports came before it."""
    inbox = talked()
    message = inbox.send(Text(text="Hi"))
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.now = at(60)  # our own clock says nothing of when the provider had it
    for step in order:
        match step:
            case "answer":
                inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id="m1")))
            case "echo":
                inbox.arrive(echo("Hi", id="m1", when=3, reference=reference(message.id, 0, 1)))
            case "delivered":
                inbox.arrive(watermark("delivered", 4))
            case _:
                inbox.arrive(watermark("read", 5))
    assert states(inbox, message) == ["read"]


def test_it_reaches_past_a_page_of_messages_that_left_after_it() -> None:
    inbox = talked()
    first = taken(inbox, "m0")
    inbox.world.now += timedelta(seconds=100)
    newer = [taken(inbox, f"n{n}") for n in range(PAGE)]
    inbox.arrive(watermark("read", 50))
    assert states(inbox, first) == ["read"]
    assert set(states(inbox, *newer)) == {"accepted"}


def test_it_reaches_past_a_page_of_messages_that_never_left() -> None:
    inbox = talked()
    first = taken(inbox, "m0")
    for _ in range(PAGE):
        message = inbox.send()
        inbox.world.run(lambda uow, id=message.id: cancel_message(uow, id))  # type: ignore[misc]
    inbox.arrive(watermark("read", 50))
    assert states(inbox, first) == ["read"]


def test_it_does_not_look_at_what_was_read_long_ago() -> None:
    inbox = talked()
    old = [taken(inbox, f"m{n}") for n in range(2 * PAGE)]
    inbox.arrive(watermark("read", 5))
    versions = [inbox.message(message.id).version for message in old]
    inbox.arrive(watermark("read", 9))
    assert [inbox.message(message.id).version for message in old] == versions


def part_taken(inbox: Inbox, message: Message, part: int) -> None:
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, part), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=f"m{part}")))


class InTwo(WhatsAppChannel):
    """Sends everything in two parts."""

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        return content, content


def test_parts_that_leave_after_it_are_not_covered() -> None:
    inbox = talked()
    channels, conversation = {"whatsapp": InTwo(WhatsAppSettings())}, inbox.conversation
    message = inbox.world.run(lambda uow: send_message(uow, channels, conversation.id, Text(text="Hi"), author=AGENT))
    inbox.world.now = at(60)
    inbox.arrive(watermark("read", 50))
    part_taken(inbox, message, 0)
    inbox.arrive(watermark("read", 59))
    assert [ref.state for ref in inbox.message(message.id).external_refs] == ["accepted"]
    part_taken(inbox, message, 1)
    after = inbox.message(message.id)
    assert (after.delivery.state, after.delivery.read_at) == ("accepted", None)
    inbox.arrive(watermark("read", 60))
    assert states(inbox, message) == ["read"]


def test_one_report_that_means_the_earlier_ones_too() -> None:
    inbox = talked()
    messages = []
    for number in range(3):
        inbox.world.now += timedelta(seconds=1)
        messages.append(taken(inbox, f"m{number}"))
    older, named, newer = messages
    inbox.arrive(receipt("read", id="m1", when=3, watermark=True))
    assert states(inbox, older, named, newer) == ["read", "read", "accepted"]


def test_what_failed_stays_failed() -> None:
    inbox = talked()
    message = taken(inbox, "m1")
    inbox.arrive(receipt("failed", id="m1", when=1))
    inbox.arrive(watermark("read", 9))
    assert states(inbox, message) == ["failed"]


def test_it_reaches_back_as_far_as_there_is_something_to_raise() -> None:
    inbox = talked()
    messages = [taken(inbox, f"m{n}") for n in range(2 * PAGE + 3)]
    inbox.arrive(watermark("delivered", 9))
    assert set(states(inbox, *messages)) == {"delivered"}


def test_it_covers_what_was_typed_elsewhere() -> None:
    inbox = talked()
    inbox.arrive(watermark("read", 9))
    ref = inbox.arrive(echo("From the phone", id="e1", when=4)).ref
    assert ref is not None
    assert inbox.message(ref).delivery.state == "read"


def test_a_report_makes_nobodys_acquaintance() -> None:
    inbox = Inbox()
    stranger = Person(keys=(IdentityKey(kind="phone", value="+15550009999"),))
    assert inbox.arrive(watermark("read", 9, stranger)).outcome == "parked"
    assert not inbox.world.all(CONTACTS)
    assert not inbox.world.all(THREADS)
