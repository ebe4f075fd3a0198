"""A random day of an inbox and its provider: everything that may arrive, be sent, go wrong and be repeated.

The provider is simulated by what it took: ``left`` are the attempts whose bytes left, and only those are reported on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from patchbay.channel import (
    IdentityRekeyed,
    InboundEvent,
    MessageDeleted,
    Person,
    SendReceipt,
    ThreadNotice,
)
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES, OUTBOX, PARKED
from patchbay.delivery import claims, outcomes
from patchbay.errors import AccountBroken, OutcomeUnknown, Rejected, RequestError, SendError, Unavailable
from patchbay.housekeeping import give_up_parked, judge_parked
from patchbay.inbox import lifecycle
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.reports import change_status
from patchbay.inbox.resending import cancel_message, retry_message, set_reaction
from patchbay.inbox.sending import send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import Text
from patchbay.model.message import DeliveryState, Failure
from patchbay.model.outbox import OutboxEntry
from tests.core.inbox.builders import AGENT, CHANNEL, CHANNELS, Inbox, at, receipt
from tests.core.inbox.happenings import (
    ECHOES,
    HISTORY,
    INBOUND,
    PEOPLE,
    bsuid,
    echo_of,
    edit_of,
    history_of,
    phone,
    reaction_to,
    received_as,
    watermark,
)
from tests.core.inbox.truths import Truths

REPORTS: tuple[DeliveryState, ...] = ("sent", "delivered", "read", "failed")
FAILURE = Failure(code="rejected", message="no")

people = st.integers(0, PEOPLE - 1)
moments = st.integers(0, 9)
reports = st.sampled_from(REPORTS)


class Day(RuleBasedStateMachine):
    """Every step is one command, or two that race; afterwards everything in ``Truths`` holds."""

    @initialize(reopens=st.booleans())
    def begin(self, reopens: bool) -> None:
        self.inbox = Inbox(reopen_after=timedelta(minutes=30) if reopens else timedelta(0))
        self.world = self.inbox.world
        self.truths = Truths(self.world)
        self.generation = dict.fromkeys(range(PEOPLE), 0)
        self.held: dict[str, OutboxEntry] = {}  # by entry: what a worker believes to hold
        self.left: dict[str, tuple[str, int]] = {}  # external id: (message, attempt)
        self.called: dict[str, str] = {}  # by entry: the external id of what left last

    # what arrives

    def person(self, number: int, keys: str) -> Person:
        generation = self.generation[number]
        named = {"phone": phone(number, generation), "bsuid": bsuid(number, generation)}
        chosen = tuple(named[key] for key in keys.split("+"))
        return Person(keys=chosen, name=f"Person {number}")

    def arrive(self, event: InboundEvent) -> None:
        self.inbox.arrive(event)

    @rule(id=st.sampled_from(INBOUND), keys=st.sampled_from(["phone", "phone+bsuid", "phone+bsuid", "bsuid"]))
    def somebody_writes(self, id: str, keys: str) -> None:
        person = int(id.split(".")[2])
        self.inbox.arrive(received_as(id, self.person(person, keys)))

    @rule(id=st.sampled_from(ECHOES))
    def the_phone_writes(self, id: str) -> None:
        self.arrive(echo_of(id, self.person(int(id.split(".")[2]), "phone")))

    @rule(id=st.sampled_from(HISTORY + INBOUND + ECHOES), outbound=st.booleans())
    def history_comes(self, id: str, outbound: bool) -> None:
        """Also of what is delivered later."""
        person = self.person(int(id.split(".")[2]), "phone")
        self.arrive(history_of(id, person, outbound if id in HISTORY else id in ECHOES))

    @rule(person=people, number=st.integers(0, 1), call=st.booleans())
    def something_happens(self, person: int, number: int, call: bool) -> None:
        notice = ThreadNotice(
            occurred_at=at(5),
            external_id=f"notice.{person}.{number}.{call}",
            notice="call" if call else "control_taken",
            person=self.person(person, "phone"),
            opens_window=call,
        )
        self.arrive(notice)

    @rule(about=st.sampled_from(INBOUND + ECHOES + HISTORY), number=st.integers(0, 2))
    def a_message_is_edited(self, about: str, number: int) -> None:
        self.arrive(edit_of(about, number))

    @rule(about=st.sampled_from(INBOUND + ECHOES + HISTORY))
    def a_message_is_deleted(self, about: str) -> None:
        self.arrive(MessageDeleted(occurred_at=at(50), external_id=f"{about}.gone", target=about))

    @rule(about=st.sampled_from(INBOUND + ECHOES), by=people, number=moments, emoji=st.sampled_from(["👍", "❤️", None]))
    def somebody_reacts(self, about: str, by: int, number: int, emoji: str | None) -> None:
        self.arrive(reaction_to(about, self.person(by, "phone"), number, emoji))

    @rule(person=people, back=st.booleans())
    def a_number_changes(self, person: int, back: bool) -> None:
        now = self.generation[person]
        then = max(0, now - 1) if back else now + 1
        if now == then:
            return
        changed = IdentityRekeyed(
            occurred_at=at(60),
            external_id=f"rekey.{person}.{now}.{then}.{len(self.world.events)}",
            previous=(phone(person, now), bsuid(person, now)),
            current=(phone(person, then), bsuid(person, then)),
        )
        self.generation[person] = then
        self.arrive(changed)
        self.arrive(changed)

    # what is sent

    def conversations(self) -> list[str]:
        return [each.id for each in self.world.all(CONVERSATIONS) if each.status != "closed"]

    def ours(self) -> list[str]:
        return [each.id for each in self.world.all(MESSAGES) if each.direction == "outbound" and each.origin == "agent"]

    @precondition(lambda self: self.conversations())
    @rule(data=st.data())
    def an_agent_answers(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(self.conversations()))
        self.try_to(lambda uow: send_message(uow, CHANNELS, id, Text(text="Hi!"), author=AGENT))

    @precondition(lambda self: self.world.all(CONVERSATIONS))
    @rule(data=st.data(), verb=st.sampled_from([lifecycle.close, lifecycle.reopen]))
    def an_agent_closes_or_reopens(self, data: st.DataObject, verb: Callable[..., Any]) -> None:
        id = data.draw(st.sampled_from(self.world.all(CONVERSATIONS))).id
        self.try_to(lambda uow: verb(uow, id))

    @precondition(lambda self: self.ours())
    @rule(data=st.data(), verb=st.sampled_from([retry_message, retry_message, cancel_message]))
    def an_agent_retries_or_cancels(self, data: st.DataObject, verb: Callable[..., Any]) -> None:
        id = data.draw(st.sampled_from(self.ours()))
        self.try_to(lambda uow: verb(uow, id))

    @precondition(lambda self: self.world.all(MESSAGES))
    @rule(data=st.data(), emoji=st.sampled_from(["🎉", None]))
    def an_agent_reacts(self, data: st.DataObject, emoji: str | None) -> None:
        id = data.draw(st.sampled_from(self.world.all(MESSAGES))).id
        self.try_to(lambda uow: set_reaction(uow, CHANNELS, id, emoji, actor=AGENT))

    def try_to(self, command: Callable[[UnitOfWork], Any]) -> None:
        before = (len(self.world.events), dict(self.world.keys))
        try:
            self.world.run(command, actor=AGENT)
        except (RequestError, SendError):
            assert before == (len(self.world.events), dict(self.world.keys))

    # workers

    def entries(self, *states: str) -> list[OutboxEntry]:
        return [entry for entry in self.world.all(OUTBOX) if entry.kind == "message" and entry.state in states]

    @precondition(lambda self: self.entries("queued", "retry"))
    @rule(data=st.data())
    def a_worker_claims(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(self.entries("queued", "retry"))).id
        worker = f"worker {len(self.world.events)}"
        claimed = self.world.run(lambda uow: claims.claim(uow, id, worker, 60, "claimed"))
        if claimed is not None:
            self.held[id] = claimed

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def bytes_leave(self, data: st.DataObject) -> None:
        claimed = data.draw(st.sampled_from([self.held[id] for id in sorted(self.held)]))
        try:
            entry = self.world.run(lambda uow: claims.begin_sending(uow, claimed))
        except claims.Fenced:
            del self.held[claimed.id]
            return
        self.held[entry.id] = entry
        message = self.inbox.message(entry.message_id)
        external_id = self.called[entry.id] = f"wamid.out.{len(self.left)}"
        self.left[external_id] = (message.id, message.attempt)

    def sending(self) -> list[OutboxEntry]:
        return [self.held[id] for id in sorted(self.held) if self.held[id].state == "sending"]

    def concluding(self, data: st.DataObject) -> tuple[str, Callable[[UnitOfWork], Any]]:
        """What the provider calls an entry on its way, and one of the ways in which that ends."""
        entry = data.draw(st.sampled_from(self.sending()))
        del self.held[entry.id]
        external_id = self.called[entry.id]
        ends: list[Callable[[UnitOfWork], Any]] = [
            lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=external_id)),
            lambda uow: outcomes.accepted(uow, entry, CHANNEL, SendReceipt(external_id=external_id)),
            lambda uow: outcomes.failed(uow, entry, CHANNEL, OutcomeUnknown("lost"), "unknown"),
            lambda uow: outcomes.failed(uow, entry, CHANNEL, Rejected("no"), "failed"),
            lambda uow: outcomes.put_off(uow, entry, CHANNEL, Unavailable("later"), uow.now + timedelta(seconds=1)),
            lambda uow: outcomes.pause(
                uow, entry, CHANNEL, AccountBroken("token"), uow.need(ACCOUNTS, entry.account_id)
            ),
        ]
        return external_id, fenced_off(data.draw(st.sampled_from(ends)))

    @precondition(lambda self: self.sending())
    @rule(data=st.data())
    def an_answer_comes(self, data: st.DataObject) -> None:
        _, ends = self.concluding(data)
        self.world.run(ends)

    @precondition(lambda self: self.sending())
    @rule(data=st.data(), state=reports, with_reference=st.booleans(), report_first=st.booleans())
    def an_answer_and_a_report_race(
        self, data: st.DataObject, state: DeliveryState, with_reference: bool, report_first: bool
    ) -> None:
        """Both read the inbox as it was, and commit one after the other."""
        external_id, ends = self.concluding(data)
        report = self.inbox.applying(self.report(external_id, state, 5, with_reference))
        self.world.race(*((report, ends) if report_first else (ends, report)))

    @precondition(lambda self: self.sending())
    @rule(data=st.data())
    def our_own_echo_beats_the_answer(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.sending()))
        external_id = self.called[entry.id]
        message, attempt = self.left[external_id]
        if data.draw(st.booleans()):
            del self.held[entry.id]  # the answer never comes
        self.arrive(echo_of(external_id, self.person(0, "phone"), reference(message, 0, attempt)))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_worker_is_gone(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.held)))
        if data.draw(st.booleans()):  # or is only slow, and will conclude when it must not any more
            del self.held[id]
        self.world.run(lambda uow: outcomes.recover(uow, id))

    @rule()
    def the_account_works_again(self) -> None:
        account = self.world.get(ACCOUNTS, self.inbox.account.id)
        self.world.run(lambda uow: change_status(uow, account, "active"))
        for entry in self.entries("paused"):
            self.world.run(lambda uow, id=entry.id: outcomes.resume(uow, id))  # type: ignore[misc]

    # what is reported

    def report(self, external_id: str, state: DeliveryState, when: int, with_reference: bool) -> InboundEvent:
        message, attempt = self.left[external_id]
        return receipt(
            state,
            external_id,
            when,
            reference=reference(message, 0, attempt) if with_reference else None,
            error=FAILURE if state == "failed" else None,
        )

    @precondition(lambda self: self.left)
    @rule(data=st.data(), state=reports, when=moments, with_reference=st.booleans())
    def a_report_comes(self, data: st.DataObject, state: DeliveryState, when: int, with_reference: bool) -> None:
        self.arrive(self.report(data.draw(st.sampled_from(sorted(self.left))), state, when, with_reference))

    def covering(self, data: st.DataObject) -> InboundEvent:
        """A report about all that a person had by a moment."""
        person = self.person(data.draw(people), "phone")
        up_to = self.world.now + timedelta(seconds=data.draw(st.sampled_from([-60, -1, 0, 1])))
        state: DeliveryState = data.draw(st.sampled_from(["delivered", "read"]))
        return watermark(person, state, up_to, data.draw(st.integers(0, 90)))

    @rule(data=st.data())
    def a_report_about_everything_comes(self, data: st.DataObject) -> None:
        self.arrive(self.covering(data))

    @precondition(lambda self: self.sending())
    @rule(data=st.data(), report_first=st.booleans())
    def an_answer_and_a_report_about_everything_race(self, data: st.DataObject, report_first: bool) -> None:
        _, ends = self.concluding(data)
        report = self.inbox.applying(self.covering(data))
        self.world.race(*((report, ends) if report_first else (ends, report)))

    @rule(id=st.sampled_from(ECHOES), state=reports, when=moments)
    def a_report_about_the_phones_message_comes(self, id: str, state: DeliveryState, when: int) -> None:
        self.arrive(receipt(state, id, when, error=FAILURE if state == "failed" else None))

    # time

    @rule(minutes=st.sampled_from([0.02, 1, 3, 40]))
    def time_passes(self, minutes: float) -> None:
        self.world.pass_time(minutes=minutes)
        for parked in self.world.all(PARKED):
            if parked.thread_id is not None and self.world.now - parked.created_at >= timedelta(minutes=2):
                self.world.run(lambda uow, id=parked.id: judge_parked(uow, parked_id=id, channels=CHANNELS))  # type: ignore[misc]

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "truths"):
            self.truths.hold()

    def teardown(self) -> None:
        if not hasattr(self, "truths"):
            return
        self.world.pass_time(hours=1)
        for entry in self.entries("claimed", "sending"):
            self.world.run(lambda uow, id=entry.id: outcomes.recover(uow, id))  # type: ignore[misc]
        self.time_passes(3)
        assert all(parked.thread_id is None for parked in self.world.all(PARKED)), "an echo waits for ever"
        self.truths.hold()
        self.world.pass_time(hours=49)
        for parked in self.world.all(PARKED):
            self.world.run(lambda uow, id=parked.id: give_up_parked(uow, parked_id=id))  # type: ignore[misc]
        assert self.world.all(PARKED) == []
        assert not [ref for ref in self.world.keys.values() if ref.startswith("prk_")]
        self.truths.hold()


def fenced_off(command: Callable[[UnitOfWork], Any]) -> Callable[[UnitOfWork], Any]:
    def run(uow: UnitOfWork) -> None:
        mark = uow.mark()
        try:
            command(uow)
        except claims.Fenced:
            uow.rollback(mark)

    return run
