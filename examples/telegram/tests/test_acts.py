"""Presses of buttons, reactions, and what becomes of the bot."""

from __future__ import annotations

from typing import Any

import pytest
from patchbay.channel import UNDATED, Person, PersonChanged, ReactionChanged, ThreadNotice
from patchbay.model.content import InteractiveReply

from parsed import event, items, received
from patchbay_telegram.names import key_of
from updates import GROUP, PRESS, PRIVATE, QUESTION, REACTION, UPDATES, membership, update


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
    assert "bot" in got.text
    assert got.group == (key_of(chat["id"]) if chat is GROUP else None)
    assert got.person is not None
    assert got.person.keys == (key_of(7001),)
    assert not got.opens_window


def test_a_group_that_the_bot_was_added_to_has_its_name_at_once() -> None:
    named, added = items(UPDATES["added"])
    assert isinstance(named.event, PersonChanged)
    assert named.event.person == Person(keys=(key_of(GROUP["id"]),), name="Bakers")
    assert (named.key, added.key) == ("update:507:person", "update:507")


def test_a_press_below_a_message_without_a_number_quotes_nothing() -> None:
    got = received(update(callback_query={**PRESS, "message": {**QUESTION, "message_id": 0}}))
    assert (got.external_id, got.reply_to) == ("callback:9000001", None)
