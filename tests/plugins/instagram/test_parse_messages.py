"""Messages in forms that no payload shows: what is kept, what is one thing, and what must not be stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import (
    IdentityKey,
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageDeleted,
    MessageEchoed,
    MessageReceived,
    Person,
    ReactionChanged,
    ReceiptReceived,
    Unrecognised,
    WatermarkReceived,
)
from patchbay.model.content import (
    Image,
    InteractiveReply,
    MediaRef,
    Share,
    StoryMention,
    StoryReply,
    Text,
    Unsupported,
    media_of,
)
from patchbay_instagram.parse import parse

ACCOUNT, MARA = "17841400099887766", "882200114455667"
TIME = 1795168000000
PERSON = Person(keys=(IdentityKey(kind="igsid", value=MARA, scope="account"),))
CDN = "https://lookaside.fbsbx.example/ig_messaging_cdn/?asset_id="


def parsed(event: dict[str, Any], *, standby: bool = False, echo: bool = False) -> tuple[Item | Malformed, ...]:
    """What becomes of an event between Mara and the account."""
    sides = {"sender": {"id": MARA}, "recipient": {"id": ACCOUNT}, "timestamp": TIME}
    if echo:
        sides["sender"], sides["recipient"] = sides["recipient"], sides["sender"]
    given = {**sides, **event}
    entry = {"id": ACCOUNT, "time": TIME, "standby" if standby else "messaging": [given]}
    return parse(json.dumps({"object": "instagram", "entry": [entry]}).encode())


def events(event: dict[str, Any], *, standby: bool = False, echo: bool = False) -> list[InboundEvent]:
    found = parsed(event, standby=standby, echo=echo)
    assert [one for one in found if isinstance(one, Malformed)] == []
    return [one.event for one in found if isinstance(one, Item)]


def wrote(**message: Any) -> list[MessageReceived]:
    found = events({"message": {"mid": "m1", **message}})
    assert all(isinstance(one, MessageReceived) for one in found)
    return [one for one in found if isinstance(one, MessageReceived)]


def attached(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": kind, "payload": payload} if payload else {"type": kind}


@pytest.mark.parametrize(
    "message",
    [
        {"attachments": [attached("story_mention", url=CDN + "1")]},
        {"attachments": [attached("story_mention")]},
        {"attachments": [attached("ig_story", story_media_id="7", story_media_url=CDN + "1")]},
        {"attachments": [attached("ig_story")]},
        {"attachments": [{"type": "ephemeral", "payload": {"url": CDN + "1"}}]},
        {"attachments": [attached("ephemeral")]},
        {"text": "wow", "reply_to": {"story": {"id": "7", "url": CDN + "1"}}},
        {"text": "wow", "reply_to": {"story": {"id": "7"}}},
    ],
    ids=range(8),
)
@pytest.mark.parametrize("echo", [False, True])
def test_stories_and_what_may_be_seen_once_are_never_stored(message: dict[str, Any], echo: bool) -> None:
    (event,) = events({"message": {"mid": "m1", "is_echo": echo, **message}}, echo=echo)
    assert isinstance(event, MessageEchoed if echo else MessageReceived)
    assert event.media is None
    assert media_of(event.content) is None


def test_what_may_be_seen_once_keeps_no_address_either() -> None:
    (event,) = wrote(attachments=[{"type": "ephemeral", "payload": {"url": CDN + "1"}}])
    assert CDN not in str(event)


@pytest.mark.parametrize("url", [None, 7, "", "javascript:alert(1)", "//host/x", "https://[::1", "data:text/html,x"])
def test_a_story_whose_address_is_none_of_the_web_has_none(url: Any) -> None:
    mention, shared = wrote(
        attachments=[attached("story_mention", url=url), attached("ig_story", story_media_id="7", story_media_url=url)]
    )
    assert mention.content == StoryMention()
    assert shared.content == StoryReply(story_id="7")


def test_a_photo_sent_to_a_story_stands_beside_the_story() -> None:
    story, photo = wrote(reply_to={"story": {"id": "7", "url": CDN + "7"}}, attachments=[attached("image", url=CDN)])
    assert story.content == StoryReply(story_id="7", url=CDN + "7")
    assert photo.content == Image(media=MediaRef(id=""))
    assert [(one.part, one.parts, one.external_id) for one in (story, photo)] == [(0, 2, "m1"), (1, 2, "m1")]


def test_a_reply_to_a_message_and_a_story_names_both() -> None:
    (event,) = wrote(text="that one", reply_to={"mid": "m0", "story": {"id": "7"}})
    assert (event.reply_to, event.content) == ("m0", StoryReply(text="that one", story_id="7"))


def test_a_tap_under_a_story_keeps_its_payload() -> None:
    (event,) = wrote(text="Yes", quick_reply={"payload": "p"}, reply_to={"story": {"id": "7"}})
    assert (event.content, event.context) == (StoryReply(text="Yes", story_id="7"), {"quick_reply": "p"})


@pytest.mark.parametrize("heart", [{"type": "like_heart"}, {"type": "like_heart", "payload": None}])
def test_a_heart_needs_no_payload(heart: dict[str, Any]) -> None:
    (event,) = wrote(attachments=[heart])
    assert (event.content, event.media, event.context) == (Text(text="❤️"), None, {"like_heart": True})


def urls(*attachments: dict[str, Any]) -> list[str | None]:
    return [one.content.url for one in wrote(attachments=list(attachments)) if isinstance(one.content, Share)]


def test_a_share_beside_its_post_is_one_even_when_it_is_signed_anew() -> None:
    post = attached("ig_post", ig_post_media_id="1", url=CDN + "1&signature=a")
    assert urls(attached("share", url=CDN + "1&signature=a"), post) == [CDN + "1&signature=a"]
    assert urls(attached("share", url=CDN + "1&signature=b"), post) == [CDN + "1&signature=a"]
    assert urls(post, attached("share")) == [CDN + "1&signature=a"]


def test_a_share_that_is_no_twin_stays() -> None:
    post = attached("ig_post", ig_post_media_id="1", url=CDN + "1")
    assert urls(attached("share", url=CDN + "1"), post, attached("share", url=CDN + "2")) == [CDN + "1", CDN + "2"]
    assert urls(attached("share", url=CDN + "1"), attached("share", url=CDN + "2")) == [CDN + "1", CDN + "2"]


def test_text_and_attachments_of_one_message_are_parts_of_it() -> None:
    found = parsed({"message": {"mid": "m1", "text": "look", "attachments": [attached("image", url=CDN)] * 2}})
    assert [one.key for one in found] == ["message:m1", "message:m1:1", "message:m1:2"]
    assert [one.event.content for one in found[:2]] == [  # type: ignore[union-attr]
        Text(text="look"),
        Image(media=MediaRef(id="")),
    ]


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [
        ({"type": "hologram", "payload": {"url": CDN}}, "hologram"),
        ({"type": "hologram"}, "hologram"),
        ({"payload": {}}, "attachment"),
        ("odd", "attachment"),
        ({"type": "template", "payload": {"receipt": {}}}, "template"),
        ({"type": "share"}, "share"),
        ({"type": "ig_post", "payload": {}}, "ig_post"),
    ],
)
def test_an_attachment_that_nobody_reads_is_shown_as_unsupported(attachment: Any, kind: str) -> None:
    (event,) = wrote(attachments=[attachment])
    assert isinstance(event.content, Unsupported)
    assert event.content.provider_type == kind
    assert event.content.reason


def test_what_came_along_with_something_unsupported_is_not_lost() -> None:
    image = {"type": "image", "payload": {"url": CDN}}
    first, second = wrote(is_unsupported=True, text="See this", attachments=[image])
    assert first.content == Text(text="See this")
    assert isinstance(second.content, Image)


@pytest.mark.parametrize("message", [{}, {"text": ""}, {"attachments": []}, {"is_unsupported": True}])
def test_a_message_with_nothing_to_read_is_shown_as_unsupported(message: dict[str, Any]) -> None:
    (event,) = wrote(**message)
    assert isinstance(event.content, Unsupported)
    assert event.content.reason


def test_what_the_account_wrote_is_never_from_a_contact() -> None:
    """With the mark and without it, whichever side the account is on."""
    told = {"message": {"mid": "m1", "text": "hi", "is_echo": True}}
    plain = {"message": {"mid": "m1", "text": "hi"}}
    for found in (events(told, echo=True), events(plain, echo=True), events(told)):
        (event,) = found
        assert isinstance(event, MessageEchoed)
        assert (event.recipient, event.reference) == (PERSON, None)


@pytest.mark.parametrize("more", [{}, {"is_self": True}])
def test_what_the_account_writes_to_itself_makes_no_contact(more: dict[str, Any]) -> None:
    sides = {"sender": {"id": ACCOUNT}, "recipient": {"id": ACCOUNT}}
    (event,) = events({**sides, "message": {"mid": "m1", "text": "x", "is_echo": True, **more}})
    assert isinstance(event, Ignored)


def test_an_unsent_message_is_by_whoever_wrote_it() -> None:
    (theirs,) = events({"message": {"mid": "m1", "is_deleted": True}})
    (ours,) = events({"message": {"mid": "m1", "is_deleted": True, "is_echo": True}}, echo=True)
    (unmarked,) = events({"message": {"mid": "m1", "is_deleted": True}}, echo=True)
    by = [isinstance(one, MessageDeleted) and one.by_business for one in (theirs, ours, unmarked)]
    assert by == [False, True, True]


def test_an_echo_on_standby_is_marked() -> None:
    (event,) = events({"message": {"mid": "m1", "text": "x", "is_echo": True}}, standby=True, echo=True)
    assert isinstance(event, MessageEchoed)
    assert event.context == {"standby": True}


def test_a_message_on_standby_has_the_key_that_it_has_elsewhere() -> None:
    message = {"message": {"mid": "m1", "text": "x"}}
    assert [one.key for one in parsed(message, standby=True)] == [one.key for one in parsed(message)]


def test_a_message_without_a_sender_or_an_id_is_kept_apart() -> None:
    odds: list[dict[str, Any]] = [{"sender": None}, {"sender": {}}, {"message": {"text": "x"}}]
    for odd in odds:
        (one,) = parsed({"message": {"mid": "m1", "text": "x"}, **odd})
        assert isinstance(one, Malformed)
        assert "id" in one.error


def test_seen_means_all_before_it_too() -> None:
    (event,) = events({"read": {"mid": "m1"}})
    assert isinstance(event, ReceiptReceived)
    assert (event.external_id, event.state, event.watermark) == ("m1", "read", True)


@pytest.mark.parametrize("watermark", [TIME, str(TIME), TIME // 1000])
def test_the_older_form_of_seen_is_a_moment(watermark: Any) -> None:
    (event,) = events({"read": {"watermark": watermark}})
    assert isinstance(event, WatermarkReceived)
    assert (event.person, event.state, event.up_to) == (PERSON, "read", event.occurred_at)


def test_seen_that_says_nothing_is_kept_apart() -> None:
    (one,) = parsed({"read": {}})
    assert isinstance(one, Malformed)


@pytest.mark.parametrize(
    ("name", "emoji"),
    [("love", "❤️"), ("like", "👍"), ("laugh", "😆"), ("wow", "😮"), ("sad", "😢"), ("angry", "😠")],
)
def test_a_reaction_may_come_by_its_name_alone(name: str, emoji: str) -> None:
    (event,) = events({"reaction": {"mid": "m1", "action": "react", "reaction": name}})
    assert isinstance(event, ReactionChanged)
    assert (event.target, event.emoji, event.person) == ("m1", emoji, PERSON)


def test_the_same_reaction_again_later_is_another_one() -> None:
    reaction = {"reaction": {"mid": "m1", "action": "react", "reaction": "love"}}
    (first,), (again,), (later,) = parsed(reaction), parsed(reaction), parsed({**reaction, "timestamp": TIME + 1})
    assert first.key == again.key != later.key


def test_a_tap_without_an_id_is_known_by_what_it_says() -> None:
    tap = {"postback": {"title": "Hours", "payload": "menu:hours"}}
    (one,) = parsed(tap)
    assert isinstance(one, Item)
    assert isinstance(one.event, MessageReceived)
    assert one.event.external_id == one.key
    assert one.event.content == InteractiveReply(kind="postback", id="menu:hours", title="Hours")
    assert parsed(tap) == (one,)


@pytest.mark.parametrize("kind", ["delivery", "account_linking", "order", "hologram"])
def test_kinds_that_instagram_does_not_have_are_listed(kind: str) -> None:
    (event,) = events({kind: {"mid": "m1"}})
    assert isinstance(event, Unrecognised)
    assert event.what == kind
