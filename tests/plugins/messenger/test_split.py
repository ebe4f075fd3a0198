"""Cutting a text: every part fits, the parts joined are the text, and what is one character to people stays one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Unsupported
from patchbay.model.content import Audio, DocumentFile, Image, Interactive, MediaRef, Text, Video
from patchbay.testing.outbound import account, identity, recipient, stored_file
from patchbay_messenger.channel import MessengerChannel
from patchbay_messenger.settings import MessengerSettings
from patchbay_meta.messaging.split import Measure, in_bytes, in_characters, is_boundary, split_text

CHANNEL = MessengerChannel(MessengerSettings())
PAGE = account("messenger", "101000000000001")
TO = recipient(identity("psid", "7001", channel="messenger"))
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7"
REF = MediaRef(id="med_1")
signs = st.sampled_from(
    [*"ab \n\r\t", "é", "e\u0301", "\u0e33", "क्", "ष", FAMILY, FLAGS, "\u1100\u1161\u11a8", "👍🏽", "한"]
)
texts = st.lists(signs | st.characters(exclude_categories=["Cs"]), max_size=60).map("".join)


@given(texts, st.integers(min_value=4, max_value=30), st.sampled_from([in_characters, in_bytes]))
def test_every_part_fits_and_joined_they_are_the_text(text: str, limit: int, size: Measure) -> None:
    parts = split_text(text, limit, size)
    assert "".join(parts) == text
    assert all(size(part) <= limit for part in parts)
    assert all(parts[1:]) or len(parts) == 1
    assert len(parts) == 1 or size(text) > limit


@given(st.lists(signs, min_size=1, max_size=200).map("".join))
def test_no_part_is_blank_where_white_space_stands_in_moderation(text: str) -> None:
    text = " ".join(text.split())
    parts = split_text(text, 20)
    assert not text or all(part.strip() for part in parts)


@given(texts)
def test_no_cut_is_inside_of_what_people_see_as_one_character(text: str) -> None:
    parts = split_text(text, 24)
    place = start = 0
    for part in parts[:-1]:
        place += len(part)
        inside = not is_boundary(text, place, start)
        assert not inside or not any(is_boundary(text, at, start) for at in range(start + 1, place))
        start = place


@pytest.mark.parametrize(
    "whole",
    [
        "\r\n",
        "e\u0301",
        "👍🏽",
        FAMILY,
        "\U0001f1e9\U0001f1ea",
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\u1100\u1161\u11a8",
        "\ud558\u11ab",
        "क्ष",
        "\U0001f3f4\U000e0067\U000e0062\U000e007f",
        "\u0600\u0661",
    ],
)
def test_what_people_see_as_one_character_is_not_cut(whole: str) -> None:
    assert not any(is_boundary(whole, place) for place in range(1, len(whole)))
    assert split_text("x" * 15 + whole + "yz", max(16, len(whole)))[0] in ("x" * 15, "x" * 15 + whole)


def test_a_cut_goes_behind_a_word() -> None:
    assert split_text("one two three four", 9) == ("one two ", "three ", "four")
    assert split_text("one\ntwo three", 8) == ("one\ntwo ", "three")
    assert split_text("abcdefghij", 4) == ("abcd", "efgh", "ij")
    assert split_text(FLAGS * 2, 5) == (FLAGS, FLAGS)


def test_a_word_keeps_the_white_space_that_would_be_left_alone() -> None:
    assert split_text("aaaa bbbb  ", 9) == ("aaaa ", "bbbb  ")
    assert split_text("x" * 10 + "  ", 10) == ("x" * 9, "x  ")


def test_one_endless_character_is_cut_where_it_must() -> None:
    zalgo = "e" + "\u0301" * 25
    parts = split_text(zalgo, 10)
    assert "".join(parts) == zalgo
    assert max(map(len, parts)) == 10


def test_a_short_text_is_the_content_itself() -> None:
    short = Text(text="x" * 2000, preview_url=True)
    assert CHANNEL.split(short) == (short,)
    assert CHANNEL.split(short)[0] is short


def test_a_long_text_keeps_what_else_it_says() -> None:
    content = Text(text="word " * 500, preview_url=True)
    first, second = CHANNEL.split(content)
    assert isinstance(first, Text)
    assert isinstance(second, Text)
    assert first.text + second.text == content.text
    assert first.preview_url
    assert second.preview_url


@pytest.mark.parametrize("kind", [Image, Video, DocumentFile])
def test_a_caption_follows_its_file(kind: type[Image]) -> None:
    parts = CHANNEL.split(kind(media=REF, caption="y" * 2001))
    assert parts == (kind(media=REF), Text(text="y" * 2000), Text(text="y"))
    assert CHANNEL.split(kind(media=REF, caption="")) == (kind(media=REF),)
    assert CHANNEL.split(kind(media=REF)) == (kind(media=REF),)


@pytest.mark.parametrize("content", [Audio(media=REF), Interactive(kind="buttons", body="x" * 3000)])
def test_all_else_is_one_part(content: Audio | Interactive) -> None:
    assert CHANNEL.split(content) == (content,)


@given(texts.map(lambda text: text * 80))
def test_what_check_accepts_goes_out_in_parts_that_check_accepts(text: str) -> None:
    content = Image(media=REF, caption=text)
    media = stored_file("image", "image/png")
    try:
        CHANNEL.check(PAGE, content, TO, media)
    except Unsupported:
        return
    parts = CHANNEL.split(content)
    for part in parts:
        CHANNEL.check(PAGE, part, TO, media)
        assert CHANNEL.split(part) == (part,)
    assert "".join(part.text for part in parts if isinstance(part, Text)) == text
