"""What belongs to whose rows: the same for a document at hand and for what a store is asked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest

from patchbay.collections import (
    ACCOUNTS,
    ACTIVITIES,
    CONTACTS,
    CONVERSATIONS,
    CORE_COLLECTIONS,
    IDENTITIES,
    MEDIA,
    MERGES,
    MESSAGES,
    NOTES,
    TAGS,
    TEMPLATES,
    THREADS,
    Collection,
)
from patchbay.inbox.rows import is_within, scope_of
from patchbay.matching import selected
from patchbay.model.contact import Contact, Identity, Merge
from patchbay.model.content import Text
from patchbay.model.conversation import Conversation, Thread
from patchbay.model.document import Document
from patchbay.model.media import Media
from patchbay.model.message import Activity, Actor, Delivery, Message, Note
from patchbay.model.rows import ALL_ROWS, NO_ROWS, Rows
from patchbay.model.tag import Tag
from patchbay.ports import NOTHING, Batch, Put, Query
from patchbay.storage.sqlite import SqliteStore
from patchbay.testing.store_scope import plain

D = TypeVar("D", bound=Document)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AGENT = Actor(type="agent", id="ann")
AT: dict[str, Any] = {"created_at": NOON, "updated_at": NOON}
SEEN: dict[str, Any] = {"first_seen_at": NOON, "last_seen_at": NOON}
SAID: dict[str, Any] = {"delivery": Delivery(state="accepted"), "occurred_at": NOON, "recorded_at": NOON}
RESTRICTED = (CONVERSATIONS, CONTACTS, IDENTITIES, MERGES, THREADS, MESSAGES, NOTES, ACTIVITIES, MEDIA)


class World:
    """Documents at hand."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {collection.name: {} for collection in CORE_COLLECTIONS}

    def add(self, collection: Collection[D], document: D) -> D:
        self.held[collection.name][document.id] = document
        return document

    def get(self, collection: Collection[D], id: str) -> D | None:
        return self.held[collection.name].get(id)

    def find(self, query: Query[D]) -> list[D]:
        return selected(self.held[query.collection.name].values(), query)

    def person(
        self,
        name: str,
        *rows: tuple[str | None, str | None],
        created_by: str | None = None,
    ) -> None:
        """One contact with all that they can have, and a conversation for each (department, assignee)."""
        self.add(CONTACTS, Contact(id=f"contact-{name}", display_name="Twin", created_by=created_by, **AT))
        self.add(
            IDENTITIES,
            Identity(
                id=f"identity-{name}",
                contact_id=f"contact-{name}",
                line_id=f"identity-{name}",
                channel="whatsapp",
                kind="phone",
                scope="",
                value=name,
                **SEEN,
                **AT,
            ),
        )
        merge = Merge(id=f"merge-{name}", source_contact_id="contact-gone", target_contact_id=f"contact-{name}", **AT)
        self.add(MERGES, merge)
        thread = Thread(
            id=f"thread-{name}",
            account_id="account",
            identity_id=f"identity-{name}",
            contact_id=f"contact-{name}",
            channel="whatsapp",
            **AT,
        )
        self.add(THREADS, thread)
        self.item(f"history-{name}", thread, None)
        self.add(NOTES, Note(id=f"note-on-{name}", contact_id=f"contact-{name}", author=AGENT, text="x", **AT))
        for number, (department_id, assignee_id) in enumerate(rows):
            conversation = Conversation(
                id=f"conversation-{name}-{number}",
                number=len(self.held[CONVERSATIONS.name]) + 1,
                thread_id=thread.id,
                contact_id=thread.contact_id,
                account_id="account",
                channel="whatsapp",
                department_id=department_id,
                assignee_id=assignee_id,
                last_activity_at=NOON,
                **AT,
            )
            self.add(CONVERSATIONS, conversation)
            self.item(f"{name}-{number}", thread, conversation.id)

    def item(self, name: str, thread: Thread, conversation_id: str | None) -> None:
        """A message with a file; in a conversation also a note and an activity."""
        place: dict[str, Any] = {"thread_id": thread.id, "conversation_id": conversation_id}
        seq = len(self.held[MESSAGES.name]) + 1
        message = Message(
            id=f"message-{name}",
            account_id="account",
            seq=seq,
            direction="inbound",
            origin="contact",
            author=AGENT,
            content=Text(text="twin"),
            **place,
            **SAID,
            **AT,
        )
        self.add(MESSAGES, message)
        self.add(MEDIA, Media(id=f"media-{name}", kind="image", message_id=message.id, **place, **AT))
        if conversation_id is not None:
            self.add(NOTES, Note(id=f"note-{name}", seq=seq, author=AGENT, text="x", **place, **AT))
            activity = Activity(id=f"activity-{name}", seq=seq, verb="closed", actor=AGENT, **place, **AT)
            self.add(ACTIVITIES, activity)

    def within(self, rows: Rows, collection: Collection[Any]) -> set[str]:
        documents = self.held[collection.name].values()
        return {document.id for document in documents if is_within(rows, collection, document, self)}

    def seen(self, rows: Rows) -> str:
        """Whose and what the rows hold, without the kinds of document that go with each conversation."""
        kinds = (CONVERSATIONS, CONTACTS, THREADS)
        return " ".join(sorted(id for kind in kinds for id in self.within(rows, kind)))


