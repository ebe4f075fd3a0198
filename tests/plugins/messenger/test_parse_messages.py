"""Messages and echoes: what no payload of the collection shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchbay.channel import (
    Ignored,
    InboundEvent,
    Item,
    Malformed,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    RemoteMedia,
)
from patchbay.model.content import (
    Button,
    Card,
    Image,
    Interactive,
    InteractiveReply,
    Location,
    MediaRef,
    Share,
    Sticker,
    Text,
    Unsupported,
)
from patchbay_messenger.parse import parse

PAGE, MARA = "104857600112233", "7300114455667788"
AT = 1_795_167_007_313
URL = "https://cdn.example/1.png"


def parsed(message: Any, *, kind: str = "message", echo: bool = False, **beside: Any) -> tuple[Item | Malformed, ...]:
    sides = [{"id": PAGE}, {"id": MARA}] if echo else [{"id": MARA}, {"id": PAGE}]
    event = {"sender": sides[0], "recipient": sides[1], "timestamp": AT, kind: message, **beside}
    return parse(json.dumps({"object": "page", "entry": [{"id": PAGE, "time": AT, "messaging": [event]}]}).encode())


def events(message: Any, **how: Any) -> list[InboundEvent]:
    return [one.event for one in parsed(message, **how) if isinstance(one, Item)]


def received(**message: Any) -> list[MessageReceived]:
    told = events({"mid": "m_1", **message})
    assert all(isinstance(one, MessageReceived) for one in told)
    return [one for one in told if isinstance(one, MessageReceived)]


def attached(kind: str, payload: Any = None, **beside: Any) -> MessageReceived:
    """The one message with this one attachment."""
    (one,) = received(attachments=[{"type": kind, "payload": payload, **beside}])
    return one


def error(message: Any, **how: Any) -> str:
    (one,) = parsed(message, **how)
    assert isinstance(one, Malformed)
    return one.error


def test_a_text_beside_pictures_is_the_first_part() -> None:
    pictures = [{"type": "image", "payload": {"url": f"https://cdn.example/{n}.png"}} for n in (1, 2)]
    told = received(text="Both, please", attachments=pictures)
    assert [type(one.content) for one in told] == [Text, Image, Image]
    assert [(one.external_id, one.part, one.parts) for one in told] == [("m_1", 0, 3), ("m_1", 1, 3), ("m_1", 2, 3)]
    keys = [one.key for one in parsed({"mid": "m_1", "text": "Both, please", "attachments": pictures})]
    assert keys == ["message:m_1", "message:m_1:1", "message:m_1:2"]


def test_two_links_of_a_text_are_still_one_text() -> None:
    links = [{"type": "fallback", "payload": {"url": f"https://shop.example/{n}", "title": "Tea"}} for n in (1, 2)]
    (one,) = received(text="https://shop.example/1 https://shop.example/2", attachments=links)
    assert one.content == Text(text="https://shop.example/1 https://shop.example/2")
    first, second = ({"url": f"https://shop.example/{n}", "title": "Tea"} for n in (1, 2))
    assert one.context == {"link": first, "links": [second]}


@pytest.mark.parametrize(
    ("attachments", "stickers"),
    [
        ([("image", "1"), ("sticker", "1")], 1),
        ([("sticker", "1"), ("image", "1")], 1),
        ([("image", "1")], 1),
        ([("sticker", "1")], 1),
        ([("image", None), ("sticker", None)], 1),
        ([("image", "2"), ("sticker", "1")], 2),
    ],
    ids=["twins", "twins reversed", "before June 2026", "now", "twins by address", "two"],
)
def test_a_sticker_is_one_sticker_in_all_its_forms(attachments: list[tuple[str, str | None]], stickers: int) -> None:
    urls = {"1": URL, "2": "https://cdn.example/2.png", None: URL}
    told = received(
        attachments=[{"type": kind, "payload": {"url": urls[id], "sticker_id": id}} for kind, id in attachments]
    )
    assert [type(one.content) for one in told] == [Sticker] * stickers
    assert told[0].parts == stickers


def test_a_picture_of_a_message_that_says_it_is_a_sticker_is_one() -> None:
    (one,) = received(sticker_id=369239383222810, attachments=[{"type": "image", "payload": {"url": URL}}])
    assert one.content == Sticker(media=MediaRef(id=""))
    assert one.context == {"sticker_id": "369239383222810", "thumbs_up": "large"}


@pytest.mark.parametrize("payload", [None, {}, {"url": None}, {"url": "ftp://x/y"}, {"url": "http://["}, "x"], ids=str)
def test_media_without_a_usable_address_says_so(payload: Any) -> None:
    for kind in ("image", "video", "audio", "file", "sticker"):
        assert attached(kind, payload).media == RemoteMedia(error="The message names no file.")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://cdn.example/a/Rechnung%202291.pdf?dl=1", "Rechnung 2291.pdf"),
        ("https://cdn.example/a/no-extension", None),
        ("https://cdn.example/a/", None),
        ("https://cdn.example", None),
        ("https://cdn.example/a/..", None),
        ("https://cdn.example/a/b%2Fc.pdf", "c.pdf"),
        ("https://cdn.example/a/%0Ax.pdf", "x.pdf"),
        ("https://cdn.example/a/x%00y.pdf", None),
    ],
)
def test_a_file_s_name_is_the_last_step_of_its_address(url: str, name: str | None) -> None:
    assert attached("file", {"url": url}).media == RemoteMedia(url=url, filename=name)


@pytest.mark.parametrize(
    "payload", [None, {}, {"coordinates": {"lat": 91, "long": 4}}, {"coordinates": {"lat": "nan"}}]
)
def test_a_location_without_coordinates_is_shown_as_unsupported(payload: Any) -> None:
    content = attached("location", payload).content
    assert content == Unsupported(provider_type="location", reason="The location has no coordinates.")


def test_coordinates_may_be_texts() -> None:
    assert attached("location", {"coordinates": {"lat": "52.5", "long": "-4"}}).content == Location(
        latitude=52.5, longitude=-4.0
    )


@pytest.mark.parametrize(
    ("kind", "url", "shown"),
    [
        ("reel", "/reel/12/", "https://www.facebook.com/reel/12/"),
        ("ig_reel", "/reel/12/", "https://www.instagram.com/reel/12/"),
        ("post", "//www.facebook.com/1", "https://www.facebook.com/1"),
        ("ig_post", "https://www.instagram.com/p/1/", "https://www.instagram.com/p/1/"),
        ("post", "javascript:alert(1)", None),
    ],
)
def test_what_is_shared_has_an_address_of_the_web(kind: str, url: str, shown: str | None) -> None:
    assert attached(kind, {"url": url, "title": "Tea"}).content == Share(url=shown, title="Tea")


def test_a_share_of_nothing_is_unsupported() -> None:
    assert attached("reel", {}).content == Unsupported(provider_type="reel", reason="It does not say what was shared.")


def test_an_attachment_that_nobody_knows_keeps_its_name_and_address() -> None:
    one = attached("hologram", {"url": URL})
    assert one.content == Unsupported(provider_type="hologram", reason="Attachments of this kind are not known here.")
    assert one.context == {"url": URL}


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, {"type": None}], ids=str)
def test_an_odd_attachment_is_shown_and_costs_only_itself(odd: Any) -> None:
    first, second = received(attachments=[{"type": "image", "payload": {"url": URL}}, odd])
    assert isinstance(first.content, Image)
    assert second.content == Unsupported(provider_type="attachment", reason="The attachment does not say what it is.")


def test_an_attachment_that_cannot_be_stored_costs_only_itself() -> None:
    booking = {"type": "appointment_booking", "payload": {"status": "requested", "booking_id": 10**30}}
    first, second = parsed({"mid": "m_1", "attachments": [{"type": "image", "payload": {"url": URL}}, booking]})
    assert isinstance(first, Item)
    assert isinstance(second, Malformed)
    assert (second.key, second.error) == ("message:m_1:1", "a number in it is larger than 64 bits")


def test_templates_are_what_they_show() -> None:
    button = {"type": "postback", "title": "Call me", "payload": "call"}
    element = {
        "title": "Tin",
        "default_action": {"type": "web_url", "url": "https://shop.example/"},
        "buttons": [button],
    }
    card = Card(title="Tin", url="https://shop.example/", buttons=(Button(id="call", title="Call me"),))
    for payload in ({"template_type": "generic", "elements": [element]}, {"generic": {"elements": [element]}}):
        assert attached("template", payload).content == Interactive(kind="generic", cards=(card,))
    products = {"product": {"elements": [{"id": 1, "title": "Tin"}, {"id": 2, "retailer_id": "SKU-2", "title": "Cup"}]}}
    assert attached("template", products).content == Interactive(
        kind="product_list",
        cards=(Card(title="Tin", product_id="1"), Card(title="Cup", product_id="SKU-2")),
        parameters={"ids": ["1", "2"]},
    )


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"template_type": "receipt", "recipient_name": "Noor"}, "template.receipt"),
        ({"template_type": "receipt", "elements": [{"title": "Tin"}]}, "template.receipt"),
        ({"product": {"elements": []}}, "template.product"),
        ({"template_type": "button"}, "template.button"),
        ({}, "template"),
        (None, "template"),
    ],
    ids=str,
)
def test_a_template_that_cannot_be_shown_keeps_its_type(payload: Any, named: str) -> None:
    content = attached("template", payload).content
    assert isinstance(content, Unsupported)
    assert content.provider_type == named


def test_a_quick_reply_without_a_text_or_a_payload_is_one_all_the_same() -> None:
    (one,) = received(quick_reply={"payload": "flavour:oolong"})
    assert one.content == InteractiveReply(kind="quick_reply", id="flavour:oolong")
    (other,) = received(text="noor@shop.example", quick_reply={"content_type": "user_email"})
    assert other.content == InteractiveReply(kind="quick_reply", title="noor@shop.example")


def test_what_a_platform_withholds_is_shown_as_unsupported() -> None:
    (one,) = received(is_unsupported=True)
    assert isinstance(one.content, Unsupported)
    assert one.content.provider_type == "unsupported"


def test_a_deletion_takes_the_message_with_that_mid() -> None:
    (one,) = events({"mid": "m_1", "is_deleted": True})
    assert one == MessageDeleted(occurred_at=one.occurred_at, external_id="delete:m_1", target="m_1")
    (other,) = events({"mid": "m_1", "is_deleted": True, "is_echo": True}, echo=True)
    assert isinstance(other, MessageDeleted)
    assert other.by_business


def test_an_echo_of_several_pictures_is_several_parts_with_one_reference() -> None:
    pictures = [{"type": "image", "payload": {"url": URL}}] * 2
    told = events({"mid": "m_1", "is_echo": True, "metadata": "ref", "attachments": pictures}, echo=True)
    assert [(one.reference, one.part, one.parts) for one in told if isinstance(one, MessageEchoed)] == [
        ("ref", 0, 2),
        ("ref", 1, 2),
    ]


def test_an_echo_and_a_message_with_one_mid_have_two_keys() -> None:
    (said,), (echo,) = parsed({"mid": "m_1", "text": "Hi"}), parsed({"mid": "m_1", "text": "Hi"}, echo=True)
    assert (said.key, echo.key) == ("message:m_1", "echo:m_1")


def test_an_echo_without_content_is_shown_too() -> None:
    (one,) = events({"mid": "m_1", "is_echo": True}, echo=True)
    assert isinstance(one, MessageEchoed)
    assert one.content == Unsupported(provider_type="empty", reason="The message came without its content.")


def test_what_the_page_writes_to_itself_is_ignored() -> None:
    (one,) = events({"mid": "m_1", "is_echo": True, "text": "Note"}, echo=True, recipient={"id": PAGE})
    assert isinstance(one, Ignored)


@pytest.mark.parametrize(("num_edit", "key"), [(2, "edit:m_1:2"), ("2", "edit:m_1:2"), (0, "edit:m_1:0")])
def test_each_edit_of_a_message_has_its_own_key(num_edit: Any, key: str) -> None:
    (one,) = events({"mid": "m_1", "text": "", "num_edit": num_edit}, kind="message_edit")
    assert isinstance(one, MessageEdited)
    assert (one.external_id, one.target, one.content, one.by_business) == (key, "m_1", Text(text=""), False)


@pytest.mark.parametrize("name", ["message", "message_edit", "reaction"])
def test_without_a_mid_nothing_can_be_placed(name: str) -> None:
    assert "message" in error({"text": "Hi", "action": "react", "emoji": "x"}, kind=name)


def test_without_a_person_nothing_can_be_placed() -> None:
    assert error({"mid": "m_1", "text": "Hi"}, sender=None) == "nobody is named: there is no id of a person"


def test_a_message_of_a_website_s_visitor_before_they_have_an_id_is_theirs() -> None:
    (one,) = events({"mid": "m_1", "text": "Hi"}, sender={"user_ref": "r-1"})
    assert isinstance(one, MessageReceived)
    assert [(key.kind, key.value, key.scope) for key in one.sender.keys] == [("external", "user_ref:r-1", "account")]
