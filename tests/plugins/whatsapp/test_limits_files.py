"""Which files WhatsApp takes: their types, sizes and captions, at the limit and one past it."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.model.content import (
    AnyContent,
    Audio,
    DocumentFile,
    Header,
    Image,
    MediaRef,
    Sticker,
    Video,
)
from patchbay.testing.outbound import stored_file
from patchbay_whatsapp.limits import check
from tests.plugins.whatsapp.contents import REF, TO_PHONE, buttons, refused

MB = 2**20
JPEG = "image/jpeg"
FILES: list[tuple[AnyContent, str, int]] = [
    (Image(media=REF), JPEG, 5 * MB),
    (Image(media=REF), "image/png", 5 * MB),
    (Video(media=REF), "video/mp4", 16 * MB),
    (Video(media=REF), "video/3gpp", 16 * MB),
    (Audio(media=REF), "audio/aac", 16 * MB),
    (Audio(media=REF), "audio/amr", 16 * MB),
    (Audio(media=REF), "audio/mpeg", 16 * MB),
    (Audio(media=REF), "audio/mp4", 16 * MB),
    (Audio(media=REF), "audio/ogg", 16 * MB),
    (Audio(media=REF, voice=True), "audio/ogg; codecs=opus", 16 * MB),
    (DocumentFile(media=REF), "application/pdf", 100 * MB),
    (DocumentFile(media=REF), "application/zip", 100 * MB),
    (Sticker(media=REF), "image/webp", 100 * 1024),
    (Sticker(media=REF, animated=True), "image/webp", 500 * 1024),
]


@pytest.mark.parametrize(("content", "mime_type", "largest"), FILES)
def test_a_file_may_be_as_large_as_its_kind_allows(content: AnyContent, mime_type: str, largest: int) -> None:
    check(content, TO_PHONE, stored_file("document", mime_type, largest))
    assert refused(content, stored_file("document", mime_type, largest + 1)).pointer == "/content/media"
    assert refused(content, stored_file("document", mime_type, 0)).pointer == "/content/media"


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (Image(media=REF), "image/webp"),
        (Image(media=REF), "image/gif"),
        (Image(media=REF), "image/svg+xml"),
        (Video(media=REF), "video/webm"),
        (Video(media=REF), "video/quicktime"),
        (Audio(media=REF), "audio/wav"),
        (Audio(media=REF), "audio/webm"),
        (Sticker(media=REF), "image/png"),
        (Image(media=REF), None),
        (DocumentFile(media=REF), None),
        (DocumentFile(media=REF), ""),
    ],
)
def test_another_type_of_file_is_refused(content: AnyContent, mime_type: str | None) -> None:
    assert refused(content, stored_file("document", mime_type)).pointer == "/content/media"


def test_a_file_that_was_not_found_is_judged_by_its_reference() -> None:
    check(Image(media=MediaRef(id="m", mime_type=JPEG, size=5)), TO_PHONE, None)
    assert refused(Image(media=REF)).pointer == "/content/media"


def test_what_was_sniffed_goes_before_what_was_said() -> None:
    said = Image(media=MediaRef(id="m", mime_type=JPEG, size=5))
    assert refused(said, stored_file("image", "text/html")).pointer == "/content/media"


def test_a_voice_message_is_opus() -> None:
    assert refused(Audio(media=REF, voice=True), stored_file("audio", "audio/mpeg")).pointer == "/content/voice"


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_a_file_in_a_header_is_judged_like_any_other(kind: Any) -> None:
    content = buttons(header=Header(kind=kind, media=REF))
    good = {"image": "image/png", "video": "video/mp4", "document": "application/pdf"}[kind]
    check(content, TO_PHONE, stored_file("document", good))
    assert refused(content, stored_file("document", good, 101 * MB)).pointer == "/content/header/media"


@pytest.mark.parametrize(
    ("content", "mime_type"),
    [
        (Image(media=REF, caption="x" * 1025), JPEG),
        (Video(media=REF, caption="x" * 1025), "video/mp4"),
        (DocumentFile(media=REF, caption="x" * 1025), "application/pdf"),
    ],
)
def test_a_caption_has_1024_characters(content: Any, mime_type: str) -> None:
    assert refused(content, stored_file("document", mime_type)).pointer == "/content/caption"
    check(type(content)(media=REF, caption="x" * 1024), TO_PHONE, stored_file("document", mime_type))
