"""Every limit of Instagram's own, at the limit and one past it; the forms' limits are tested with Messenger's."""

from __future__ import annotations

import pytest

from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
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
)
from patchbay.model.media import Media
from patchbay.testing.outbound import identity, recipient, stored_file
from patchbay_instagram.capabilities import CAPABILITIES
from patchbay_instagram.limits import check
from patchbay_meta.messaging.interactive import KINDS
from tests.plugins.refusals import refused_by

TO = recipient(identity("igsid", "9001", channel="instagram"))
REF = MediaRef(id="med_1")
MB = 2**20
YES = Button(id="y", title="Yes")
PDF = "application/pdf"
refused = refused_by(check, TO)


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (Text(text="é" * 500 * 20), None),
        (Interactive(kind="quick_replies", body="é" * 500, buttons=(YES,) * 13), None),
        (Interactive(kind="buttons", body="é" * 640, buttons=(YES,) * 3), None),
        (Interactive(kind="generic", cards=(Card(title="Lamp", buttons=(YES,) * 3),) * 10), None),
        (Image(media=REF, caption="x" * 1001), stored_file("image", "image/png", 8 * MB)),
        (Image(media=REF), stored_file("image", "image/jpeg", 1)),
        (Video(media=REF), stored_file("video", "video/webm", 25 * MB)),
        *((Audio(media=REF), stored_file("audio", f"audio/{kind}", 25 * MB)) for kind in ("aac", "x-wav", "mp4")),
        (DocumentFile(media=REF), stored_file("document", PDF, 25 * MB)),
    ],
)
def test_what_fits_passes(content: AnyContent, media: Media | None) -> None:
    check(content, TO, media)


@pytest.mark.parametrize(
    ("content", "media", "pointer"),
    [
        (Text(text=" "), None, "/text"),
        (Text(text="é" * (500 * 20 + 1)), None, "/text"),
        (Text(text="a" + " " * 2500 + "b"), None, "/text"),
        (Interactive(kind="quick_replies", body="é" * 501, buttons=(YES,)), None, "/body"),
        (Interactive(kind="quick_replies", body="x", buttons=(YES,) * 14), None, "/buttons"),
        (Interactive(kind="buttons", body="x" * 641, buttons=(YES,)), None, "/body"),
        (Interactive(kind="list", body="x"), None, "/kind"),
        (
            Interactive(kind="buttons", header=Header(kind="image", media=REF), buttons=(YES,)),
            stored_file("image", "image/png"),
            "/header",
        ),
        (Image(media=REF), stored_file("image", "image/png", 8 * MB + 1), "/media"),
        (Image(media=REF), stored_file("image", "image/gif"), "/media"),
        (Video(media=REF), stored_file("video", "video/3gpp"), "/media"),
        (Video(media=REF), stored_file("video", "video/mp4", 25 * MB + 1), "/media"),
        (Audio(media=REF), stored_file("audio", "audio/ogg"), "/media"),
        (Audio(media=REF), stored_file("audio", "audio/mpeg"), "/media"),
        (DocumentFile(media=REF), stored_file("document", "text/plain"), "/media"),
        (DocumentFile(media=REF), stored_file("document", PDF, 25 * MB + 1), "/media"),
        (Sticker(media=REF), stored_file("sticker", "image/webp"), ""),
        (Template(name="a", language="en"), None, ""),
        (Location(latitude=1, longitude=2), None, ""),
        (Contacts(contacts=()), None, ""),
    ],
)
def test_what_does_not_fit_is_refused_and_the_part_is_named(
    content: AnyContent, media: Media | None, pointer: str
) -> None:
    assert refused(content, media).pointer == "/content" + pointer


def test_a_refusal_of_a_file_does_not_advise_what_would_be_refused_too() -> None:
    hint = refused(Image(media=REF), stored_file("image", "image/webp")).hint or ""
    assert "image/png" in hint
    assert "document" not in hint


def test_somebody_without_an_id_cannot_be_written_to() -> None:
    assert refused(Text(text="x"), to=recipient()).pointer == "/to"
    assert refused(Text(text="x"), to=recipient(identity("psid", "1", channel="messenger"))).pointer == "/to"


def test_what_is_declared_is_what_there_is() -> None:
    assert CAPABILITIES.interactive <= set(KINDS)
    assert CAPABILITIES.text_limit == 1000
    assert not CAPABILITIES.templates