def twins() -> World:
    """The same people and words in two departments, and some in neither."""
    world = World()
    world.person("s", ("sales", None))
    world.person("h", ("help", None))
    world.person("both", ("sales", "bob"), ("help", "ann"))
    world.person("own", (None, "ann"))
    world.person("free", (None, None))
    world.person("entered", created_by="ann")
    world.person("lonely")
    world.add(MEDIA, Media(id="media-uploaded", kind="image", **AT))
    world.add(MESSAGES, _of_a_lost_conversation())
    world.add(TAGS, Tag(id="tag", name="vip", **AT))
    return world


def _of_a_lost_conversation() -> Message:
    """In a conversation that is not there any more, on a thread of which another one is."""
    return Message(
        id="message-lost",
        thread_id="thread-s",
        conversation_id="conversation-lost",
        account_id="account",
        seq=99,
        direction="inbound",
        origin="contact",
        author=AGENT,
        content=Text(text="twin"),
        **SAID,
        **AT,
    )


SALES = Rows(department_ids=("sales",))
HELP = Rows(department_ids=("help",))
CASES = {
    "all": ALL_ROWS,
    "none": NO_ROWS,
    "sales": SALES,
    "help": HELP,
    "both departments": Rows(department_ids=("sales", "help")),
    "ann": Rows(user_id="ann"),
    "sales and ann": Rows(department_ids=("sales",), user_id="ann"),
    "a stranger": Rows(user_id="zoe", department_ids=("legal",)),
}


def test_a_department_reaches_its_conversations_and_what_hangs_on_them() -> None:
    world = twins()
    assert world.seen(SALES) == "contact-both contact-s conversation-both-0 conversation-s-0 thread-both thread-s"
    assert world.within(SALES, MESSAGES) == {
        "message-s-0",
        "message-both-0",
        "message-history-s",
        "message-history-both",
    }
    assert world.within(SALES, NOTES) == {"note-s-0", "note-both-0", "note-on-s", "note-on-both"}
    assert world.within(SALES, ACTIVITIES) == {"activity-s-0", "activity-both-0"}
    assert world.within(SALES, IDENTITIES) == {"identity-s", "identity-both"}
    assert world.within(SALES, MERGES) == {"merge-s", "merge-both"}
    assert world.within(SALES, MEDIA) == {
        "media-s-0",
        "media-both-0",
        "media-history-s",
        "media-history-both",
        "media-uploaded",
    }


