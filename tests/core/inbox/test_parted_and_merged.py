"""Messages of several parts that lose one, and people whose contacts are merged: what was meant is found again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from msgspec.structs import replace

from patchbay.channel import IdentityKey, MessageDeleted, Person, SendReceipt
from patchbay.collections import CONTACTS
from patchbay.delivery import claims, outcomes
from patchbay.errors import OutcomeUnknown
from patchbay.inbox.merging import merge_contacts, unmerge_contact
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.resending import retry_message
from patchbay.inbox.sending import send_message
from patchbay.model.content import AnyContent, Text
from patchbay.model.message import Message
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings
from tests.core.inbox.builders import AGENT, CHANNEL, Inbox, at, reaction, receipt, received

BEN = Person(keys=(IdentityKey(kind="phone", value="+15550002222"),), name="Ben")


class InTwo(WhatsAppChannel):
    """Sends everything in two parts."""

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        return content, content


def sent_in_two(inbox: Inbox) -> Message:
    channels, conversation = {"whatsapp": InTwo(WhatsAppSettings())}, inbox.conversation
    return inbox.world.run(lambda uow: send_message(uow, channels, conversation.id, Text(text="Hi"), author=AGENT))


def taken(inbox: Inbox, message: Message, part: int) -> None:
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, part), "worker", 60, "sending"))
    assert entry is not None
    receipt = SendReceipt(external_id=f"m{part}")
    inbox.world.run(lambda uow: outcomes.accepted(uow, entry, CHANNEL, receipt))


def gone(part: int) -> MessageDeleted:
    return MessageDeleted(occurred_at=at(9 - part), external_id=f"d{part}", target=f"m{part}", by_business=True)


def test_a_message_stays_while_one_of_its_parts_does() -> None:
    inbox = Inbox()
    inbox.say()
    message = sent_in_two(inbox)
    for part in range(2):
        taken(inbox, message, part)
    assert inbox.arrive(gone(1)).outcome == "applied"
    assert inbox.arrive(gone(1)).outcome == "duplicate"
    after = inbox.message(message.id)
    assert (after.deleted, after.text) == (None, "Hi")
    assert [ref.deleted is not None for ref in after.external_refs] == [False, True]
    assert inbox.world.told()[-1] == "message.updated"
    assert inbox.world.data()["deleted_parts"] == ["m1"]


@pytest.mark.parametrize("order", list(permutations(("take 0", "take 1", "gone 0", "gone 1"))))
def test_it_is_deleted_once_all_its_parts_are_whatever_came_first(order: tuple[str, ...]) -> None:
    inbox = Inbox()
    inbox.say()
    message = sent_in_two(inbox)
    for step in order:
        part = int(step[-1])
        if step.startswith("take"):
            taken(inbox, message, part)
        else:
            inbox.arrive(gone(part))
        assert (inbox.message(message.id).deleted is not None) == (step == order[-1])
    after = inbox.message(message.id)
    assert after.deleted is not None
    assert (after.deleted.at, after.text, len(after.revisions)) == (at(9), "", 1)
    assert inbox.world.told().count("message.deleted") == 1


def test_what_arrived_twice_is_there_until_both_are_deleted() -> None:
    inbox = Inbox()
    inbox.say()
    message = inbox.send()
    entry = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert entry is not None
    inbox.world.run(lambda uow: outcomes.failed(uow, entry, CHANNEL, OutcomeUnknown("lost"), "unknown"))
    inbox.world.run(lambda uow: retry_message(uow, message.id))
    inbox.arrive(receipt("delivered", id="m0", reference=reference(message.id, 0, 1)))
    again = inbox.world.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "worker", 60, "sending"))
    assert again is not None
    inbox.world.run(lambda uow: outcomes.accepted(uow, again, CHANNEL, SendReceipt(external_id="m1")))
    inbox.arrive(gone(0))
    assert inbox.message(message.id).deleted is None
    inbox.arrive(gone(1))
    assert inbox.message(message.id).deleted is not None


# reactions of people whose contacts are merged


def merged(inbox: Inbox, source: str, target: str) -> str:
    contacts = {contact.display_name: contact.id for contact in inbox.world.all(CONTACTS)}
    inbox.world.run(lambda uow: merge_contacts(uow, contacts[source], contacts[target]))
    return contacts[source]


def shown(inbox: Inbox, message: Message) -> list[str]:
    return [one.emoji for one in inbox.message(message.id).reactions if one.emoji is not None]


def test_who_was_merged_can_change_and_take_back_a_reaction() -> None:
    inbox = Inbox()
    message = inbox.say()
    inbox.arrive(reaction("❤", id="r1", when=1))
    inbox.arrive(received(id="b1", person=BEN))
    source = merged(inbox, "Mara Voss", "Ben")
    inbox.arrive(reaction("👍", id="r2", when=2))
    assert shown(inbox, message) == ["👍"]
    inbox.world.run(lambda uow: unmerge_contact(uow, source))
    inbox.arrive(reaction(None, id="r3", when=3))
    assert shown(inbox, message) == []


def test_two_lines_of_one_contact_keep_a_reaction_each() -> None:
    inbox = Inbox()
    message = inbox.say()
    inbox.arrive(received(id="b1", person=BEN))
    merged(inbox, "Mara Voss", "Ben")
    inbox.arrive(reaction("❤", id="r1", when=1))
    inbox.arrive(replace(reaction("👍", id="r2", when=2), person=BEN))
    assert sorted(shown(inbox, message)) == sorted(["❤", "👍"])
    inbox.arrive(reaction(None, id="r3", when=3))
    assert shown(inbox, message) == ["👍"]
