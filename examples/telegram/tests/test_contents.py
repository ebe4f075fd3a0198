"""What each kind of message says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from patchbay.channel import Malformed
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

from parsed import received
from patchbay_telegram.parse import parse
from updates import GROUP, RICH, UPDATES, file, message, update

NO_PLACE = "There is no place for this kind of message here."


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
    "poll": (
        Unsupported(provider_type="poll", reason=NO_PLACE),
        None,
        {"poll": {"id": "1", "question": "Q?", "options": []}},
    ),
    "dice": (Unsupported(provider_type="dice", reason=NO_PLACE), None, {"dice": {"emoji": "🎲", "value": 3}}),
    "live photo": (
        Image(media=ref("image/jpeg", size=150_000), caption="Look"),
        "id-large",
        {"live_photo": file("live", mime_type="video/mp4", duration=3)},
    ),
    "passport": (Unsupported(provider_type="passport_data", reason=NO_PLACE), None, {}),
    "rich": (
        Text(text="Order\nTwo loaves!\n1. Rye\n2. Spelt\nRye | 4\nLike this\nMore\n2 x 4"),
        None,
        {"rich_message": RICH},
    ),
    "something new": (
        Unsupported(provider_type="hologram", reason="Messages of this kind are not known here."),
        None,
        {"hologram": {"file_id": "x"}},
    ),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_message_says(name: str) -> None:
    content, file_id, context = CONTENTS[name]
    got = received(UPDATES[name])
    assert got.content == content
    assert (got.media.provider_id if got.media else None) == file_id
    assert got.context == context


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


def test_what_no_store_could_hold_is_left_out_and_the_message_is_not() -> None:
    odd = received(update(message=message(hologram={"size": 2**63})))
    assert (odd.content, odd.context) == (CONTENTS["something new"][0], {})


def test_what_stands_around_a_message_is_not_taken_for_what_it_says() -> None:
    tagged = received(update(message=message(GROUP, sender_tag="Baker", hologram={"file_id": "x"})))
    assert tagged.content == CONTENTS["something new"][0]


def test_a_rich_message_without_words_is_told_of_and_kept() -> None:
    blocks = {"blocks": [{"type": "divider"}]}
    got = received(update(message=message(rich_message=blocks)))
    assert isinstance(got.content, Unsupported)
    assert (got.content.provider_type, got.context) == ("rich_message", {"rich_message": blocks})


def test_a_rich_message_that_is_too_deep_is_malformed() -> None:
    deep: Any = "bottom"
    for _ in range(200):
        deep = {"type": "bold", "text": deep}
    (one,) = parse(msgspec.json.encode(update(message=message(rich_message={"blocks": [{"text": deep}]}))))
    assert isinstance(one, Malformed)
    assert one.error == "message: the rich message is nested too deep"