def test_own_rows_are_those_assigned_and_people_entered_by_hand() -> None:
    world = twins()
    rows = Rows(user_id="ann")
    assert world.seen(rows) == (
        "contact-both contact-entered contact-own conversation-both-1 conversation-own-0 thread-both thread-own"
    )
    assert world.within(rows, MESSAGES) == {
        "message-both-1",
        "message-own-0",
        "message-history-both",
        "message-history-own",
    }
    assert world.within(rows, IDENTITIES) == {"identity-both", "identity-entered", "identity-own"}
    assert "note-on-entered" in world.within(rows, NOTES)


def test_what_nobody_was_given_is_seen_with_all_rows_only() -> None:
    world = twins()
    unseen = {"conversation-free-0", "contact-free", "thread-free", "message-free-0", "message-history-free"}
    for name, rows in CASES.items():
        found = {id for collection in RESTRICTED for id in world.within(rows, collection)}
        assert (name, found & unseen) == (name, unseen if name == "all" else set())


@pytest.mark.parametrize("collection", RESTRICTED, ids=lambda given: given.name)
def test_all_rows_are_all_and_no_rows_are_none(collection: Collection[Any]) -> None:
    world = twins()
    assert scope_of(ALL_ROWS, collection) == ()
    assert world.within(ALL_ROWS, collection) == set(world.held[collection.name])
    assert scope_of(NO_ROWS, collection) == (NOTHING,)
    assert world.within(NO_ROWS, collection) == set()


@pytest.mark.parametrize("collection", [TAGS, TEMPLATES, ACCOUNTS], ids=lambda given: given.name)
@pytest.mark.parametrize("rows", CASES.values(), ids=CASES)
def test_what_belongs_to_nobody_in_particular_is_there_for_all(collection: Collection[Any], rows: Rows) -> None:
    assert scope_of(rows, collection) == ()
    tag = Tag(id="tag", name="vip", **AT)
    assert is_within(rows, collection, tag, World())


def test_two_departments_with_twin_data_share_nothing_but_whom_both_know() -> None:
    world = twins()
    common = {id for kind in RESTRICTED for id in world.within(SALES, kind) & world.within(HELP, kind)}
    assert common == {
        "contact-both",
        "identity-both",
        "thread-both",
        "merge-both",
        "note-on-both",
        "message-history-both",
        "media-history-both",
        "media-uploaded",
    }


def test_equal_rows_give_equal_scopes() -> None:
    one = Rows(department_ids=("sales", "help", "sales"), user_id="ann")
    other = Rows(department_ids=("help", "sales"), user_id="ann")
    for collection in RESTRICTED:
        assert scope_of(one, collection) == scope_of(other, collection)
        assert hash(scope_of(one, collection)) == hash(scope_of(other, collection))


@pytest.mark.parametrize("seed", range(12))
def test_what_a_scope_finds_is_what_is_within(seed: int) -> None:
    random = Random(seed)
    world = twins()
    for number in range(12):
        rows = [
            (random.choice([None, "sales", "help", "legal"]), random.choice([None, "ann", "bob"]))
            for _ in range(random.randrange(3))
        ]
        world.person(f"p{number}", *rows, created_by=random.choice([None, None, "ann", "bob"]))
    held = {name: tuple(documents.values()) for name, documents in world.held.items()}
    for name, case in CASES.items():
        for collection in RESTRICTED:
            query: Query[Any] = Query(collection, any_of=scope_of(case, collection))
            assert (name, {each.id for each in plain(query, held)}) == (name, world.within(case, collection))


async def test_the_store_finds_what_is_within(tmp_path: Path) -> None:
    world = twins()
    puts = [Put(each, document, None) for each in CORE_COLLECTIONS for document in world.held[each.name].values()]
    store = SqliteStore(tmp_path / "patchbay.db")
    await store.open(CORE_COLLECTIONS)
    try:
        await store.commit(Batch(puts=puts))
        for name, rows in CASES.items():
            for collection in RESTRICTED:
                query: Query[Any] = Query(collection, any_of=scope_of(rows, collection), limit=200)
                found = {each.id for each in (await store.find(query)).items}
                assert (name, found) == (name, world.within(rows, collection))
                assert await store.count(query) == len(found)
    finally:
        await store.close()
