"""What people do with conversations: every action in every state, and what each leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from patchbay.collections import ACTIVITIES, CONVERSATIONS, MESSAGES, TAGS, THREADS
from patchbay.errors import Invalid, NotFound, StateConflict, VersionConflict
from patchbay.inbox import lifecycle
from patchbay.inbox.activities import Expected, Why
from patchbay.inbox.changing import change_conversation, tag_conversation, untag_conversation
from patchbay.inbox.landing import OPEN_CONVERSATION
from patchbay.inbox.reading import mark_read, mark_unread
from patchbay.inbox.snoozing import wake_due
from patchbay.inbox.states import STATUSES, STEPS, Action, Step, has_work
from patchbay.inbox.tags import create_tag
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Controller, Conversation, ConversationStatus
from patchbay.model.message import Activity, Actor
from tests.core.inbox.builders import AGENT, CHANNELS, T0, Inbox

BOT = Actor(type="bot", id="bot_1", name="Botty")
Command = Callable[[UnitOfWork, str], Conversation]
COMMANDS: Mapping[Action, Command] = {
    "assign": lambda uow, id: lifecycle.assign(uow, id, "usr_2"),
    "claim": lambda uow, id: lifecycle.claim(uow, id, "usr_1"),
    "release": lambda uow, id: lifecycle.release(uow, id, "usr_1"),
    "transfer": lambda uow, id: lifecycle.transfer(uow, id, department_id="dep_1"),
    "snooze": lambda uow, id: lifecycle.snooze(uow, id, T0 + timedelta(days=2)),
    "unsnooze": lambda uow, id: lifecycle.unsnooze(uow, id),
    "close": lambda uow, id: lifecycle.close(uow, id, why=Why(reason="solved")),
    "reopen": lambda uow, id: lifecycle.reopen(uow, id),
    "take_control": lambda uow, id: lifecycle.take_control(uow, id, BOT),
    "release_control": lambda uow, id: lifecycle.release_control(uow, id, BOT),
    "move": lambda uow, id: change_conversation(uow, id, {"department_id": "dep_2"}),
    "change": lambda uow, id: change_conversation(uow, id, {"priority": "high"}),
    "read": lambda uow, id: mark_read(uow, CHANNELS, id, "usr_1"),
    "unread": lambda uow, id: mark_unread(uow, id, "usr_1"),
}
# written out, so that the table in the code cannot change without this one
EXPECTED: Mapping[Action, tuple[Step, Step, Step, Step]] = {  # pending, open, snoozed, closed
    "assign": ("do", "do", "do", "refuse"),
    "claim": ("do", "do", "do", "refuse"),
    "release": ("do", "do", "do", "refuse"),
    "transfer": ("do", "do", "do", "refuse"),
    "snooze": ("do", "do", "do", "refuse"),
    "unsnooze": ("nothing", "nothing", "do", "refuse"),
    "close": ("do", "do", "do", "nothing"),
    "reopen": ("nothing", "nothing", "nothing", "do"),
    "take_control": ("do", "do", "do", "refuse"),
    "release_control": ("do", "do", "do", "refuse"),
    "move": ("do", "do", "do", "refuse"),
    "change": ("do", "do", "do", "do"),
    "read": ("do", "do", "do", "do"),
    "unread": ("do", "do", "do", "do"),
}
EVENTS: Mapping[Action, str] = {
    "assign": "conversation.assigned",
    "claim": "conversation.assigned",
    "release": "conversation.assigned",
    "transfer": "conversation.transferred",
    "snooze": "conversation.snoozed",
    "unsnooze": "conversation.updated",
    "close": "conversation.closed",
    "reopen": "conversation.reopened",
    "take_control": "conversation.control_changed",
    "release_control": "conversation.control_changed",
    "move": "conversation.updated",
    "change": "conversation.updated",
    "read": "conversation.read",
    "unread": "conversation.read",
}


def in_status(status: ConversationStatus, action: Action) -> Inbox:
    """An inbox whose conversation is in this status, with something for the action to change."""
    inbox = Inbox()
    inbox.say()
    world, id = inbox.world, inbox.conversation.id
    changes: dict[str, Any] = {}
    if action == "release":
        changes["assignee_id"] = "usr_1"
    if action == "release_control":
        changes["controller"] = Controller(type="bot", id=BOT.id, token="t")
    if action == "unread":
        world.run(lambda uow: mark_read(uow, CHANNELS, id, "usr_1"))
    world.put(CONVERSATIONS, replace(inbox.conversation, **changes))
    if status == "pending":
        world.put(CONVERSATIONS, replace(inbox.conversation, status="pending"))
    elif status == "snoozed":
        world.run(lambda uow: lifecycle.snooze(uow, id, T0 + timedelta(days=1)))
    elif status == "closed":
        world.run(lambda uow: lifecycle.close(uow, id))
    return inbox


def test_the_table_names_every_action_and_every_status() -> None:
    assert set(STEPS) == set(get_args(Action)) == set(COMMANDS) == set(EXPECTED)
    assert set(STATUSES) == set(get_args(ConversationStatus))
    assert {action: tuple(row[status] for status in STATUSES) for action, row in STEPS.items()} == EXPECTED


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("action", sorted(COMMANDS))
def test_every_action_in_every_status_does_what_the_table_says(action: Action, status: ConversationStatus) -> None:
    inbox = in_status(status, action)
    before, events = inbox.conversation, len(inbox.world.events)
    step = EXPECTED[action][STATUSES.index(status)]

    def run() -> Conversation:
        return inbox.world.run(lambda uow: COMMANDS[action](uow, before.id), actor=AGENT)

    if step == "refuse":
        with pytest.raises(StateConflict) as refused:
            run()
        assert refused.value.problem_code == "conversation_closed"
        assert refused.value.hint
    else:
        run()
    after = inbox.conversation
    if step != "do":
        assert (after, len(inbox.world.events)) == (before, events)
        return
    assert after.version == before.version + 1
    assert inbox.world.told(events) == [EVENTS[action]]
    assert inbox.world.data()["version"] == after.version
    again = run()
    assert (again, len(inbox.world.events)) == (after, events + 1), "what is so already changes nothing"


@pytest.mark.parametrize("action", [action for action in sorted(COMMANDS) if action not in ("read", "unread")])
def test_what_is_done_stands_in_the_timeline_at_the_next_place(action: Action) -> None:
    status: ConversationStatus = "closed" if action == "reopen" else "snoozed" if action == "unsnooze" else "open"
    inbox = in_status(status, action)
    known, place = len(inbox.world.all(ACTIVITIES)), inbox.thread.last_seq + 1
    inbox.world.run(lambda uow: COMMANDS[action](uow, inbox.conversation.id), actor=AGENT)
    line: Activity = inbox.world.all(ACTIVITIES)[-1]
    assert len(inbox.world.all(ACTIVITIES)) == known + 1
    assert (line.seq, inbox.thread.last_seq) == (place, place)
    assert (line.actor, line.conversation_id) == (AGENT, inbox.conversation.id)
    assert inbox.world.data()["activity"]["id"] == line.id


@pytest.mark.parametrize("action", sorted(COMMANDS))
def test_a_conversation_that_does_not_exist_is_not_found(action: Action) -> None:
    inbox = Inbox()
    with pytest.raises(NotFound):
        inbox.world.run(lambda uow: COMMANDS[action](uow, "cnv_none"))


def test_another_version_than_the_one_seen_is_refused_with_the_present_one() -> None:
    inbox = in_status("open", "close")
    version = inbox.conversation.version
    with pytest.raises(VersionConflict) as refused:
        inbox.world.run(lambda uow: lifecycle.close(uow, inbox.conversation.id, expected=Expected(version=version + 1)))
    assert refused.value.extra == {"current_version": version}
    assert inbox.conversation.status == "open"


def test_when_somebody_spoke_meanwhile_the_action_is_refused_with_what_was_missed() -> None:
    inbox = in_status("open", "close")
    seen = inbox.conversation.last_seq
    inbox.say("Wait!", id="wamid.2", at=5)
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: lifecycle.close(uow, inbox.conversation.id, expected=Expected(last_seq=seen)))
    assert refused.value.problem_code == "conversation_moved"
    assert [missed["text_content"] for missed in refused.value.extra["missed"]] == ["Wait!"]
    assert inbox.conversation.status == "open"


def test_what_was_only_done_is_nothing_that_somebody_missed() -> None:
    inbox = in_status("open", "close")
    seen = inbox.conversation.last_seq
    inbox.world.run(lambda uow: lifecycle.claim(uow, inbox.conversation.id, "usr_1"))
    closed = inbox.world.run(lambda uow: lifecycle.close(uow, inbox.conversation.id, expected=Expected(last_seq=seen)))
    assert closed.status == "closed"


def test_closing_says_why_frees_the_thread_and_voids_the_token() -> None:
    inbox = in_status("open", "take_control")
    held = inbox.world.run(lambda uow: lifecycle.take_control(uow, inbox.conversation.id, BOT)).controller
    inbox.world.run(
        lambda uow: lifecycle.close(uow, inbox.conversation.id, why=Why(reason="solved", note="all good")),
        actor=AGENT,
    )
    closed = inbox.conversation
    assert (closed.status, closed.close_reason, closed.closed_at) == ("closed", "solved", T0)
    assert (closed.waiting_since, closed.snoozed_until) == (None, None)
    assert closed.controller.type == "none"
    assert closed.controller.token not in ("", held.token)
    assert inbox.thread.open_conversation_id is None
    assert (OPEN_CONVERSATION, inbox.thread.id) not in inbox.world.keys
    assert (inbox.world.all(ACTIVITIES)[-1].reason, inbox.world.all(ACTIVITIES)[-1].note) == ("solved", "all good")


def test_a_message_after_closing_makes_a_new_conversation_that_names_the_old_one() -> None:
    inbox = in_status("closed", "close")
    old = inbox.conversation
    inbox.say("Hello again", id="wamid.2", at=60)
    assert inbox.conversation.previous_conversation_id == old.id
    assert inbox.conversation.number == old.number + 1
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: lifecycle.reopen(uow, old.id))
    assert refused.value.problem_code == "conflict"
    assert refused.value.extra == {"open_conversation_id": inbox.conversation.id}


def test_reopening_takes_the_thread_again() -> None:
    inbox = in_status("closed", "reopen")
    reopened = inbox.world.run(lambda uow: lifecycle.reopen(uow, inbox.conversation.id))
    assert (reopened.status, reopened.closed_at, reopened.close_reason) == ("open", None, None)
    assert inbox.thread.open_conversation_id == reopened.id
    assert inbox.world.keys[OPEN_CONVERSATION, inbox.thread.id] == reopened.id
    inbox.say("Hello again", id="wamid.2", at=60)
    assert inbox.conversation.id == reopened.id


def test_what_somebody_has_can_neither_be_claimed_nor_released_by_another() -> None:
    inbox = in_status("open", "claim")
    id = inbox.conversation.id
    inbox.world.run(lambda uow: lifecycle.claim(uow, id, "usr_1"))
    for command in (lifecycle.claim, lifecycle.release):
        with pytest.raises(StateConflict) as refused:
            inbox.world.run(lambda uow, command=command: command(uow, id, "usr_2"))  # type: ignore[misc]
        assert (refused.value.problem_code, refused.value.extra) == ("conflict", {"assignee_id": "usr_1"})
    inbox.world.run(lambda uow: lifecycle.release(uow, id, "usr_1"))
    assert inbox.conversation.assignee_id is None


@pytest.mark.parametrize("action", ["assign", "claim"])
def test_what_the_queue_held_is_open_once_a_person_has_it(action: Action) -> None:
    inbox = in_status("pending", action)
    inbox.world.run(lambda uow: COMMANDS[action](uow, inbox.conversation.id))
    assert inbox.conversation.status == "open"


def test_a_transfer_to_a_department_leaves_nobody_with_it() -> None:
    inbox = in_status("open", "release")
    inbox.world.run(lambda uow: lifecycle.transfer(uow, inbox.conversation.id, department_id="dep_1"))
    assert (inbox.conversation.department_id, inbox.conversation.assignee_id) == ("dep_1", None)
    inbox.world.run(lambda uow: lifecycle.transfer(uow, inbox.conversation.id, assignee_id="usr_2"))
    assert (inbox.conversation.department_id, inbox.conversation.assignee_id) == ("dep_1", "usr_2")
    line = inbox.world.all(ACTIVITIES)[-1]
    assert line.from_value == {"department_id": "dep_1", "assignee_id": None}
    assert line.to_value == {"department_id": "dep_1", "assignee_id": "usr_2"}
    with pytest.raises(Invalid):
        inbox.world.run(lambda uow: lifecycle.transfer(uow, inbox.conversation.id))


def test_nothing_is_put_off_into_the_past() -> None:
    inbox = in_status("open", "snooze")
    with pytest.raises(Invalid) as refused:
        inbox.world.run(lambda uow: lifecycle.snooze(uow, inbox.conversation.id, T0))
    assert refused.value.errors[0].pointer == "/until"


def test_a_snoozed_conversation_wakes_when_its_time_has_come_and_not_before() -> None:
    inbox = in_status("snoozed", "unsnooze")
    id = inbox.conversation.id
    inbox.world.pass_time(days=1, milliseconds=-1)
    assert inbox.world.run(lambda uow: wake_due(uow, id)) is None
    assert inbox.conversation.status == "snoozed"
    inbox.world.pass_time(milliseconds=1)
    woken = inbox.world.run(lambda uow: wake_due(uow, id))
    assert woken is not None
    assert (woken.status, woken.snoozed_until) == ("open", None)
    line = inbox.world.all(ACTIVITIES)[-1]
    assert (line.verb, line.reason, line.actor.type) == ("unsnoozed", "due", "system")
    assert inbox.world.run(lambda uow: wake_due(uow, id)) is None


def test_a_bot_loses_its_say_when_a_person_takes_over() -> None:
    inbox = in_status("open", "take_control")
    id = inbox.conversation.id
    bots = inbox.world.run(lambda uow: lifecycle.take_control(uow, id, BOT))
    lifecycle.require_control(bots, BOT, bots.controller.token)
    persons = inbox.world.run(lambda uow: lifecycle.take_control(uow, id, AGENT))
    assert persons.controller.token != bots.controller.token
    for token in (None, bots.controller.token):
        with pytest.raises(StateConflict) as refused:
            lifecycle.require_control(persons, BOT, token)
        assert refused.value.problem_code == "control_lost"
    lifecycle.require_control(persons, AGENT, None)
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: lifecycle.release_control(uow, id, BOT))
    assert refused.value.extra == {"controller": {"type": "agent", "id": AGENT.id}}


def test_tags_must_be_offered_and_what_was_offered_once_may_stay() -> None:
    inbox = in_status("open", "change")
    id = inbox.conversation.id
    with pytest.raises(NotFound):
        inbox.world.run(lambda uow: tag_conversation(uow, id, "vip"))
    inbox.world.run(lambda uow: create_tag(uow, "VIP"))
    inbox.world.run(lambda uow: tag_conversation(uow, id, "vip"))
    assert list(inbox.conversation.tags) == ["vip"]
    with pytest.raises(Invalid) as refused:
        inbox.world.run(lambda uow: change_conversation(uow, id, {"tags": ["vip", "other"]}))
    assert refused.value.errors[0].pointer == "/tags/1"
    inbox.world.run(lambda uow: uow.remove(TAGS, uow.need(TAGS, "vip")))
    inbox.world.run(lambda uow: change_conversation(uow, id, {"tags": ["vip"], "subject": "Kettle"}))
    assert [*inbox.conversation.tags, inbox.conversation.subject] == ["vip", "Kettle"]
    inbox.world.run(lambda uow: untag_conversation(uow, id, "vip"))
    assert not inbox.conversation.tags


def test_attributes_are_merged_and_none_removes_one() -> None:
    inbox = in_status("open", "change")
    id = inbox.conversation.id
    inbox.world.run(lambda uow: change_conversation(uow, id, {"attributes": {"order": 7, "kind": "return"}}))
    inbox.world.run(lambda uow: change_conversation(uow, id, {"attributes": {"kind": None, "city": "Porto"}}))
    assert inbox.conversation.attributes == {"order": 7, "city": "Porto"}
    many = {f"name_{n}": n for n in range(100)}
    with pytest.raises(Invalid):
        inbox.world.run(lambda uow: change_conversation(uow, id, {"attributes": many}))


def test_places_on_the_thread_are_dense_whatever_is_done() -> None:
    inbox = in_status("open", "change")
    id = inbox.conversation.id
    for action in ("claim", "snooze", "unsnooze", "take_control", "change", "close", "reopen"):
        inbox.world.run(lambda uow, action=action: COMMANDS[action](uow, id))  # type: ignore[misc]
        if action != "close":
            inbox.say(id=f"wamid.{action}", at=1)
    items: list[Any] = [*inbox.world.all(ACTIVITIES), *inbox.world.all(MESSAGES)]
    seqs = [item.seq for item in items]
    (thread,) = inbox.world.all(THREADS)
    assert sorted(seqs) == list(range(1, thread.last_seq + 1))


def test_an_unknown_status_would_not_pass_unseen() -> None:
    conversation = in_status("open", "close").conversation
    for action in STEPS:
        assert has_work(action, conversation) is (STEPS[action]["open"] == "do")
