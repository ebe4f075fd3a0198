"""Contents that are built of nothing but the model: one of each kind, and those that no provider takes. No IO."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from msgspec.structs import replace

from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    ContactCard,
    Contacts,
    DocumentFile,
    Image,
    Interactive,
    InteractiveKind,
    InteractiveReply,
    Location,
    MediaRef,
    Native,
    Order,
    Share,
    Sticker,
    StoryMention,
    StoryReply,
    SystemNotice,
    Template,
    Text,
    Unsupported,
    Video,
)
from patchbay.testing.channel_samples import ContentSample
from patchbay.testing.outbound import stored_file

ENDLESS = 200_000  # characters, more than any provider takes in one field
MANY = 500  # of anything in a list
FILE = MediaRef(id="med_1")

ANY_CONTENTS: tuple[ContentSample, ...] = (
    ContentSample(Text(text="Hello")),
    ContentSample(Image(media=FILE), stored_file("image", "image/jpeg")),
    ContentSample(Video(media=FILE), stored_file("video", "video/mp4")),
    ContentSample(Audio(media=FILE), stored_file("audio", "audio/mpeg")),
    ContentSample(DocumentFile(media=FILE), stored_file("document", "application/pdf")),
    ContentSample(Sticker(media=FILE), stored_file("sticker", "image/webp")),
    ContentSample(Location(latitude=50.1, longitude=8.6)),
    ContentSample(Contacts(contacts=(ContactCard(formatted_name="Mara Voss", first_name="Mara"),))),
    *(
        ContentSample(Interactive(kind=kind, body="Choose", buttons=(Button(id="1", title="One"),)))
        for kind in get_args(InteractiveKind)
    ),
    ContentSample(InteractiveReply(kind="button", id="1", title="One")),
    ContentSample(Template(name="order_update", language="en")),
    ContentSample(StoryReply(text="Nice")),
    ContentSample(StoryMention(text="Nice")),
    ContentSample(Share(url="https://shop.example/1")),
    ContentSample(Order(text="Two, please")),
    ContentSample(SystemNotice(notice="call")),
    ContentSample(Native(payload={"type": "hologram", "hologram": {"id": "1"}}, text="A hologram")),
    ContentSample(Unsupported(provider_type="hologram")),
)


def endless(content: AnyContent) -> Iterator[tuple[str, AnyContent]]:
    """The content with one field after the other beyond what any provider takes."""
    text = "x" * ENDLESS
    match content:
        case Text():
            yield "an endless text", replace(content, text=text)
        case Image() | Video() | DocumentFile():
            yield "an endless caption", replace(content, caption=text)
        case Location():
            yield "a latitude of 91", replace(content, latitude=91.0)
            yield "a longitude that is no number", replace(content, longitude=float("nan"))
        case Contacts():
            yield "no card", replace(content, contacts=())
        case Template():
            yield "an endless name", replace(content, name=text)
        case Interactive():
            yield "an endless body", replace(content, body=text)
            for field in ("buttons", "sections", "cards"):
                if held := getattr(content, field):
                    yield f"{MANY} {field}", replace(content, **{field: held[:1] * MANY})
        case _:
            return
