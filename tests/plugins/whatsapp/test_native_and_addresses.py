"""What is sent in WhatsApp's own form, and files that WhatsApp fetches itself."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.model.content import (
    AnyContent,
    Audio,
    DocumentFile,
    Header,
    Image,
    Interactive,
    MediaRef,
    Native,
    Sticker,
    Video,
)
from patchbay_whatsapp.limits import check
from tests.plugins.whatsapp.contents import TO_PHONE, refused
from tests.plugins.whatsapp.sending import send

AT = "https://files.example.org/a.jpg"
THERE = MediaRef(url=AT, filename="Offer.pdf")
ORDER = {"type": "interactive", "interactive": {"type": "order_details", "action": {"name": "review_and_pay"}}}


@pytest.mark.parametrize(
    ("content", "kind", "part"),
    [
        (Image(media=THERE, caption="New"), "image", {"link": AT, "caption": "New"}),
        (Video(media=THERE), "video", {"link": AT}),
        (Audio(media=THERE), "audio", {"link": AT}),
        (Audio(media=THERE, voice=True), "audio", {"link": AT, "voice": True}),
        (DocumentFile(media=THERE), "document", {"link": AT, "filename": "Offer.pdf"}),
        (Sticker(media=THERE), "sticker", {"link": AT}),
    ],
    ids=["image", "video", "audio", "voice", "document", "sticker"],
)
def test_a_file_is_sent_by_its_address_without_an_upload(content: AnyContent, kind: str, part: Any) -> None:
    check(content, TO_PHONE, None)
    played = send(content)
    (request,) = played.requests
    assert request.json is not None
    assert request.json[kind] == part


def test_a_header_may_be_at_an_address_too() -> None:
    content = Interactive(
        kind="cta_url", header=Header(kind="image", media=THERE), body="Look", button="Open", url="https://example.org"
    )
    check(content, TO_PHONE, None)
    body = send(content).request.json
    assert body is not None
    assert body["interactive"]["header"] == {"type": "image", "image": {"link": AT}}


def test_a_native_message_is_sent_as_it_is() -> None:
    content = Native(payload=ORDER, text="Your order")
    check(content, TO_PHONE, None)
    body = send(content, reply_to="wamid.1").request.json
    assert body is not None
    assert body["type"] == "interactive"
    assert body["interactive"] == ORDER["interactive"]
    assert body["to"] == "+15550001111"
    assert body["context"] == {"message_id": "wamid.1"}
    assert body["biz_opaque_callback_data"]


@pytest.mark.parametrize(
    ("payload", "pointer"),
    [
        ({}, "/content/payload/type"),
        ({"type": "text"}, "/content/payload/type"),
        ({"type": ["text"], "text": {}}, "/content/payload/type"),
        ({**ORDER, "to": "+15559990000"}, "/content/payload/to"),
        ({**ORDER, "recipient": "US.1"}, "/content/payload/recipient"),
    ],
    ids=["empty", "no part", "no type", "to", "recipient"],
)
def test_a_native_message_says_what_and_never_to_whom(payload: dict[str, Any], pointer: str) -> None:
    assert refused(Native(payload=payload)).pointer == pointer
