"""What is refused before it is queued, and how what is long is parted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from patchbay.errors import Unsupported
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Sticker,
    Template,
    Text,
    Video,
    type_of,
)
from patchbay.model.media import Media, MediaKind
from patchbay.testing.outbound import recipient, stored_file

from patchbay_telegram.limits import CAPABILITIES, length
from patchbay_telegram.split import parts_of
from people import BAKERS, BOT, CHANNEL, MARA

REF = MediaRef(id="med_1")
YES = Button(id="y", title="Yes")
CARD = ContactCard(formatted_name="Jo", phones=(ContactPhone(phone="+1555"),))


def buttons(*given: Button, **members: Any) -> Interactive:
    return Interactive(kind=members.pop("kind", "buttons"), body=members.pop("body", "Sure?"), buttons=given, **members)


REFUSED: list[tuple[AnyContent, str]] = [
    (Text(text=" \n"), "/text"),
    (Location(latitude=91, longitude=0), "/latitude"),
    (Location(latitude=float("nan"), longitude=0), "/latitude"),
    (Location(latitude=0, longitude=181), "/longitude"),
    (Location(latitude=0, longitude=0, url="https://example.com"), "/url"),
    (Location(latitude=0, longitude=0, name="Shop"), "/address"),
    (Location(latitude=0, longitude=0, address="Ring 1"), "/name"),
    (Contacts(contacts=()), "/contacts"),
    (Contacts(contacts=(CARD,) * 21), "/contacts"),
    (Contacts(contacts=(CARD,), origin="own"), "/origin"),
    (Contacts(contacts=(ContactCard(formatted_name="Jo"),)), "/contacts/0/phones"),
    (Contacts(contacts=(ContactCard(phones=CARD.phones),)), "/contacts/0/formatted_name"),
    (
        Contacts(contacts=(CARD, ContactCard(formatted_name="J", phones=CARD.phones, extra={"org": "x"}))),
        "/contacts/1/extra",
    ),
    (Contacts(contacts=(ContactCard(formatted_name="J", phones=CARD.phones, vcard="x" * 2049),)), "/contacts/0/vcard"),
    (Interactive(kind="list", body="x"), "/kind"),
    (buttons(YES, body=" "), "/body"),
    (buttons(YES, body="x" * 4097), "/body"),
    (buttons(YES, footer="x"), "/footer"),
    (buttons(YES, header=Header(text="x")), "/header"),
    (buttons(), "/buttons"),
    (buttons(*[YES] * 101), "/buttons"),
    (buttons(YES, button="More"), "/button"),
    (buttons(YES, Button(id="n")), "/buttons/1/title"),
    (buttons(Button(title="No")), "/buttons/0/id"),
    (buttons(Button(title="No", id="é" * 33)), "/buttons/0/id"),
    (buttons(Button(title="No", id="n", payload="p")), "/buttons/0/payload"),
    (buttons(Button(title="No", url="javascript:alert(1)")), "/buttons/0/url"),
    (Interactive(kind="cta_url", body="x", button="Open"), "/url"),
    (Interactive(kind="cta_url", body="x", url="https://example.com"), "/button"),
    (Interactive(kind="contact_request", body="x", button="Mine", buttons=(YES,)), "/buttons"),
    (Template(name="t", language="en"), ""),
]


@pytest.mark.parametrize(("content", "pointer"), REFUSED)
def test_what_telegram_cannot_carry_is_refused_by_its_part(content: AnyContent, pointer: str) -> None:
    with pytest.raises(Unsupported) as caught:
        CHANNEL.check(BOT, content, MARA, None)
    assert caught.value.pointer == f"/content{pointer}"
    assert caught.value.hint


FILES: list[tuple[AnyContent, Media | None, str]] = [
    (Image(media=REF, caption="x" * 1025), stored_file("image", "image/png"), "/caption"),
    (Image(media=REF), stored_file("image", "image/tiff"), "/media"),
    (Image(media=REF), stored_file("image", "image/png", 10 * 2**20 + 1), "/media"),
    (Image(media=REF), stored_file("image", "image/png", 0), "/media"),
    (Image(media=REF), None, "/media"),
    (Video(media=REF), stored_file("video", "video/webm"), "/media"),
    (Audio(media=REF), stored_file("audio", "audio/ogg"), "/media"),
    (DocumentFile(media=REF), stored_file("document", "application/pdf", 50 * 2**20 + 1), "/media"),
    (Sticker(media=REF), stored_file("sticker", "image/webp", 512 * 1024 + 1), "/media"),
    (Sticker(media=REF), stored_file("sticker", "application/gzip", 64 * 1024 + 1), "/media"),
    (buttons(YES, header=Header(kind="image", media=REF), body="x" * 1025), stored_file("image", "image/png"), "/body"),
    (buttons(YES, header=Header(kind="video", media=REF)), stored_file("video", "video/webm"), "/header/media"),
]


@pytest.mark.parametrize(("content", "media", "pointer"), FILES)
def test_a_file_that_telegram_does_not_take_is_refused(content: AnyContent, media: Media | None, pointer: str) -> None:
    with pytest.raises(Unsupported) as caught:
        CHANNEL.check(BOT, content, MARA, media)
    assert caught.value.pointer == f"/content{pointer}"


FITS: list[tuple[AnyContent, MediaKind, str, int]] = [
    (Image(media=REF, caption="x" * 1024), "image", "image/jpeg", 10 * 2**20),
    (Audio(media=REF, voice=True), "audio", "audio/ogg; codecs=opus", 50 * 2**20),
    (DocumentFile(media=REF), "document", "application/x-anything", 50 * 2**20),
    (Sticker(media=REF, animated=True), "sticker", "video/webm", 256 * 1024),
]


@pytest.mark.parametrize(("content", "kind", "mime_type", "size"), FITS)
def test_what_just_fits_is_taken(content: AnyContent, kind: MediaKind, mime_type: str, size: int) -> None:
    CHANNEL.check(BOT, content, MARA, stored_file(kind, mime_type, size))
    assert type_of(content) in CAPABILITIES.contents


def test_a_private_chat_is_needed_to_ask_for_a_place_and_a_chat_for_anything() -> None:
    ask = Interactive(kind="location_request", body="Where?", button="Here")
    CHANNEL.check(BOT, ask, MARA, None)
    with pytest.raises(Unsupported):
        CHANNEL.check(BOT, ask, BAKERS, None)
    with pytest.raises(Unsupported) as caught:
        CHANNEL.check(BOT, Text(text="Hi"), recipient(), None)
    assert caught.value.pointer == "/to"


def test_an_id_of_a_button_is_measured_in_bytes() -> None:
    CHANNEL.check(BOT, buttons(Button(title="No", id="é" * 32)), MARA, None)


def test_what_fits_is_one_part() -> None:
    for content in (Text(text="x" * 4096), Text(text="\U0001f642" * 2048), Location(latitude=0, longitude=0)):
        assert CHANNEL.split(content) == (content,)


def test_a_long_text_is_parted_between_paragraphs_before_words() -> None:
    text = "a" * 2500 + "\n\n" + "b " * 700 + "c" * 1000
    first, second = CHANNEL.split(Text(text=text, preview_url=True))
    assert first == Text(text="a" * 2500, preview_url=True)
    assert isinstance(second, Text)
    assert second.text.startswith("b b")


def test_cards_are_messages_of_their_own() -> None:
    assert CHANNEL.split(Contacts(contacts=(CARD, CARD))) == (Contacts(contacts=(CARD,)),) * 2


signs = st.sampled_from("aé\U0001f642 \n\t\u3000") | st.characters(codec="utf-8")
texts = st.text(signs, min_size=1, max_size=120).filter(lambda text: bool(text.strip()))


@settings(max_examples=400)
@given(texts, st.integers(2, 40))
def test_parts_fit_and_nothing_but_white_space_is_lost(text: str, limit: int) -> None:
    parts = parts_of(text, limit)
    assert all(0 < length(part) <= limit and part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert length("".join(parts)) >= length(text.strip()) - sum(map(str.isspace, text))


@given(st.text())
def test_length_is_that_of_utf_16(text: str) -> None:
    assert length(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2
