"""What each kind of update becomes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from patchbay.channel import (
    AccountRef,
    Ignored,
    Malformed,
    MessageEdited,
    MessageReceived,
    Person,
    PersonChanged,
    Unrecognised,
)
from patchbay.errors import BadPayload
from patchbay.model.content import Image, MediaRef, Text
from patchbay.model.times import from_unix

from parsed import event, items, received
from patchbay_telegram.names import key_of
from patchbay_telegram.parse import parse
from updates import (
    BOT,
    CHANNEL,
    FORUM,
    GROUP,
    PHOTO,
    PRESS,
    PRIVATE,
    REACTION,
    SENT,
    UPDATES,
    membership,
    message,
    update,
)


def test_a_message_of_a_private_chat_is_its_persons() -> None:
    (item,) = items(UPDATES["text"])
    assert (item.key, item.account) == ("update:500", AccountRef())
    got = received(UPDATES["text"])
    assert got.external_id == "7001:11"
    assert got.sender == Person(keys=(key_of(7001),), name="Mara Voss", username="maravoss")
    assert (got.group, got.occurred_at) == (None, from_unix(SENT))


def test_a_message_of_a_group_is_the_groups_and_tells_its_title() -> None:
    named, said = items(UPDATES["group text"])
    assert (named.key, said.key) == ("update:500:person", "update:500")
    assert isinstance(named.event, PersonChanged)
    assert named.event.person == Person(keys=(key_of(-1001234567890),), name="Bakers")
    assert isinstance(said.event, MessageReceived)
    assert said.event.group == key_of(-1001234567890)
    assert said.event.sender.keys == (key_of(7001),)
    assert said.event.external_id == "-1001234567890:11"


def test_who_writes_as_the_group_is_nobody_and_who_writes_as_a_channel_is_the_channel() -> None:
    stand_in = {**BOT, "id": 1087968824}
    as_group = {**message(GROUP, text="Hi"), "from": stand_in, "sender_chat": GROUP}
    assert received(update(message=as_group)).sender.keys == ()
    as_channel = {**message(GROUP, text="Hi"), "from": stand_in, "sender_chat": CHANNEL}
    assert received(update(message=as_channel)).sender == Person(keys=(key_of(CHANNEL["id"]),), name="News")


def test_what_stands_around_a_message_is_kept() -> None:
    reply = received(UPDATES["reply"])
    assert reply.reply_to == "7001:10"
    assert reply.context == {"quote": {"text": "Sure", "position": 0}}
    forward = received(UPDATES["forward"])
    assert forward.forwarded
    assert forward.context["forward_origin"]["type"] == "user"
    assert received(UPDATES["album"]).context == {"media_group_id": "77"}
    topic = received(update(message=message(GROUP, text="Hi", message_thread_id=5, via_bot=BOT)))
    assert topic.context == {"message_thread_id": 5, "via_bot": "shop_bot"}


def test_a_link_with_a_parameter_is_where_the_person_came_from() -> None:
    referral = received(update(message=message(text="/start flyer-7"))).referral
    assert referral is not None
    assert (referral.source_type, referral.source_id) == ("deep_link", "flyer-7")
    assert received(update(message=message(text="/start"))).referral is None


def test_an_edit_names_the_message_and_says_all_of_it() -> None:
    assert event(UPDATES["edit"]) == MessageEdited(
        occurred_at=from_unix(SENT + 60), external_id="update:501", target="7001:11", content=Text(text="Hello!")
    )


def test_an_edited_caption_brings_its_file() -> None:
    edit = event(update(edited_message=message(photo=PHOTO, caption="Better", edit_date=SENT + 1)))
    assert isinstance(edit, MessageEdited)
    assert edit.content == Image(media=MediaRef(id="", mime_type="image/jpeg", size=150_000), caption="Better")
    assert edit.media is not None
    assert edit.media.provider_id == "id-large"


@pytest.mark.parametrize("kind", ["channel_post", "edited_channel_post", "message_reaction_count", "chat_member"])
def test_what_is_nobodys_conversation_is_ignored_with_a_reason(kind: str) -> None:
    got = event(update(**{kind: {"anything": True}}))
    assert isinstance(got, Ignored)
    assert got.reason


def test_what_happens_in_a_channel_is_ignored_whatever_tells_of_it() -> None:
    told = {
        "message": message(CHANNEL, text="x"),
        "edited_message": message(CHANNEL, text="x"),
        "message_reaction": {**REACTION, "chat": CHANNEL},
        "my_chat_member": membership("left", "administrator", CHANNEL),
    }
    for kind, payload in told.items():
        assert isinstance(event(update(**{kind: payload})), Ignored), kind


@pytest.mark.parametrize(
    "kind",
    [
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "inline_query",
        "chosen_inline_result",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
        "something_new",
    ],
)
def test_what_is_not_known_is_kept(kind: str) -> None:
    got = event(update(**{kind: {"id": "1"}}))
    assert isinstance(got, Unrecognised)
    assert got.what == kind


def test_an_update_with_nothing_in_it_and_the_button_of_a_game_are_kept() -> None:
    assert isinstance(event(UPDATES["nothing"]), Unrecognised)
    assert isinstance(event(UPDATES["game press"]), Unrecognised)


BROKEN: list[dict[str, Any]] = [
    update(message="x"),
    update(message={}),
    update(message={**message(text="x"), "chat": {"id": "7001"}}),
    update(message=message(text=5)),
    update(message=message(photo=[])),
    update(message=message(voice={"file_unique_id": "u"})),
    update(message=message(text="x", entities=[2**70])),
    update(message=message({"id": -55, "type": "group"}, migrate_to_chat_id="far")),
    update(message_reaction={**REACTION, "user": None}),
    update(callback_query={**PRESS, "from": None}),
]


@pytest.mark.parametrize("given", BROKEN)
def test_what_is_not_of_its_form_is_malformed_and_says_where(given: dict[str, Any]) -> None:
    (one,) = parse(msgspec.json.encode(given))
    assert isinstance(one, Malformed)
    assert (one.key, one.error.split(":")[0]) == ("update:500", next(name for name in given if name != "update_id"))


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"update_id": "1"}', b'{"update_id": true}', b"[" * 10**5]
)
def test_what_is_no_update_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        parse(body)


def test_what_is_said_in_a_topic_answers_only_what_it_quotes() -> None:
    assert received(UPDATES["topic"]).reply_to is None
    inside: dict[str, Any] = {"message_thread_id": 5, "is_topic_message": True}
    reply = message(FORUM, text="Yes", reply_to_message={"message_id": 9, "chat": FORUM, "date": SENT}, **inside)
    assert received(update(message=reply)).reply_to == f"{FORUM['id']}:9"


def test_what_was_quoted_from_elsewhere_is_kept() -> None:
    origin = {"type": "channel", "chat": CHANNEL, "message_id": 4, "date": SENT}
    told: dict[str, Any] = {"external_reply": {"origin": origin}, "direct_messages_topic": {"topic_id": 8}}
    got = received(update(message=message(text="This?", **told)))
    assert (got.reply_to, got.context) == (None, told)


def test_messages_without_a_number_are_told_apart() -> None:
    first, second = received(UPDATES["ephemeral"]), received({**UPDATES["ephemeral"], "update_id": 600})
    assert (first.external_id, second.external_id) == ("update:515", "update:600")
    assert first.context["ephemeral"] is True
    answer = message(text="Ok", reply_to_message={"message_id": 0, "chat": PRIVATE, "date": SENT})
    assert received(update(message=answer)).reply_to is None


@pytest.mark.parametrize(("kind", "words"), [("business_message", "account"), ("poll", "polls"), ("hologram", "known")])
def test_why_nothing_is_done_for_an_update_is_told(kind: str, words: str) -> None:
    got = event(update(**{kind: {"id": "1"}}))
    assert isinstance(got, Unrecognised)
    assert words in got.reason
