"""A thousand bytes, not characters: every part fits, and joined they are the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Unsupported
from patchbay.model.content import Image, MediaRef, Text
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import answer, play
from patchbay_instagram.channel import InstagramChannel
from patchbay_instagram.settings import InstagramSettings

CHANNEL = InstagramChannel(InstagramSettings())
LOGIN = account("instagram", "1784", login="instagram")
TO = recipient(identity("igsid", "9001", channel="instagram"))
REF = MediaRef(id="med_1")
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # 18 bytes that people see as one sign
signs = st.sampled_from([*"ab \n", "é", "e\u0301", "न", "क्ष", FAMILY, "\U0001f1e9\U0001f1ea", "👍🏽", "한"])
texts = st.lists(signs | st.characters(exclude_categories=["Cs"]), max_size=40).map("".join).map(lambda text: text * 40)


def texts_of(text: str) -> list[str]:
    return [part.text for part in CHANNEL.split(Text(text=text)) if isinstance(part, Text)]


@given(texts)
def test_every_part_has_a_thousand_bytes_at_most_and_joined_they_are_the_text(text: str) -> None:
    parts = texts_of(text)
    assert "".join(parts) == text
    assert all(len(part.encode()) <= 1000 for part in parts)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("x" * 1000, [1000]),
        ("x" * 1001, [1000, 1]),
        ("é" * 500, [1000]),
        ("é" * 501, [1000, 2]),
        ("x" + "é" * 500, [999, 2]),
        ("한" * 334, [999, 3]),
        ("😀" * 251, [1000, 4]),
        (FAMILY * 56, [990, 18]),
        ("x" * 999 + "e\u0301", [999, 3]),
        ("wörter " * 130, [1000 - 1000 % 8, 1040 - 1000]),
    ],
)
def test_a_cut_counts_bytes_and_leaves_signs_whole(text: str, sizes: list[int]) -> None:
    assert [len(part.encode()) for part in texts_of(text)] == sizes


def test_a_caption_follows_its_file() -> None:
    assert CHANNEL.split(Image(media=REF, caption="é" * 501)) == (
        Image(media=REF),
        Text(text="é" * 500),
        Text(text="é"),
    )


@given(texts | st.text(max_size=3000))
def test_what_check_accepts_is_sent_within_the_limits(text: str) -> None:
    content = Image(media=REF, caption=text)
    media = stored_file("image", "image/png")
    try:
        CHANNEL.check(LOGIN, content, TO, media)
    except Unsupported:
        return
    said: list[str] = []
    for part in CHANNEL.split(content):
        CHANNEL.check(LOGIN, part, TO, media)
        sent = play(
            CHANNEL.send(LOGIN, outgoing(part, TO, media=media, provider_media_id="900")),
            answer(recipient_id="9001", message_id="a"),
        )
        message: dict[str, Any] = dict((sent.request.json or {})["message"])
        assert len(message.get("text", "").encode()) <= 1000
        said.append(message.get("text", ""))
    assert "".join(said) == text
