"""An inbox in memory, where items are applied and sends concluded as the gateway does both. No IO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins
from msgspec.json import decode

from patchbay.channel import ApiRequest, ApiResponse, Item, Outgoing, Recipient, SendReceipt
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES, OUTBOX, PARKED, THREADS
from patchbay.delivery import claims, outcomes
from patchbay.delivery.policy import delay, exhausted
from patchbay.errors import AccountBroken, OutcomeUnknown, SendError, Unavailable
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import Early, QuoteAwaited
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.receive import Applied
from patchbay.inbox.sending import recipient_of, send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from patchbay.model.conversation import Thread
from patchbay.model.message import Actor, Message
from patchbay.model.outbox import OutboxEntry
from patchbay.settings import DeliverySettings
from patchbay.testing.channel_bench import Answering, Bench, at
from patchbay.testing.channel_checks import fail
from patchbay.testing.world import World

AGENT = Actor(type="agent", id="usr_1", name="Ann")
LEASE_S = 60.0
SETTINGS = DeliverySettings()


@dataclass(frozen=True)
class Departed:
    """A send whose flow came to its end and that is not concluded yet: its receipt, or why it failed."""

    entry: OutboxEntry
    outcome: SendReceipt | SendError


class BenchInbox:
    """One account and one person. ``left`` are the requests that the person may have seen something by."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.channel = bench.channel
        self.world = World(now=at(60))
        self.world.put(ACCOUNTS, bench.samples.account)
        self.left: list[ApiRequest] = []

    # in

    def deliver(self, body: bytes) -> list[Applied]:
        """A webhook comes: verified, parsed, and each item applied. Malformed items are passed over."""
        self.channel.verify(self.bench.request(body), self.bench.samples.secrets)
        return [self.apply(item) for item in self.bench.parse(body) if isinstance(item, Item)]

    def apply(self, item: Item) -> Applied:
        arrival = Arrival(self.account, self.channel, "raw_1", key=item.key)
        if not self.bench.is_ours(item.account):
            fail(f"the item {item.key} is for {item.account}, not for the account of the samples")
        try:
            return self.world.run(lambda uow: apply_event(uow, arrival, item.event))
        except Exception as error:
            fail(f"the item {item.key} could not be applied: {type(error).__name__}: {error}")

    # out

    def write(self, text: str) -> Message:
        """An agent writes on the conversation; the message is queued. Raises ``SendError`` when it is refused."""
        conversation = max(self.world.all(CONVERSATIONS), key=lambda one: one.number).id
        channels = {self.channel.name: self.channel}
        return self.world.run(
            lambda uow: send_message(uow, channels, conversation, Text(text=text), author=AGENT), actor=AGENT
        )

    def work(self, answer: Answering | None = None) -> list[SendError | None]:
        """What the worker does with all entries that are due; why each failed, or None."""
        due = [one for one in self.entries() if one.state in ("queued", "retry") and one.not_before <= self.world.now]
        errors: list[SendError | None] = []
        for entry in due:
            departed = self.depart(entry, answer)
            self.conclude(departed)
            errors.append(departed.outcome if isinstance(departed.outcome, SendError) else None)
        return errors

    def depart(self, entry: OutboxEntry, answer: Answering | None = None) -> Departed:
        """Claim an entry, check its part once more and run its flow; nothing of its outcome is committed yet."""
        claimed = self.world.run(lambda uow: claims.claim(uow, entry.id, "bench", LEASE_S, "claimed"))
        if claimed is None:
            fail("an outbox entry that is due could not be claimed")
        held = claimed

        def asked(request: ApiRequest) -> ApiResponse:
            nonlocal held
            if request.effect and held.state == "claimed":
                held = self.world.run(lambda uow: claims.begin_sending(uow, held))
            if request.effect or self.bench.sample("shows", request):
                self.left.append(request)
            return (answer or self.bench.provider)(request)

        part = self._outgoing(entry)
        try:
            self.channel.check(self.account, part.content, part.recipient, part.media)
            driven = self.bench.drive(self.channel.send(self.account, part), asked)
        except SendError as error:
            return Departed(held, error)
        if not isinstance(driven.result, SendReceipt):
            fail("the flow of a send returned no SendReceipt")
        return Departed(held, driven.result)

    def conclude(self, departed: Departed) -> None:
        """Commit what came of a send."""
        entry, outcome, account = departed.entry, departed.outcome, self.account

        def command(uow: UnitOfWork) -> None:
            match outcome:
                case SendReceipt():
                    outcomes.accepted(uow, entry, self.channel, outcome)
                case AccountBroken():
                    outcomes.pause(uow, entry, self.channel, outcome, account)
                case OutcomeUnknown():
                    outcomes.failed(uow, entry, self.channel, outcome, "unknown")
                case Unavailable() if not exhausted(entry.attempt, outcome):
                    until = uow.now + delay(entry.attempt, outcome, SETTINGS, 0.5)
                    outcomes.put_off(uow, entry, self.channel, outcome, until)
                case _:
                    outcomes.failed(uow, entry, self.channel, outcome, "failed")

        self.world.run(command)

    def _outgoing(self, entry: OutboxEntry) -> Outgoing:
        message = self.world.get(MESSAGES, entry.message_id)
        return Outgoing(
            message_id=message.id,
            reference=reference(message.id, entry.part, message.attempt),
            content=self.channel.split(message.content)[entry.part],
            recipient=self.recipient,
        )

    # what is there

    @property
    def account(self) -> ChannelAccount:
        return self.world.get(ACCOUNTS, self.bench.samples.account.id)

    @property
    def thread(self) -> Thread:
        threads = self.world.all(THREADS)
        if not threads:
            fail("nobody has written: the sample message made no thread")
        return threads[0]

    @property
    def recipient(self) -> Recipient:
        """The person, as a send sees them."""
        thread = self.thread
        return self.world.run(lambda uow: recipient_of(uow, thread))

    def entries(self) -> list[OutboxEntry]:
        return [entry for entry in self.world.all(OUTBOX) if entry.kind == "message"]

    def fresh(self, message: Message) -> Message:
        """The message as it is now."""
        return self.world.get(MESSAGES, message.id)

    def messages(self) -> Sequence[Message]:
        return self.world.all(MESSAGES)

    def parked(self, *, reports: bool = False) -> list[str]:
        """Ids of the messages that something waits for: a report, or, unless only those are asked for, a reply."""
        return sorted(
            waiting.external_id
            for waiting in self.world.all(PARKED)
            if not reports or any(not isinstance(decode(item, type=Early), QuoteAwaited) for item in waiting.items)
        )

    def state(self) -> dict[str, Any]:
        """All that may not depend on the order in which things arrived, nor on how often."""
        shown = [_shown(message) for message in self.messages()]
        return {
            "messages": sorted(shown, key=str),
            "parked": self.parked(),
            "window": self.thread.window.expires_at,
            "threads": len(self.world.all(THREADS)),
            "outbox": sorted(entry.state for entry in self.entries()),
        }


def open_inbox(bench: Bench) -> BenchInbox:
    """An inbox in which the person has written once."""
    inbox = BenchInbox(bench)
    inbox.deliver(bench.message(0))
    return inbox


def _shown(message: Message) -> dict[str, Any]:
    """The message without its place in the order, and without what only says when we heard of something: where a report
    and a watermark tell the same, the first one heard gives the time."""
    reactions = sorted((each.actor.type, each.emoji or "") for each in message.reactions)
    return {
        "ids": sorted(ref.external_id for ref in message.external_refs),
        "direction": message.direction,
        "origin": message.origin,
        "content": to_builtins(message.content),
        "text": message.text,
        "deleted": None if message.deleted is None else message.deleted.at,
        "revisions": [to_builtins(revision.content) for revision in message.revisions],
        "reactions": reactions,
        "state": message.delivery.state,
        "times": (message.delivery.delivered_at is not None, message.delivery.read_at is not None),
        "occurred_at": message.occurred_at if message.direction == "inbound" else None,
        "quotes": None if message.reply_to is None else (message.reply_to.external_id, message.reply_to.message_id),
    }
