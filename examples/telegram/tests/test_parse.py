"""What each kind of update becomes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from patchbay.channel import (
    UNDATED,
    AccountRef,
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageEdited,
    MessageReceived,
    Person,
    PersonChanged,
    ReactionChanged,
    ThreadNotice,
    Unrecognised,
)
from patchbay.errors import BadPayload
from patchbay.model.content import (
    AnyContent,
    Audio,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Image,
    InteractiveReply,
    Location,
    MediaRef,
    Sticker,
    Text,
    Unsupported,
    Video,
)
from patchbay.model.times import from_unix

from patchbay_telegram.names import key_of
from patchbay_telegram.parse import parse
from updates import (
    BOT,
    CHANNEL,
    GROUP,
    PHOTO,
    PRESS,
    PRIVATE,
    QUESTION,
    REACTION,
    SENT,
    UPDATES,
    file,
    membership,
    message,
    update,
)

NO_PLACE = "There is no place for this kind of message here."


def items(given: dict[str, Any]) -> list[Item]:
    parsed = parse(msgspec.json.encode(given))
    assert [one.index for one in parsed] == list(range(len(parsed)))
    return [one for one in parsed if isinstance(one, Item)]


def event(given: dict[str, Any]) -> InboundEvent:
    return items(given)[-1].event


def received(given: dict[str, Any]) -> MessageReceived:
    found = event(given)
    assert isinstance(found, MessageReceived), found
    return found


def ref(mime_type: str | None, filename: str | None = None, size: int | None = None) -> MediaRef:
    return MediaRef(id="", mime_type=mime_type, filename=filename, size=size)


SHOP = Location(latitude=48.2, longitude=16.4)
CONTENTS: dict[str, tuple[AnyContent, str | None, dict[str, Any]]] = {
    "text": (Text(text="Hello"), None, {"entities": [{"type": "bold", "offset": 0, "length": 5}]}),
    "photo": (Image(media=ref("image/jpeg", size=150_000), caption="Look"), "id-large", {}),
    "video": (Video(media=ref("video/mp4", "a.mp4", 900)), "id-video", {}),
    "animation": (Video(media=ref("video/mp4")), "id-gif", {"animation": True}),
    "audio": (Audio(media=ref("audio/mpeg")), "id-song", {"caption": "Ours"}),
    "voice": (Audio(media=ref("audio/ogg"), voice=True), "id-voice", {}),
    "video_note": (Video(media=ref("video/mp4")), "id-note", {"video_note": True}),
    "document": (DocumentFile(media=ref("application/pdf", "offer.pdf")), "id-doc", {}),
    "sticker": (Sticker(media=ref("image/webp")), "id-sticker", {"sticker": {"emoji": "🙂", "set_name": "S"}}),
    "moving sticker": (Sticker(media=ref("application/x-tgsticker"), animated=True), "id-tgs", {}),
    "video sticker": (Sticker(media=ref("video/webm"), animated=True), "id-webm", {}),
    "location": (SHOP, None, {}),
    "live location": (SHOP, None, {"live_location": {"latitude": 48.2, "longitude": 16.4, "live_period": 900}}),
    "venue": (Location(latitude=48.2, longitude=16.4, name="Shop", address="Ring 1"), None, {}),
    "contact": (
        Contacts(
            contacts=(
                ContactCard(
                    formatted_name="Mara",
                    first_name="Mara",
                    phones=(ContactPhone(phone="+15550001111"),),
                    extra={"user_id": "7001"},
                ),
            ),
            origin="own",
        ),
        None,
        {},
    ),
    "web app": (InteractiveReply(kind="flow", title="Order", data={"data": '{"size": 3}'}), None, {}),
    "poll": (Unsupported(provider_type="poll", reason=NO_PLACE), None, {}),
    "dice": (Unsupported(provider_type="dice", reason=NO_PLACE), None, {}),
    "something new": (
        Unsupported(provider_type="hologram", reason="Messages of this kind are not known here."),
        None,
        {},
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_message_says(name: str) -> None:
    content, file_id, context = CONTENTS[name]
    got = received(UPDATES[name])
    assert got.content == content
    assert (got.media.provider_id if got.media else None) == file_id
    assert got.context == context


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


def test_a_file_too_large_for_bots_is_told_of_at_once() -> None:
    large = received(update(message=message(document=file("big", file_size=20 * 2**20 + 1)))).media
    assert large is not None
    assert large.error == "The file is larger than the 20 MB that a bot may download."
    fits = received(update(message=message(document=file("fits", file_size=20 * 2**20)))).media
    assert fits is not None
    assert fits.error is None


def test_somebody_elses_card_is_not_the_senders_own() -> None:
    card = {"phone_number": "+15550002222", "first_name": "Jo", "last_name": "Ek", "vcard": "BEGIN:VCARD"}
    content = received(update(message=message(contact=card))).content
    assert isinstance(content, Contacts)
    assert content.origin is None
    assert (content.contacts[0].formatted_name, content.contacts[0].vcard) == ("Jo Ek", "BEGIN:VCARD")


def test_an_edit_names_the_message_and_says_all_of_it() -> None:
    assert event(UPDATES["edit"]) == MessageEdited(
        occurred_at=from_unix(SENT + 60), external_id="update:501", target="7001:11", content=Text(text="Hello!")
    )


def test_an_edited_caption_brings_its_file() -> None:
    edit = event(update(edited_message=message(photo=PHOTO, caption="Better", edit_date=SENT + 1)))
    assert isinstance(edit, MessageEdited)
    assert edit.content == Image(media=ref("image/jpeg", size=150_000), caption="Better")
    assert edit.media is not None
    assert edit.media.provider_id == "id-large"


def test_a_press_is_an_answer_to_the_message_with_the_button() -> None:
    got = received(UPDATES["press"])
    assert got.content == InteractiveReply(kind="button", id="yes", title="Yes")
    assert (got.external_id, got.reply_to) == ("callback:9000001:7001:10", "7001:10")
    assert (got.occurred_at, got.sender.keys) == (UNDATED, (key_of(7001),))


def test_a_press_whose_message_is_out_of_reach_still_counts() -> None:
    old = {"message_id": 10, "chat": PRIVATE, "date": 0}
    got = received(update(callback_query={**PRESS, "message": old}))
    assert (got.content, got.reply_to) == (InteractiveReply(kind="button", id="yes"), "7001:10")
    inline = received(UPDATES["inline press"])
    assert (inline.external_id, inline.reply_to) == ("callback:9", None)
    in_group = received(update(callback_query={**PRESS, "message": {**QUESTION, "chat": GROUP}}))
    assert in_group.group == key_of(GROUP["id"])


REACTIONS: list[tuple[list[dict[str, str]], str | None]] = [
    ([], None),
    ([{"type": "emoji", "emoji": "👍"}], "👍"),
    ([{"type": "emoji", "emoji": "👍"}, {"type": "emoji", "emoji": "🔥"}], "👍🔥"),
    ([{"type": "paid"}], "⭐"),
    ([{"type": "custom_emoji", "custom_emoji_id": "537"}], ":custom_emoji_537:"),
]


@pytest.mark.parametrize(("now", "emoji"), REACTIONS)
def test_reactions_are_what_they_are_now(now: list[dict[str, str]], emoji: str | None) -> None:
    got = event(update(505, message_reaction={**REACTION, "new_reaction": now}))
    assert isinstance(got, ReactionChanged)
    assert (got.external_id, got.target, got.emoji) == ("update:505", "7001:10", emoji)
    assert got.person.keys == (key_of(7001),)


NOTICES = [
    (PRIVATE, "member", "kicked", "bot_blocked"),
    (PRIVATE, "kicked", "member", "bot_unblocked"),
    (GROUP, "left", "member", "bot_added"),
    (GROUP, "member", "administrator", "bot_rights_changed"),
    (GROUP, "administrator", "kicked", "bot_removed"),
]


@pytest.mark.parametrize(("chat", "was", "is_now", "notice"), NOTICES)
def test_what_becomes_of_the_bot_is_a_notice(chat: dict[str, Any], was: str, is_now: str, notice: str) -> None:
    got = event(update(506, my_chat_member=membership(was, is_now, chat)))
    assert isinstance(got, ThreadNotice)
    assert (got.notice, got.external_id) == (notice, "update:506")
    assert got.group == (key_of(chat["id"]) if chat is GROUP else None)
    assert got.person is not None
    assert got.person.keys == (key_of(7001),)
    assert not got.opens_window


def test_service_messages_are_notices() -> None:
    title = event(UPDATES["title"])
    assert isinstance(title, ThreadNotice)
    assert (title.notice, title.text, title.external_id) == ("new_chat_title", "Bakers", "-1001234567890:11")
    joined = event(UPDATES["joined"])
    assert isinstance(joined, ThreadNotice)
    assert joined.data["new_chat_members"][0]["id"] == 7001
    pinned = event(update(message=message(GROUP, pinned_message=QUESTION)))
    assert isinstance(pinned, ThreadNotice)
    assert pinned.data == {"message_id": 10}


def test_a_group_that_moves_tells_it_twice_and_it_is_one_event() -> None:
    old, new = {"id": -55, "title": "B", "type": "group"}, {"id": -1005, "title": "B", "type": "supergroup"}
    (left,) = items(update(510, message=message(old, migrate_to_chat_id=-1005)))
    (came,) = items(update(511, message=message(new, number=1, migrate_from_chat_id=-55)))
    assert left.event == came.event
    assert left.event == items(UPDATES["migration"])[0].event
    assert left.event.__struct_config__.tag == "rekey"


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
