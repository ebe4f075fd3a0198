"""Whose phone number it is: what Telegram proves of a card that somebody shares."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
import pytest
from patchbay.channel import IdentityKey, Item, Person
from patchbay.collections import ACCOUNTS, CONTACTS, IDENTITIES
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.people import meet
from patchbay.testing.outbound import account
from patchbay.testing.world import World

from parsed import received
from patchbay_telegram.names import key_of
from people import BOT, CHANNEL
from updates import BOT as A_BOT
from updates import GROUP, PRIVATE, SENT, message, update

PHONE = IdentityKey(kind="phone", value="+15550001111")
NUMBERS = account("numbers", "1")  # of a channel that knows people by their numbers
OWN: dict[str, Any] = {"phone_number": "15550001111", "first_name": "Mara", "user_id": 7001}


def keys(given: dict[str, Any]) -> tuple[IdentityKey, ...]:
    return received(update(message=given)).sender.keys


@pytest.mark.parametrize("number", ["15550001111", "+15550001111", "+1 555 000-1111"])
def test_the_card_of_the_sender_proves_their_number(number: str) -> None:
    assert keys(message(contact={**OWN, "phone_number": number})) == (key_of(7001), PHONE)
    assert keys(message(GROUP, contact={**OWN, "phone_number": number})) == (key_of(7001), PHONE)


UNPROVEN: dict[str, dict[str, Any]] = {
    "somebody else's": message(contact={**OWN, "user_id": 7002}),
    "nobody's": message(contact={"phone_number": "15550001111", "first_name": "Mara"}),
    "forwarded": message(contact=OWN, forward_origin={"type": "hidden_user", "date": SENT, "sender_user_name": "M"}),
    "made by a bot": message(contact=OWN, via_bot=A_BOT),
    "no number": message(contact={**OWN, "phone_number": "call me"}),
    "a short number": message(contact={**OWN, "phone_number": "112"}),
    "a number without a telephone": message(contact={**OWN, "phone_number": "+88804567890"}),
}


@pytest.mark.parametrize("why", UNPROVEN)
def test_any_other_card_proves_nothing(why: str) -> None:
    assert keys(UNPROVEN[why]) == (key_of(7001),)


def world() -> World:
    fresh = World()
    fresh.put(ACCOUNTS, BOT)
    fresh.put(ACCOUNTS, NUMBERS)
    return fresh


def deliver(to: World, *told: dict[str, Any]) -> None:
    for number, one in enumerate(told):
        for item in CHANNEL.parse(msgspec.json.encode(update(number, message=one))):
            assert isinstance(item, Item)
            to.run(partial(apply_event, arrival=Arrival(BOT, CHANNEL, key=item.key), event=item.event))


def met(on: World) -> str:
    """Somebody is met by the number on another channel; the id of who they are there."""
    return on.run(lambda uow: meet(uow, NUMBERS, Person(keys=(PHONE,), name="Mara V.")).contact.id)


def test_who_shared_their_number_is_the_same_contact_on_a_channel_of_numbers() -> None:
    inbox = world()
    deliver(inbox, message(PRIVATE, 1, text="Hello"), message(PRIVATE, 2, contact=OWN))
    (contact,) = inbox.all(CONTACTS)
    assert met(inbox) == contact.id
    assert len(inbox.all(CONTACTS)) == 1


def test_who_is_known_by_the_number_and_begins_with_it_is_the_same_contact() -> None:
    inbox = world()
    known = met(inbox)
    deliver(inbox, message(contact=OWN))
    assert {one.contact_id for one in inbox.all(IDENTITIES)} == {known}


def test_two_known_contacts_stay_two_and_the_conflict_is_told() -> None:
    inbox = world()
    known = met(inbox)
    deliver(inbox, message(PRIVATE, 1, text="Hello"), message(PRIVATE, 2, contact=OWN))
    assert met(inbox) == known
    assert len(inbox.all(CONTACTS)) == 2
    assert inbox.told().count("contact.identity_conflict") == 1
