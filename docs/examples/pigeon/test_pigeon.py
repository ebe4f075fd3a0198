"""How a channel is tested: with values, without a network."""

# ruff: noqa: S101 - tests assert

from __future__ import annotations

import msgspec
import pytest
from patchbay_pigeon import PigeonChannel, PigeonSettings, ring_key
from patchbay_pigeon_certification import PigeonSamples
from pydantic import SecretStr

from patchbay.channel import Item, Malformed, SignedRequest
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES
from patchbay.errors import AccountBroken, BadPayload, BadSignature, Throttled
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.model.content import Text
from patchbay.testing.channel_contract import ChannelContract
from patchbay.testing.outbound import account, identity, outgoing, recipient
from patchbay.testing.play import answer, play
from patchbay.testing.world import World

CHANNEL = PigeonChannel(PigeonSettings(seal=SecretStr("a seal that only the tests know")))
LOFT = account("pigeon", "tower-1")
MARA = recipient(identity("external", "ring-7", channel="pigeon"))
LETTER = {"id": "l-1", "ring": "ring-7", "name": "Mara Voss", "text": "Hello", "at": "2026-11-22T12:00:00Z"}


def webhook(*letters: object, flights: tuple[object, ...] = ()) -> bytes:
    return msgspec.json.encode({"loft": "tower-1", "letters": letters, "flights": flights})


def test_a_letter_and_its_odd_neighbour() -> None:
    good, odd = CHANNEL.parse(webhook(LETTER, {"id": "l-2"}))
    assert isinstance(good, Item)
    assert good.key == "letter:l-1"
    assert good.event.sender.keys == (ring_key("ring-7"),)  # type: ignore[union-attr]
    assert isinstance(odd, Malformed)
    assert "`ring`" in odd.error


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"letters": []}'])
def test_what_is_no_webhook_of_theirs_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        CHANNEL.parse(body)


def test_only_their_seal_opens_the_door() -> None:
    with pytest.raises(BadSignature):
        CHANNEL.verify(SignedRequest(webhook(LETTER), {"x-pigeon-seal": "0" * 64}), ())


def test_a_send_is_one_request_with_our_reference() -> None:
    sent = play(CHANNEL.send(LOFT, outgoing(Text(text="Three are left."), MARA)), answer(201, id="l-9"))
    assert sent.request.json == {"to": "ring-7", "text": "Three are left.", "ref": "ref_1"}
    assert sent.request.effect
    assert sent.result.external_id == "l-9"


def test_what_their_answers_mean() -> None:
    message = outgoing(Text(text="Hi"), MARA)
    with pytest.raises(AccountBroken):
        play(CHANNEL.send(LOFT, message), answer(401))
    with pytest.raises(Throttled) as throttled:
        play(CHANNEL.send(LOFT, message), answer(429, {"retry-after": "30"}))
    assert throttled.value.retry_after_s == 30


def test_the_same_webhook_twice_is_one_message_in_one_conversation() -> None:
    world = World()
    world.put(ACCOUNTS, LOFT)
    (item,) = CHANNEL.parse(webhook(LETTER))
    assert isinstance(item, Item)
    for _ in range(2):
        world.run(lambda uow: apply_event(uow, Arrival(LOFT, CHANNEL), item.event))
    (message,) = world.all(MESSAGES)
    (conversation,) = world.all(CONVERSATIONS)
    assert (message.text, message.conversation_id) == ("Hello", conversation.id)
    assert world.told() == ["contact.created", "contact.identity_linked", "message.received", "conversation.created"]


class TestPigeon(ChannelContract):
    """Every check of the contract that a pigeon can be held to."""

    samples = PigeonSamples()
    level = "platinum"
