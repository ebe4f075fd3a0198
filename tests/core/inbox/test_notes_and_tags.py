"""Notes stand in the timeline and never leave; tags are what a deployment offers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.collections import ACTIVITIES, MESSAGES, NOTES, OUTBOX, TAGS
from patchbay.errors import Forbidden, Invalid, NotFound, StateConflict, VersionConflict
from patchbay.inbox.notes import add_contact_note, add_conversation_note, change_note, delete_note, note_on
from patchbay.inbox.tags import MAX_SLUG, change_tag, create_tag, delete_tag, slug_of
from patchbay.model.message import Actor, Note
from tests.core.inbox.builders import AGENT, Inbox

BEN = Actor(type="agent", id="ben", name="Ben")


def with_a_note() -> tuple[Inbox, Note]:
    inbox = Inbox()
    inbox.say()
    note = inbox.world.run(
        lambda uow: add_conversation_note(uow, inbox.conversation.id, "Ask Ben", mentions=["ben", "ben"]), actor=AGENT
    )
    inbox.say("Hello?", id="wamid.2", at=5)
    return inbox, note


def test_a_note_takes_the_next_place_of_the_thread_and_makes_no_message() -> None:
    inbox, note = with_a_note()
    assert (note.seq, note.author, note.mentions) == (2, AGENT, ("ben",))
    assert [message.seq for message in inbox.world.all(MESSAGES)].count(2) == 0
    assert inbox.world.all(OUTBOX) == []
    assert "note.created" in inbox.world.told()
    created = next(event for event in inbox.world.events if event.type == "note.created")
    assert created.audience.conversation_id == inbox.conversation.id


def test_a_note_is_no_answer_to_who_waits() -> None:
    inbox, _ = with_a_note()
    assert inbox.conversation.waiting_since is not None
    assert inbox.conversation.first_response_at is None


def test_only_its_author_or_a_moderator_changes_a_note() -> None:
    inbox, note = with_a_note()

    def change(who: Actor, may_moderate: bool) -> Note:
        return inbox.world.run(
            lambda uow: change_note(uow, uow.need(NOTES, note.id), {"text": "x" + who.id}, may_moderate=may_moderate),  # type: ignore[operator]
            actor=who,
        )

    with pytest.raises(Forbidden):
        change(BEN, False)
    assert change(BEN, True).text == "xben"
    assert change(AGENT, False).text == "xadmin"
    with pytest.raises(Forbidden):
        inbox.world.run(lambda uow: delete_note(uow, uow.need(NOTES, note.id), may_moderate=False), actor=BEN)
    with pytest.raises(VersionConflict):
        inbox.world.run(
            lambda uow: delete_note(uow, uow.need(NOTES, note.id), may_moderate=False, expected=1), actor=AGENT
        )


def test_a_deleted_note_leaves_its_place_and_not_its_text() -> None:
    inbox, note = with_a_note()
    inbox.world.run(lambda uow: delete_note(uow, uow.need(NOTES, note.id), may_moderate=False), actor=AGENT)
    assert inbox.world.all(NOTES) == []
    (line,) = inbox.world.all(ACTIVITIES)
    assert (line.seq, line.verb) == (note.seq, "note_deleted")
    assert inbox.world.data()["text"] == ""


def test_a_note_is_found_only_where_it_belongs() -> None:
    inbox, note = with_a_note()
    contact_id = inbox.conversation.contact_id
    about = inbox.world.run(lambda uow: add_contact_note(uow, contact_id, "Nice"))
    assert (about.seq, about.thread_id) == (0, None)
    inbox.world.run(lambda uow: note_on(uow, about.id, contact_id=contact_id))
    for place in ({"contact_id": "ctc_x"}, {"conversation_id": inbox.conversation.id}):
        with pytest.raises(NotFound):
            inbox.world.run(lambda uow, place=place: note_on(uow, about.id, **place))  # type: ignore[misc]
    with pytest.raises(NotFound):
        inbox.world.run(lambda uow: note_on(uow, note.id, contact_id=contact_id))


def test_an_attachment_must_exist() -> None:
    inbox, _ = with_a_note()
    with pytest.raises(Invalid) as refused:
        inbox.world.run(lambda uow: add_conversation_note(uow, inbox.conversation.id, "x", attachments=["med_none"]))
    assert refused.value.errors[0].pointer == "/attachments/0"


@pytest.mark.parametrize(
    ("name", "slug"),
    [("VIP", "vip"), ("  Großkunde / Süd ", "grosskunde-süd"), ("a_b--c", "a-b-c"), ("订单", "订单"), ("!!", "")],
)
def test_the_id_of_a_tag_is_made_of_its_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(max_size=200))
def test_a_slug_is_short_and_a_fixed_point(name: str) -> None:
    slug = slug_of(name)
    assert len(slug) <= MAX_SLUG
    assert slug_of(slug) == slug
    assert not slug or slug[0] != "-" != slug[-1]


def test_tags_are_offered_changed_and_withdrawn() -> None:
    inbox = Inbox()
    tag = inbox.world.run(lambda uow: create_tag(uow, "VIP", color="#ff0000"))
    with pytest.raises(StateConflict) as refused:
        inbox.world.run(lambda uow: create_tag(uow, "vip"))
    assert refused.value.problem_code == "already_exists"
    with pytest.raises(Invalid):
        inbox.world.run(lambda uow: create_tag(uow, "---"))
    changed = inbox.world.run(lambda uow: change_tag(uow, tag.id, {"name": "Very important"}, expected=1))
    assert (changed.id, changed.name, changed.version) == ("vip", "Very important", 2)
    inbox.world.run(lambda uow: delete_tag(uow, tag.id, expected=2))
    assert inbox.world.all(TAGS) == []
    assert inbox.world.told() == ["tag.created", "tag.updated", "tag.deleted"]
