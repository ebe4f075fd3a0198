"""A person writes: one message, one thread, one conversation, one window, whatever is delivered how often."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from patchbay.channel import IdentityKey, IdentityRekeyed, MessageEdited, Person, RemoteMedia, ThreadNotice
from patchbay.collections import CONTACTS, CONVERSATIONS, IDENTITIES, MEDIA, MESSAGES, PARKED, THREADS
from patchbay.inbox.locate import PARKED_AT_MOST
from patchbay.model.content import Image, MediaRef, Text, Unsupported, media_of
from tests.core.inbox.builders import BSUID, MARA, T0, Inbox, at, receipt, received


def test_a_first_message_makes_contact_identity_thread_and_conversation() -> None:
    inbox = Inbox()
    message = inbox.say("Is the kettle in stock?")
    (contact,) = inbox.world.all(CONTACTS)
    (identity,) = inbox.world.all(IDENTITIES)
    assert (contact.display_name, identity.value, identity.line_id) == ("Mara Voss", "+15550001111", identity.id)
    assert (message.seq, message.text, message.direction) == (1, "Is the kettle in stock?", "inbound")
    conversation = inbox.conversation
    assert (conversation.status, conversation.number, conversation.inbound_count) == ("open", 1, 1)
    assert conversation.waiting_since == T0
    assert inbox.thread.window.expires_at == T0 + timedelta(hours=24)
    assert inbox.world.told() == [
        "contact.created",
        "contact.identity_linked",
        "message.received",
        "conversation.created",
    ]


def test_a_second_delivery_of_the_same_message_changes_nothing() -> None:
    inbox = Inbox()
    inbox.say()
    told = len(inbox.world.events)
    assert inbox.arrive(received("Hello")).outcome == "duplicate"
    assert len(inbox.world.all(MESSAGES)) == 1
    assert len(inbox.world.events) == told


def test_a_bsuid_that_comes_with_a_known_phone_joins_its_line() -> None:
    inbox = Inbox()
    inbox.say(id="wamid.1")
    both = Person(keys=(*MARA.keys, BSUID), name="Mara Voss")
    inbox.say(id="wamid.2", person=both)
    inbox.say(id="wamid.3", person=Person(keys=(BSUID,)))
    assert len(inbox.world.all(CONTACTS)) == 1
    assert len(inbox.world.all(THREADS)) == 1
    assert [message.seq for message in inbox.world.all(MESSAGES)].count(1) == 1
    assert {identity.line_id for identity in inbox.world.all(IDENTITIES)} == {inbox.thread.identity_id}


def test_keys_of_two_contacts_in_one_payload_are_a_conflict_and_never_a_merge() -> None:
    inbox = Inbox()
    inbox.say(id="wamid.1")
    inbox.say(id="wamid.2", person=Person(keys=(BSUID,), name="Somebody"))
    assert len(inbox.world.all(CONTACTS)) == 2
    inbox.say(id="wamid.3", person=Person(keys=(*MARA.keys, BSUID)))
    assert len(inbox.world.all(CONTACTS)) == 2
    conflicts = [identity.conflicts for identity in inbox.world.all(IDENTITIES) if identity.kind == "wa_bsuid"]
    assert len(conflicts[0]) == 1
    assert "contact.identity_conflict" in inbox.world.told()


def test_a_new_number_supersedes_the_old_one_on_the_same_thread() -> None:
    inbox = Inbox()
    inbox.say(id="wamid.1", person=Person(keys=(*MARA.keys, BSUID), name="Mara Voss"))
    phone = IdentityKey(kind="phone", value="+15550004444")
    bsuid = IdentityKey(kind="wa_bsuid", value="US.2026999", scope="portfolio")
    rekeyed = IdentityRekeyed(
        occurred_at=at(60),
        external_id="wamid.s",
        previous=(*MARA.keys, BSUID),
        current=(phone, bsuid),
        text="Mara changed her number",
    )
    inbox.arrive(rekeyed)
    assert inbox.arrive(rekeyed).outcome == "duplicate"
    inbox.say(id="wamid.2", person=Person(keys=(phone, bsuid), name="Mara Voss"))
    assert len(inbox.world.all(CONTACTS)) == 1
    assert len(inbox.world.all(THREADS)) == 1
    status = {identity.value: identity.status for identity in inbox.world.all(IDENTITIES)}
    assert status == {
        "+15550001111": "superseded",
        BSUID.value: "superseded",
        "+15550004444": "active",
        "US.2026999": "active",
    }


def test_a_group_message_belongs_to_the_group_and_names_its_author() -> None:
    inbox = Inbox()
    group = IdentityKey(kind="wa_group", value="g1", scope="account")
    applied = inbox.arrive(replace(received("Hi all", "wamid.g"), group=group))
    stored = inbox.message(applied.ref or "")
    assert stored.author.name == "Mara Voss"
    threads = {thread.id: thread for thread in inbox.world.all(THREADS)}
    owner = inbox.world.get(IDENTITIES, threads[stored.thread_id].identity_id)
    assert owner.kind == "wa_group"


def test_a_notice_is_a_line_of_the_timeline_and_makes_no_conversation() -> None:
    inbox = Inbox()
    inbox.arrive(ThreadNotice(occurred_at=T0, external_id="n1", notice="control_taken", person=MARA, text="Taken."))
    (message,) = inbox.world.all(MESSAGES)
    assert (message.origin, message.seq, message.conversation_id) == ("system", 1, None)
    assert inbox.world.all(CONVERSATIONS) == []


def test_a_call_of_the_person_opens_the_window_and_makes_work() -> None:
    inbox = Inbox()
    inbox.arrive(
        ThreadNotice(occurred_at=T0, external_id="call1", notice="call", person=MARA, text="Call", opens_window=True)
    )
    assert inbox.conversation.status == "open"
    assert inbox.thread.window.kind == "service"


@given(st.lists(st.integers(min_value=0, max_value=9), min_size=1, max_size=40))
def test_any_order_and_repetition_of_deliveries_gives_each_message_one_place(deliveries: list[int]) -> None:
    inbox = Inbox()
    for number in deliveries:
        inbox.arrive(received(f"text {number}", f"wamid.{number}", when=number))
    messages = inbox.world.all(MESSAGES)
    assert len(messages) == len(set(deliveries))
    assert sorted(message.seq for message in messages) == list(range(1, len(messages) + 1))
    assert inbox.thread.last_seq == len(messages)
    assert inbox.conversation.inbound_count == len(messages)
    assert inbox.world.told().count("message.received") == len(messages)


def test_a_message_whose_content_was_withheld_is_filled_in_when_it_comes_whole() -> None:
    inbox = Inbox()
    withheld = Unsupported(provider_type="message_edit", reason="needs Advanced Access")
    first = replace(received(id="m1"), content=withheld)
    inbox.arrive(first)
    assert inbox.arrive(first).outcome == "duplicate"
    assert inbox.arrive(received("Are you open?", id="m1")).outcome == "applied"
    (message,) = inbox.world.all(MESSAGES)
    assert (message.text, message.context) == ("Are you open?", {})
    last = inbox.conversation.last_message
    assert last is not None
    assert last.preview == "Are you open?"
    for late in (first, received("Something else", id="m1")):
        assert inbox.arrive(late).outcome == "duplicate"
    assert inbox.message(message.id).text == "Are you open?"


def test_what_the_account_wrote_itself_makes_it_no_contact() -> None:
    inbox = Inbox()
    own = Person(keys=(IdentityKey(kind="igsid", value=inbox.account.external_id, scope="account"),))
    assert inbox.arrive(received(person=own)).outcome == "ignored"
    assert not inbox.world.all(CONTACTS)


def test_the_time_to_answer_counts_from_what_opened_the_window() -> None:
    inbox = Inbox()
    inbox.say(at=5)
    inbox.arrive(replace(received(id="comment", when=90), opens_window=False))
    assert inbox.thread.last_inbound_at == at(5)


def test_a_file_that_could_not_be_read_is_bound_to_what_was_edited_meanwhile() -> None:
    inbox = Inbox()
    picture = replace(
        received(id="w9"),
        content=Image(media=MediaRef(id="")),
        media=RemoteMedia(provider_id="p", mime_type="image/png"),
    )
    inbox.arrive(replace(picture, content=Unsupported(provider_type="x", reason="y"), media=None))
    inbox.arrive(MessageEdited(occurred_at=at(2), external_id="e1", target="w9", content=Text(text="caption")))
    inbox.arrive(picture)
    (message,) = inbox.world.all(MESSAGES)
    (media,) = inbox.world.all(MEDIA)
    named = media_of(message.revisions[0].content)
    assert named is not None
    assert (named.id, media.state, media.provider.media_id) == (media.id, "pending", "p")
    assert message.text == "caption"


def test_what_waits_for_one_message_is_limited_and_what_is_let_go_says_so() -> None:
    inbox = Inbox()
    reports = [receipt("delivered", id="never", participant=str(number)) for number in range(PARKED_AT_MOST + 5)]
    outcomes = [inbox.arrive(report).outcome for report in reports]
    assert outcomes == ["parked"] * PARKED_AT_MOST + ["ignored"] * 5
    assert "200 events wait" in (inbox.arrive(reports[-1]).reason or "")
    assert inbox.arrive(reports[0]).outcome == "parked", "it is kept already"
    (waiting,) = inbox.world.all(PARKED)
    assert len(waiting.items) == len(waiting.origins) == PARKED_AT_MOST
