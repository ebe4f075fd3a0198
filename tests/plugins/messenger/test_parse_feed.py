"""The feed: comments, posts and reactions that no payload of the collection shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from patchbay.channel import (
    AccountNotice,
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    RemoteMedia,
    Unrecognised,
)
from patchbay.model.content import Image, MediaRef, Text, Unsupported, Video
from patchbay_messenger.parse import parse

PAGE, NOOR = "104857600112233", "7300998877665544"
POST, COMMENT = f"{PAGE}_55", "55_77"
CREATED, TOLD = 1_795_167_000, 1_795_167_060


def one(value: dict[str, Any], *, field: str = "feed", told: int = TOLD) -> Item | Malformed:
    """The one item of a change; what is None is left out."""
    given = {name: inside for name, inside in value.items() if inside is not None}
    entry = {"id": PAGE, "time": told, "changes": [{"field": field, "value": given}]}
    (only,) = parse(json.dumps({"object": "page", "entry": [entry]}).encode())
    return only


def comment(**changed: Any) -> dict[str, Any]:
    return {
        "item": "comment",
        "verb": "add",
        "from": {"id": NOOR, "name": "Noor Example"},
        "post_id": POST,
        "comment_id": COMMENT,
        "parent_id": POST,
        "created_time": CREATED,
        "message": "Price?",
        **changed,
    }


def event(value: dict[str, Any], **how: Any) -> InboundEvent:
    item = one(value, **how)
    assert isinstance(item, Item)
    return item.event


def test_a_comment_is_a_message_that_opens_no_window() -> None:
    told = event(comment())
    assert isinstance(told, MessageReceived)
    assert (told.external_id, told.content, told.opens_window) == (f"comment:{COMMENT}", Text(text="Price?"), False)
    assert (told.sender.keys[0].value, told.sender.name) == (NOOR, "Noor Example")
    assert told.occurred_at == datetime.fromtimestamp(CREATED, UTC)
    assert (told.reply_to, told.context["comment"]["post_id"]) == (None, POST)


def test_older_bodies_name_the_sender_beside() -> None:
    told = event(comment(sender_id=NOOR, sender_name="Noor Example", **{"from": None}))
    assert isinstance(told, MessageReceived)
    assert (told.sender.keys[0].value, told.sender.name) == (NOOR, "Noor Example")


def test_a_comment_of_nobody_known_is_told_of_the_account() -> None:
    told = event(comment(**{"from": None}))
    assert isinstance(told, AccountNotice)
    assert told.notice == "comment"
    assert told.data["message"] == "Price?"


@pytest.mark.parametrize("verb", ["add", "edited", "edit", "remove", "hide"])
@pytest.mark.parametrize("item", ["comment", "post"])
def test_what_the_page_itself_wrote_is_ignored(item: str, verb: str) -> None:
    told = event(comment(item=item, verb=verb, **{"from": {"id": PAGE}}))
    assert told == Ignored(occurred_at=told.occurred_at, reason=f"the page's own {item}")


@pytest.mark.parametrize(
    ("files", "content", "url"),
    [
        ({"photo": "https://cdn.example/1.png"}, Image(media=MediaRef(id=""), caption="Price?"), "https://cdn.example/1.png"),
        ({"video": "https://cdn.example/1.mp4"}, Video(media=MediaRef(id=""), caption="Price?"), "https://cdn.example/1.mp4"),
        ({"photo": "https://cdn.example/1.png", "message": None}, Image(media=MediaRef(id="")), "https://cdn.example/1.png"),
    ],
)  # fmt: skip
def test_a_comment_with_a_file_is_the_file_with_the_text_under_it(
    files: dict[str, Any], content: Any, url: str
) -> None:
    told = event(comment(**files))
    assert isinstance(told, MessageReceived)
    assert (told.content, told.media) == (content, RemoteMedia(url=url))


def test_a_comment_without_anything_is_shown_as_unsupported() -> None:
    told = event(comment(message=None))
    assert isinstance(told, MessageReceived)
    assert isinstance(told.content, Unsupported)


def test_a_visitor_s_photo_is_a_post() -> None:
    told = event(comment(item="photo", comment_id=None, link="https://cdn.example/1.png"))
    assert isinstance(told, MessageReceived)
    assert (told.external_id, told.media) == (f"post:{POST}", RemoteMedia(url="https://cdn.example/1.png"))


@pytest.mark.parametrize("verb", ["edited", "edit"])
def test_an_edit_happens_when_it_is_told(verb: str) -> None:
    """Its ``created_time`` may be that of the first writing."""
    told = event(comment(verb=verb, message="Price incl. shipping?"))
    assert isinstance(told, MessageEdited)
    assert (told.target, told.content) == (f"comment:{COMMENT}", Text(text="Price incl. shipping?"))
    assert told.occurred_at == datetime.fromtimestamp(TOLD, UTC)


def test_an_edit_back_and_forth_is_three_edits() -> None:
    first, back, again = (
        one(comment(verb="edited", message=said), told=TOLD + n) for n, said in enumerate(("A", "B", "A"))
    )
    assert len({first.key, back.key, again.key}) == 3
    assert one(comment(verb="edited", message="A"), told=TOLD).key == first.key


def test_a_comment_that_comes_again_has_the_same_key() -> None:
    assert one(comment(), told=TOLD + 60).key == one(comment()).key == f"comment:{COMMENT}"


def test_a_post_that_is_removed_is_deleted() -> None:
    told = event(comment(item="status", verb="remove"))
    assert isinstance(told, MessageDeleted)
    assert told.target == f"post:{POST}"


def test_hiding_changes_nothing() -> None:
    told = event(comment(verb="hide"))
    assert told == Ignored(occurred_at=told.occurred_at, reason="comment: hide")


@pytest.mark.parametrize(
    ("item", "verb", "kind", "emoji"),
    [
        ("reaction", "add", "wow", "😮"),
        ("reaction", "edit", "haha", "😆"),
        ("reaction", "remove", "wow", None),
        ("like", "add", None, "👍"),
    ],
)
def test_a_reaction_to_a_comment_is_shown_there(item: str, verb: str, kind: str | None, emoji: str | None) -> None:
    told = event(comment(item=item, verb=verb, reaction_type=kind))
    assert isinstance(told, ReactionChanged)
    assert (told.target, told.person.keys[0].value, told.emoji) == (f"comment:{COMMENT}", NOOR, emoji)


def test_the_page_s_own_reaction_is_ignored() -> None:
    assert isinstance(event(comment(item="reaction", reaction_type="love", **{"from": {"id": PAGE}})), Ignored)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (comment(item="album"), "feed.album.add"),
        (comment(verb="translate"), "feed.comment.translate"),
        ({"verb": "add"}, "feed.add"),
        ({}, "feed"),
    ],
)
def test_what_is_not_known_is_kept_by_its_name(value: dict[str, Any], what: str) -> None:
    told = event(value)
    assert isinstance(told, Unrecognised)
    assert told.what == what


@pytest.mark.parametrize("value", [comment(comment_id=None), comment(item="post", post_id=None)])
def test_without_an_id_it_cannot_be_placed(value: dict[str, Any]) -> None:
    told = one(value)
    assert isinstance(told, Malformed)
    assert "has no id" in told.error


def test_a_mention_in_a_comment_is_told_of_the_account() -> None:
    told = event({"item": "comment", "verb": "add", "post_id": POST, "comment_id": COMMENT}, field="mention")
    assert isinstance(told, AccountNotice)
    assert told.text == "The page was mentioned in a comment."
