"""Random days of an inbox: whatever people, bots and writers do, the order, the one open conversation and the versions
hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from patchbay.channel import IdentityKey, Person
from patchbay.collections import ACTIVITIES, CONTACTS, CONVERSATIONS, MESSAGES, NOTES, THREADS
from patchbay.errors import RequestError, SendError
from patchbay.inbox import lifecycle
from patchbay.inbox.changing import change_conversation
from patchbay.inbox.landing import OPEN_CONVERSATION
from patchbay.inbox.merging import merge_contacts, unmerge_contact
from patchbay.inbox.notes import add_conversation_note, delete_note
from patchbay.inbox.reading import mark_read, mark_unread
from patchbay.inbox.sending import send_message
from patchbay.inbox.snoozing import wake_due
from patchbay.model.content import Text
from patchbay.model.message import Actor
from patchbay.views import unread_count
from tests.core.inbox.builders import AGENT, CHANNELS, Inbox

PEOPLE = [
    Person(keys=(IdentityKey(kind="phone", value=f"+1555000{number:04d}"),), name=f"Person {number}")
    for number in range(3)
]
ACTORS = [AGENT, Actor(type="agent", id="ben"), Actor(type="bot", id="bot_1")]
ACTIONS: list[tuple[str, Any]] = [
    ("assign", lambda uow, id, who: lifecycle.assign(uow, id, who.id)),
    ("unassign", lambda uow, id, who: lifecycle.assign(uow, id, None)),
    ("claim", lambda uow, id, who: lifecycle.claim(uow, id, who.id)),
    ("release", lambda uow, id, who: lifecycle.release(uow, id, who.id)),
    ("transfer", lambda uow, id, who: lifecycle.transfer(uow, id, department_id="dep_1")),
    ("snooze", lambda uow, id, who: lifecycle.snooze(uow, id, uow.now + timedelta(hours=1))),
    ("unsnooze", lambda uow, id, who: lifecycle.unsnooze(uow, id)),
    ("wake", lambda uow, id, who: wake_due(uow, id)),
    ("close", lambda uow, id, who: lifecycle.close(uow, id)),
    ("reopen", lambda uow, id, who: lifecycle.reopen(uow, id)),
    ("take", lambda uow, id, who: lifecycle.take_control(uow, id, who)),
    ("give", lambda uow, id, who: lifecycle.release_control(uow, id, who)),
    ("change", lambda uow, id, who: change_conversation(uow, id, {"priority": "high", "department_id": None})),
    ("read", lambda uow, id, who: mark_read(uow, CHANNELS, id, who.id)),
    ("unread", lambda uow, id, who: mark_unread(uow, id, who.id)),
    ("note", lambda uow, id, who: add_conversation_note(uow, id, "n")),
    ("send", lambda uow, id, who: send_message(uow, CHANNELS, id, Text(text="Hi"), author=who)),
]


class Days(RuleBasedStateMachine):
    """The world of the tests refuses a commit whose expected version or key is not so, as the store does."""

    @initialize(reopen=st.booleans())
    def begin(self, reopen: bool) -> None:
        self.inbox = Inbox(reopen_after=timedelta(minutes=30) if reopen else timedelta(0))
        self.written = 0
        self.versions: dict[str, int] = {}

    @rule(person=st.sampled_from(PEOPLE))
    def somebody_writes(self, person: Person) -> None:
        self.written += 1
        self.inbox.say(f"Message {self.written}", id=f"wamid.{self.written}", person=person, at=self.written)

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.inbox.world.pass_time(minutes=minutes)

    @precondition(lambda self: self.inbox.world.all(CONVERSATIONS))
    @rule(data=st.data(), action=st.sampled_from(ACTIONS), who=st.sampled_from(ACTORS))
    def somebody_acts(self, data: st.DataObject, action: tuple[str, Any], who: Actor) -> None:
        world = self.inbox.world
        conversation = data.draw(st.sampled_from(world.all(CONVERSATIONS)))
        before = (dict(world.keys), len(world.events), world.all(THREADS))
        try:
            world.run(lambda uow: action[1](uow, conversation.id, who), actor=who)
        except (RequestError, SendError):
            assert (dict(world.keys), len(world.events), world.all(THREADS)) == before

    @precondition(lambda self: self.inbox.world.all(NOTES))
    @rule(data=st.data())
    def somebody_deletes_a_note(self, data: st.DataObject) -> None:
        note = data.draw(st.sampled_from(self.inbox.world.all(NOTES)))
        self.inbox.world.run(lambda uow: delete_note(uow, uow.need(NOTES, note.id), may_moderate=True))

    @precondition(lambda self: len(self.inbox.world.all(CONTACTS)) > 1)
    @rule(data=st.data(), undo=st.booleans())
    def somebody_merges(self, data: st.DataObject, undo: bool) -> None:
        contacts = st.sampled_from(self.inbox.world.all(CONTACTS))
        source, target = data.draw(contacts), data.draw(contacts)
        try:
            if undo:
                self.inbox.world.run(lambda uow: unmerge_contact(uow, source.id))
            else:
                self.inbox.world.run(lambda uow: merge_contacts(uow, source.id, target.id))
        except RequestError:
            pass

    @invariant()
    def places_are_dense_on_every_thread(self) -> None:
        world = self.inbox.world
        for thread in world.all(THREADS):
            items: list[Any] = [*world.all(MESSAGES), *world.all(NOTES), *world.all(ACTIVITIES)]
            seqs = sorted(item.seq for item in items if item.thread_id == thread.id)
            assert seqs == list(range(1, thread.last_seq + 1))

    @invariant()
    def one_conversation_at_most_is_open_per_thread_and_its_key_says_so(self) -> None:
        world = self.inbox.world
        for thread in world.all(THREADS):
            open_ones = [
                each.id for each in world.all(CONVERSATIONS) if each.thread_id == thread.id and each.status != "closed"
            ]
            assert open_ones == ([] if thread.open_conversation_id is None else [thread.open_conversation_id])
            assert world.keys.get((OPEN_CONVERSATION, thread.id)) == thread.open_conversation_id

    @invariant()
    def a_conversation_is_never_two_things_at_once(self) -> None:
        for conversation in self.inbox.world.all(CONVERSATIONS):
            assert (conversation.status == "closed") == (conversation.closed_at is not None)
            assert (conversation.status == "snoozed") == (conversation.snoozed_until is not None)
            for reader in (None, *(actor.id for actor in ACTORS)):
                assert 0 <= unread_count(conversation, reader) <= conversation.inbound_count
            assert conversation.contact_id == self.inbox.world.get(THREADS, conversation.thread_id).contact_id

    @invariant()
    def versions_grow(self) -> None:
        for conversation in self.inbox.world.all(CONVERSATIONS):
            assert conversation.version >= self.versions.get(conversation.id, 1)
            self.versions[conversation.id] = conversation.version


Days.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestDays = Days.TestCase
