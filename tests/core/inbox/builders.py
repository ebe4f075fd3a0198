"""An inbox in memory with one WhatsApp account, and short names for what arrives there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from patchbay.channel import (
    IdentityKey,
    InboundEvent,
    MessageEchoed,
    MessageReceived,
    Person,
    ReactionChanged,
    ReceiptReceived,
)
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES, THREADS
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.receive import Applied
from patchbay.inbox.sending import send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Text
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.ids import account_id, message_id
from patchbay.model.message import Actor, DeliveryState, Message
from patchbay.model.times import from_unix
from patchbay.testing.world import World
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

T0 = from_unix(1_790_000_000)
MARA = Person(keys=(IdentityKey(kind="phone", value="+15550001111"),), name="Mara Voss")
BSUID = IdentityKey(kind="wa_bsuid", value="US.20260001112223334445", scope="portfolio")
CHANNEL = WhatsAppChannel(WhatsAppSettings())
CHANNELS = {"whatsapp": CHANNEL}
AGENT = Actor(type="agent", id="admin", name="Ann")


class Inbox:
    """A world with one account."""

    def __init__(self, *, reopen_after: timedelta = timedelta(0)) -> None:
        self.world = World(now=T0)
        self.account = self.world.put(
            ACCOUNTS,
            ChannelAccount(
                id=account_id("whatsapp", "401"),
                created_at=T0,
                updated_at=T0,
                channel="whatsapp",
                name="Support",
                external_id="401",
                parent_external_id="301",
            ),
        )
        self.reopen_after = reopen_after

    def applying(self, event: InboundEvent) -> Callable[[UnitOfWork], Applied]:
        """The command that folds an event in."""
        arrival = Arrival(self.account, CHANNEL, "1", self.reopen_after)
        return lambda uow: apply_event(uow, arrival, event)

    def arrive(self, event: InboundEvent) -> Applied:
        return self.world.run(self.applying(event))

    def say(self, text: str = "Hello", id: str = "wamid.1", person: Person = MARA, at: int = 0) -> Message:
        self.arrive(received(text, id, person, at))
        return self.world.get(MESSAGES, message_id(self.account.id, id))

    def send(self, content: AnyContent | None = None, **more: Any) -> Message:
        conversation = self.conversation
        return self.world.run(
            lambda uow: send_message(uow, CHANNELS, conversation.id, content or Text(text="Hi!"), author=AGENT, **more)
        )

    @property
    def conversation(self) -> Conversation:
        """The newest one."""
        return max(self.world.all(CONVERSATIONS), key=lambda conversation: conversation.number)

    @property
    def thread(self) -> Thread:
        (thread,) = self.world.all(THREADS)
        return thread

    def message(self, id: str) -> Message:
        return self.world.get(MESSAGES, id)


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


def received(text: str = "Hello", id: str = "wamid.1", person: Person = MARA, when: int = 0) -> MessageReceived:
    return MessageReceived(occurred_at=at(when), external_id=id, sender=person, content=Text(text=text))


def echo(text: str = "From the phone", id: str = "wamid.e", when: int = 0, **more: Any) -> MessageEchoed:
    return MessageEchoed(occurred_at=at(when), external_id=id, recipient=MARA, content=Text(text=text), **more)


def receipt(state: DeliveryState, id: str = "wamid.out", when: int = 0, **more: Any) -> ReceiptReceived:
    return ReceiptReceived(occurred_at=at(when), external_id=id, state=state, **more)


def reaction(emoji: str | None, target: str = "wamid.1", id: str = "wamid.r", when: int = 0) -> ReactionChanged:
    return ReactionChanged(occurred_at=at(when), external_id=id, target=target, person=MARA, emoji=emoji)
