"""An inbox in memory and the provider's account: it hears webhooks, sends, and says in what state all ended."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from patchbay.channel import ApiRequest, ApiResponse, Item, Outgoing, SendReceipt
from patchbay.collections import ACCOUNTS, CONVERSATIONS, IDENTITIES, MESSAGES, OUTBOX, PARKED, THREADS
from patchbay.delivery import claims, outcomes
from patchbay.errors import OutcomeUnknown, SendError, Unavailable
from patchbay.housekeeping import judge_parked
from patchbay.inbox.apply import apply_event
from patchbay.inbox.echoes import ECHO_WAITS
from patchbay.inbox.landing import Arrival
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.resending import retry_message
from patchbay.inbox.sending import recipient_of, send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Text
from patchbay.model.conversation import Thread
from patchbay.model.ids import thread_id
from patchbay.model.message import Actor, Message
from patchbay.model.outbox import OutboxEntry
from patchbay.testing.outbound import NOON
from patchbay.testing.world import World
from patchbay.views import message_view
from patchbay.views.conversations import conversation_view
from patchbay.views.messages import revisions_view
from tests.plugins.days.happenings import Ending, Send, Telling
from tests.plugins.days.words import Words, moment

AGENT = Actor(type="agent", id="usr_1", name="Ann")
PEOPLE = ("7001", "7002")
LEASE_S = 60.0
DAY_S = 400  # seconds of the day in which things happen


@dataclass
class Line:
    """An inbox in memory with the provider's account, and the sends that are under way."""

    words: Words
    world: World = field(default_factory=lambda: World(now=NOON))
    references: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, tuple[OutboxEntry, Generator[ApiRequest, ApiResponse, SendReceipt]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.world.put(ACCOUNTS, self.words.account)

    # what comes

    def deliver(self, *tellings: Telling) -> None:
        """Webhooks come; several are applied in one commit, as the gateway does with what waits."""
        items = [item for telling in tellings for item in self.words.channel.parse(telling.body(self.references))]

        def command(uow: UnitOfWork) -> None:
            account = self.world.get(ACCOUNTS, self.words.account.id)
            for item in items:
                assert isinstance(item, Item), item
                assert item.account.external_id in (account.external_id, account.parent_external_id)
                apply_event(uow, Arrival(account, self.words.channel, key=item.key), item.event)

        self.world.run(command)

    # what we do

    def thread(self, person: str) -> Thread:
        (identity,) = (
            one for one in self.world.all(IDENTITIES) if one.value.endswith(person) and one.line_id == one.id
        )
        return self.world.get(THREADS, thread_id(self.words.account.id, identity.line_id))

    def ours(self, send: Send) -> Message:
        return next(one for one in self.world.all(MESSAGES) if one.client_ref == send.name)

    def queue(self, send: Send) -> None:
        conversation = self.thread(send.person).open_conversation_id
        assert conversation is not None
        channels = {self.words.channel.name: self.words.channel}
        content = Text(text=f"text {send.name}")
        self.world.run(
            lambda uow: send_message(uow, channels, conversation, content, author=AGENT, client_ref=send.name),
            actor=AGENT,
        )

    def retry(self, send: Send) -> None:
        self.world.run(lambda uow: retry_message(uow, self.ours(send).id), actor=AGENT)

    def leave(self, send: Send, number: int) -> None:
        """The bytes leave, and the provider has what it may give back."""
        id = entry_id(self.ours(send).id, 0)
        claimed = self.world.run(lambda uow: claims.claim(uow, id, f"{send.name}.{number}", LEASE_S, "claimed"))
        assert claimed is not None, f"{send.name} could not be sent"
        message = self.ours(send)
        thread = self.thread(send.person)
        outgoing = Outgoing(
            message_id=message.id,
            reference=reference(message.id, 0, message.attempt),
            content=message.content,
            recipient=self.world.run(lambda uow: recipient_of(uow, thread)),
        )
        flow = self.words.channel.send(self.words.account, outgoing)
        request = next(flow)
        assert request.effect
        held = self.world.run(lambda uow: claims.begin_sending(uow, claimed))
        self.under_way[send.name] = (held, flow)
        given = self.words.reference_in(request)
        if given is not None:
            self.references[self.words.mid(send.attempt(number))] = given

    def conclude(self, send: Send, number: int, ending: Ending) -> None:
        """The answer comes, or it does not."""
        entry, flow = self.under_way.pop(send.name)
        channel = self.words.channel
        outcome = _outcome(flow, self._answer(send, number, ending))
        match outcome:
            case SendReceipt():
                self.world.run(lambda uow: outcomes.accepted(uow, entry, channel, outcome))
            case OutcomeUnknown():
                self.world.run(lambda uow: outcomes.failed(uow, entry, channel, outcome, "unknown"))
            case Unavailable():
                self.world.run(lambda uow: outcomes.put_off(uow, entry, channel, outcome, uow.now))
            case SendError():
                self.world.run(lambda uow: outcomes.failed(uow, entry, channel, outcome, "failed"))

    def _answer(self, send: Send, number: int, ending: Ending) -> ApiResponse | SendError:
        match ending:
            case "take":
                return self.words.taken(send.person, self.words.mid(send.attempt(number)))
            case "refuse":
                return self.words.refused()
            case "busy":
                return self.words.busy()
            case _:
                return OutcomeUnknown("The request left and no answer came.")

    # how it ends

    def evening(self) -> None:
        """Nothing comes any more: echoes that still wait are what they seem."""
        self.world.now = moment(DAY_S) + ECHO_WAITS
        channels = {self.words.channel.name: self.words.channel}
        for parked in self.world.all(PARKED):
            if parked.thread_id is not None:
                self.world.run(lambda uow, id=parked.id: judge_parked(uow, parked_id=id, channels=channels))  # type: ignore[misc]

    def state(self) -> dict[str, Any]:
        """All that REST shows and that the order of arrival may not change.

        Not the order itself (seq, ids, versions), when we heard of something (a refusal, for one), and ``message_id``
        of actors.
        """
        people = {self.thread(person).id: person for person in PEOPLE}
        found: dict[str, Any] = {"messages": {}, "people": {}}
        for message in self.world.all(MESSAGES):
            name = message.client_ref or message.external_refs[0].external_id
            assert name not in found["messages"], f"{name} is there twice"
            found["messages"][name] = {"person": people[message.thread_id], **_shown(message)}
        for conversation in self.world.all(CONVERSATIONS):
            thread = self.world.get(THREADS, conversation.thread_id)
            view = conversation_view(conversation, None, thread)
            assert people[thread.id] not in found["people"], "a second conversation"
            found["people"][people[thread.id]] = {
                **{name: view[name] for name in ("status", "unread_count", "window")},
                "last_inbound_at": thread.last_inbound_at,
                "last_outbound_at": thread.last_outbound_at,
                "last_seq": thread.last_seq,
            }
        found["parked"] = sorted(parked.external_id for parked in self.world.all(PARKED))
        found["outbox"] = sorted(entry.state for entry in self.world.all(OUTBOX))
        return found


def _outcome(
    flow: Generator[ApiRequest, ApiResponse, SendReceipt], answer: ApiResponse | SendError
) -> SendReceipt | SendError:
    try:
        flow.throw(answer) if isinstance(answer, SendError) else flow.send(answer)
    except StopIteration as end:
        receipt: SendReceipt = end.value
        return receipt
    except SendError as error:
        return error
    raise AssertionError("a text took a second request")


def _shown(message: Message) -> dict[str, Any]:
    view = message_view(message)
    delivery = view["delivery"]
    reply = view["reply_to"]
    named = ("direction", "origin", "content", "text_content", "context", "edited", "deleted", "account_id")
    return {
        **{name: view[name] for name in named},
        "occurred_at": view["occurred_at"],
        "refs": sorted((ref.external_id, ref.part, ref.attempt, ref.state) for ref in message.external_refs),
        "revisions": revisions_view(message),
        "reactions": sorted((one["actor"]["type"], one["emoji"], one["occurred_at"]) for one in view["reactions"]),
        "reply_to": reply
        and reply["external_id"],  # not yet by our id: that is there only if the quoted one came first
        "state": delivery["state"],
        "failed": delivery["failed_at"] is not None,
        "times": message.direction == "outbound" and (delivery["delivered_at"], delivery["read_at"]),
        "error": delivery["error"] and delivery["error"]["code"],
        "author": view["author"]["type"],
    }
