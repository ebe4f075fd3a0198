"""Every outbound type against the JSON of the Messages reference."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from patchbay.channel import ApiResponse, IdentityKey, Recipient, SendReceipt
from patchbay.errors import (
    AccountBroken,
    MediaRefused,
    OutcomeUnknown,
    RecipientUnreachable,
    Rejected,
    Unavailable,
)
from patchbay.model.content import (
    AnyContent,
    Audio,
    Button,
    Card,
    ContactCard,
    ContactPhone,
    Contacts,
    DocumentFile,
    Header,
    Image,
    Interactive,
    Location,
    MediaRef,
    Row,
    Section,
    Sticker,
    Template,
    Text,
    Video,
)
from patchbay.testing.outbound import account, identity, outgoing, recipient, stored_file
from patchbay.testing.play import Played, answer, play
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.payloads import content_part
from patchbay_whatsapp.settings import WhatsAppSettings

CHANNEL = WhatsAppChannel(WhatsAppSettings())
ACCOUNT = account("whatsapp", "401000000000001", "301000000000001")
PHONE = identity("phone", "+15550001111", channel="whatsapp")
USER = identity("wa_bsuid", "US.20260001112223334445", channel="whatsapp")
PARENT = identity("wa_parent_bsuid", "US.ENT.70011122233344455566", channel="whatsapp")
GROUP = identity("wa_group", "120363000000000001", channel="whatsapp")
TO_PHONE = recipient(PHONE)
SENT = answer(
    messaging_product="whatsapp",
    contacts=[{"input": "+15550001111", "wa_id": "15550001111", "user_id": "US.20260001112223334445"}],
    messages=[{"id": "wamid.SENT", "message_status": "accepted"}],
)
REF = MediaRef(id="med_1")


def send(
    content: AnyContent, to: Recipient = TO_PHONE, *, response: ApiResponse = SENT, **more: Any
) -> Played[SendReceipt]:
    return play(CHANNEL.send(ACCOUNT, outgoing(content, to, **more)), response)


def test_a_text_is_one_post_with_our_reference() -> None:
    sent = send(Text(text="Hello"))
    assert sent.request.method == "POST"
    assert sent.request.path == "/401000000000001/messages"
    assert sent.request.effect
    assert sent.request.authorise
    assert sent.request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+15550001111",
        "type": "text",
        "text": {"body": "Hello", "preview_url": False},
        "biz_opaque_callback_data": "ref_1",
    }
    assert sent.result.external_id == "wamid.SENT"
    assert sent.result.state == "accepted"
    assert sent.result.response == SENT.body
    assert sent.result.uploaded is None


def test_a_reply_names_the_message_that_it_answers() -> None:
    body = send(Text(text="Yes"), reply_to="wamid.BEFORE").request.json
    assert body is not None
    assert body["context"] == {"message_id": "wamid.BEFORE"}


def test_an_identity_key_is_sent_along_when_asked_for() -> None:
    body = send(Text(text="Yes"), options={"recipient_identity_key_hash": "hash", "other": 1}).request.json
    assert body is not None
    assert body["recipient_identity_key_hash"] == "hash"
    assert "other" not in body


@pytest.mark.parametrize(
    ("to", "address"),
    [
        (recipient(USER, PHONE, PARENT), {"recipient_type": "individual", "to": "+15550001111"}),
        (
            recipient(identity("phone", "15550001111", channel="whatsapp")),
            {"recipient_type": "individual", "to": "+15550001111"},
        ),
        (recipient(PARENT, USER), {"recipient_type": "individual", "recipient": "US.20260001112223334445"}),
        (recipient(PARENT), {"recipient_type": "individual", "recipient": "US.ENT.70011122233344455566"}),
        (recipient(GROUP), {"recipient_type": "group", "to": "120363000000000001"}),
        (
            recipient(identity("phone", "+15550001111", channel="whatsapp", status="superseded"), USER),
            {"recipient_type": "individual", "recipient": "US.20260001112223334445"},
        ),
        (
            recipient(identity("phone", "", channel="whatsapp"), USER),
            {"recipient_type": "individual", "recipient": "US.20260001112223334445"},
        ),
    ],
)
def test_the_phone_goes_first_then_the_user_id(to: Recipient, address: dict[str, str]) -> None:
    body = send(Text(text="Hi"), to).request.json
    assert body is not None
    assert {key: body[key] for key in ("recipient_type", "to", "recipient") if key in body} == address


@pytest.mark.parametrize("to", [recipient(), recipient(identity("phone", " ", channel="whatsapp"))])
def test_nothing_is_sent_to_nobody(to: Recipient) -> None:
    with pytest.raises(RecipientUnreachable):
        play(CHANNEL.send(ACCOUNT, outgoing(Text(text="Hi"), to)))


CONTENTS: list[tuple[str, AnyContent, str, Any]] = [
    ("link preview", Text(text="x", preview_url=True), "text", {"body": "x", "preview_url": True}),
    ("image", Image(media=REF, caption="Look"), "image", {"id": "900", "caption": "Look"}),
    ("video", Video(media=REF), "video", {"id": "900"}),
    ("audio", Audio(media=REF), "audio", {"id": "900"}),
    ("voice", Audio(media=REF, voice=True), "audio", {"id": "900", "voice": True}),
    (
        "document",
        DocumentFile(media=MediaRef(id="med_1", filename="offer.pdf"), caption="Ours"),
        "document",
        {"id": "900", "caption": "Ours", "filename": "offer.pdf"},
    ),
    ("sticker", Sticker(media=REF), "sticker", {"id": "900"}),
    ("location", Location(latitude=38.7, longitude=-9.1), "location", {"latitude": 38.7, "longitude": -9.1}),
    (
        "place",
        Location(latitude=38.7, longitude=-9.1, name="Office", address="Rua 1"),
        "location",
        {"latitude": 38.7, "longitude": -9.1, "name": "Office", "address": "Rua 1"},
    ),
    (
        "contacts",
        Contacts(
            contacts=(
                ContactCard(
                    formatted_name="Mara Voss",
                    first_name="Mara",
                    last_name="Voss",
                    phones=(ContactPhone(phone="+1 555 000 1111", type="CELL", wa_id="15550001111"),),
                    extra={"emails": [{"email": "m@example.org"}], "name": {"prefix": "Dr"}, "birthday": "1990-01-31"},
                ),
            )
        ),
        "contacts",
        [
            {
                "name": {"formatted_name": "Mara Voss", "first_name": "Mara", "last_name": "Voss", "prefix": "Dr"},
                "phones": [{"phone": "+1 555 000 1111", "type": "CELL", "wa_id": "15550001111"}],
                "emails": [{"email": "m@example.org"}],
                "birthday": "1990-01-31",
            }
        ],
    ),
    (
        "buttons",
        Interactive(
            kind="buttons",
            body="Coming?",
            header=Header(text="Party"),
            footer="RSVP",
            buttons=(Button(id="y", title="Yes"), Button(id="n", title="No")),
        ),
        "interactive",
        {
            "type": "button",
            "header": {"type": "text", "text": "Party"},
            "body": {"text": "Coming?"},
            "footer": {"text": "RSVP"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "y", "title": "Yes"}},
                    {"type": "reply", "reply": {"id": "n", "title": "No"}},
                ]
            },
        },
    ),
    (
        "buttons below a document",
        Interactive(
            kind="buttons",
            body="Sign?",
            header=Header(kind="document", media=MediaRef(id="med_1", filename="c.pdf")),
            buttons=(Button(id="y", title="Yes"),),
        ),
        "interactive",
        {
            "type": "button",
            "header": {"type": "document", "document": {"id": "900", "filename": "c.pdf"}},
            "body": {"text": "Sign?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]},
        },
    ),
    (
        "list",
        Interactive(
            kind="list",
            body="Choose",
            button="Menu",
            sections=(
                Section(title="Hot", rows=(Row(id="1", title="Tea", description="Green"), Row(id="2", title="Mate"))),
            ),
        ),
        "interactive",
        {
            "type": "list",
            "body": {"text": "Choose"},
            "action": {
                "button": "Menu",
                "sections": [
                    {
                        "title": "Hot",
                        "rows": [{"id": "1", "title": "Tea", "description": "Green"}, {"id": "2", "title": "Mate"}],
                    }
                ],
            },
        },
    ),
    (
        "cta_url",
        Interactive(kind="cta_url", body="Track it", button="Open", url="https://example.org/t/1"),
        "interactive",
        {
            "type": "cta_url",
            "body": {"text": "Track it"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.org/t/1"}},
        },
    ),
    (
        "flow",
        Interactive(
            kind="flow", body="Book", button="Start", parameters={"flow_id": "77", "flow_token": "t", "mode": "draft"}
        ),
        "interactive",
        {
            "type": "flow",
            "body": {"text": "Book"},
            "action": {
                "name": "flow",
                "parameters": {
                    "flow_message_version": "3",
                    "flow_id": "77",
                    "flow_token": "t",
                    "flow_action": "navigate",
                    "mode": "draft",
                    "flow_cta": "Start",
                },
            },
        },
    ),
    (
        "location_request",
        Interactive(kind="location_request", body="Where?"),
        "interactive",
        {"type": "location_request_message", "body": {"text": "Where?"}, "action": {"name": "send_location"}},
    ),
    (
        "contact_request",
        Interactive(kind="contact_request", body="Your number?"),
        "interactive",
        {"type": "request_contact_info", "body": {"text": "Your number?"}, "action": {"name": "request_contact_info"}},
    ),
    (
        "address",
        Interactive(kind="address", body="Where to?", parameters={"country": "IN", "values": {"name": "Mara"}}),
        "interactive",
        {
            "type": "address_message",
            "body": {"text": "Where to?"},
            "action": {"name": "address_message", "parameters": {"country": "IN", "values": {"name": "Mara"}}},
        },
    ),
    (
        "product",
        Interactive(kind="product", catalog_id="c1", product_id="sku-1"),
        "interactive",
        {"type": "product", "action": {"catalog_id": "c1", "product_retailer_id": "sku-1"}},
    ),
    (
        "product_list",
        Interactive(
            kind="product_list",
            body="Ours",
            header=Header(text="Sale"),
            catalog_id="c1",
            sections=(Section(title="A", product_ids=("1", "2")),),
        ),
        "interactive",
        {
            "type": "product_list",
            "header": {"type": "text", "text": "Sale"},
            "body": {"text": "Ours"},
            "action": {
                "catalog_id": "c1",
                "sections": [
                    {"title": "A", "product_items": [{"product_retailer_id": "1"}, {"product_retailer_id": "2"}]}
                ],
            },
        },
    ),
    (
        "catalog",
        Interactive(kind="catalog", body="All we have", product_id="sku-1"),
        "interactive",
        {
            "type": "catalog_message",
            "body": {"text": "All we have"},
            "action": {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": "sku-1"}},
        },
    ),
    (
        "catalog without a picture",
        Interactive(kind="catalog", body="All we have"),
        "interactive",
        {"type": "catalog_message", "body": {"text": "All we have"}, "action": {"name": "catalog_message"}},
    ),
    (
        "carousel of links",
        Interactive(
            kind="carousel",
            body="Rooms",
            cards=(
                Card(
                    body="One", image_url="https://e.org/1.jpg", buttons=(Button(title="See", url="https://e.org/1"),)
                ),
                Card(image_url="https://e.org/2.jpg", url="https://e.org/2", buttons=(Button(title="See"),)),
            ),
        ),
        "interactive",
        {
            "type": "carousel",
            "body": {"text": "Rooms"},
            "action": {
                "cards": [
                    {
                        "card_index": 0,
                        "type": "cta_url",
                        "header": {"type": "image", "image": {"link": "https://e.org/1.jpg"}},
                        "body": {"text": "One"},
                        "action": {
                            "name": "cta_url",
                            "parameters": {"display_text": "See", "url": "https://e.org/1"},
                        },
                    },
                    {
                        "card_index": 1,
                        "type": "cta_url",
                        "header": {"type": "image", "image": {"link": "https://e.org/2.jpg"}},
                        "action": {
                            "name": "cta_url",
                            "parameters": {"display_text": "See", "url": "https://e.org/2"},
                        },
                    },
                ]
            },
        },
    ),
    (
        "carousel of products",
        Interactive(kind="carousel", body="Shoes", catalog_id="c1", cards=(Card(product_id="1"), Card(product_id="2"))),
        "interactive",
        {
            "type": "carousel",
            "body": {"text": "Shoes"},
            "action": {
                "cards": [
                    {
                        "card_index": 0,
                        "type": "product",
                        "action": {"product_retailer_id": "1", "catalog_id": "c1"},
                    },
                    {
                        "card_index": 1,
                        "type": "product",
                        "action": {"product_retailer_id": "2", "catalog_id": "c1"},
                    },
                ]
            },
        },
    ),
    (
        "voice_call",
        Interactive(kind="voice_call", body="Call us", button="Call", parameters={"ttl_minutes": 100}),
        "interactive",
        {
            "type": "voice_call",
            "body": {"text": "Call us"},
            "action": {"name": "voice_call", "parameters": {"ttl_minutes": 100, "display_text": "Call"}},
        },
    ),
    (
        "call_permission_request",
        Interactive(kind="call_permission_request", body="May we call?"),
        "interactive",
        {
            "type": "call_permission_request",
            "body": {"text": "May we call?"},
            "action": {"name": "call_permission_request"},
        },
    ),
    (
        "template",
        Template(name="hello", language="en_US"),
        "template",
        {"name": "hello", "language": {"code": "en_US"}},
    ),
    (
        "template with numbers",
        Template(
            name="order",
            language="en",
            variables={"2": "42", "1": "Mara", "10": "x"} | {str(n): "y" for n in range(3, 10)},
        ),
        "template",
        {
            "name": "order",
            "language": {"code": "en"},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": text} for text in ["Mara", "42", *["y"] * 7, "x"]],
                }
            ],
        },
    ),
    (
        "template with names",
        Template(name="order", language="en", variables={"first_name": "Mara", "order_2": "42"}),
        "template",
        {
            "name": "order",
            "language": {"code": "en"},
            "components": [
                {
                    "type": "body",
                    "parameters": [
                        {"type": "text", "parameter_name": "first_name", "text": "Mara"},
                        {"type": "text", "parameter_name": "order_2", "text": "42"},
                    ],
                }
            ],
        },
    ),
    (
        "template whose components hold a body",
        Template(
            name="order",
            language="en",
            variables={"1": "ignored"},
            components=({"type": "BODY", "parameters": [{"type": "text", "text": "wins"}]},),
        ),
        "template",
        {
            "name": "order",
            "language": {"code": "en"},
            "components": [{"type": "BODY", "parameters": [{"type": "text", "text": "wins"}]}],
        },
    ),
    (
        "template whose components hold a header",
        Template(
            name="order",
            language="en",
            variables={"1": "Mara"},
            components=({"type": "header", "parameters": [{"type": "image", "image": {"id": "5"}}]},),
        ),
        "template",
        {
            "name": "order",
            "language": {"code": "en"},
            "components": [
                {"type": "header", "parameters": [{"type": "image", "image": {"id": "5"}}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Mara"}]},
            ],
        },
    ),
]


@pytest.mark.parametrize(("content", "kind", "part"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_a_content_becomes_the_providers_own_form(content: AnyContent, kind: str, part: Any) -> None:
    body = send(content, provider_media_id="900").request.json
    assert body is not None
    assert body["type"] == kind
    assert body[kind] == part


@pytest.mark.parametrize("content", [row[1] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_what_the_reference_shows_passes_the_check(content: AnyContent) -> None:
    types = {
        "image": "image/jpeg",
        "video": "video/mp4",
        "audio": "audio/ogg",
        "document": "application/pdf",
        "sticker": "image/webp",
    }
    kind, _ = content_part(content, "900")
    CHANNEL.check(content, TO_PHONE, stored_file("document", types.get(kind, "application/pdf")))


def test_a_file_is_uploaded_first_and_its_id_is_kept() -> None:
    file = stored_file("image", "image/jpeg", filename="cat.jpg")
    flow = CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE, media=file))
    upload, message = (played := play(flow, answer(id="900"), SENT)).requests
    assert (upload.method, upload.path, upload.effect) == ("POST", "/401000000000001/media", False)
    assert upload.form == {"messaging_product": "whatsapp", "type": "image/jpeg"}
    assert upload.json is None
    assert upload.file is not None
    assert (upload.file.field, upload.file.filename, upload.file.content_type) == ("file", "cat.jpg", "image/jpeg")
    assert upload.file.media is file
    assert message.json is not None
    assert message.json["image"] == {"id": "900"}
    assert played.result.uploaded is not None
    assert played.result.uploaded.media_id == "med_1"
    assert played.result.uploaded.provider_media_id == "900"
    assert played.result.uploaded.lifetime == timedelta(days=30)


@pytest.mark.parametrize(
    ("kind", "mime_type", "name", "content_type"),
    [
        ("audio", "audio/ogg", "audio.ogg", "audio/ogg; codecs=opus"),
        ("audio", "audio/ogg; codecs=opus", "audio.ogg", "audio/ogg; codecs=opus"),
        ("document", "application/pdf", "document.pdf", "application/pdf"),
        ("document", None, "document.bin", "application/octet-stream"),
    ],
)
def test_a_file_without_a_name_gets_one(kind: Any, mime_type: str | None, name: str, content_type: str) -> None:
    content = Audio(media=REF) if kind == "audio" else DocumentFile(media=REF)
    flow = CHANNEL.send(ACCOUNT, outgoing(content, TO_PHONE, media=stored_file(kind, mime_type)))
    upload = play(flow, answer(id="900"), SENT).requests[0]
    assert upload.file is not None
    assert (upload.file.filename, upload.file.content_type) == (name, content_type)


def test_a_header_is_uploaded_like_any_file() -> None:
    content = Interactive(
        kind="buttons", body="x", header=Header(kind="image", media=REF), buttons=(Button(id="1", title="1"),)
    )
    flow = CHANNEL.send(ACCOUNT, outgoing(content, TO_PHONE, media=stored_file("image", "image/png")))
    message = play(flow, answer(id=900), SENT).requests[1]
    assert message.json is not None
    assert message.json["interactive"]["header"] == {"type": "image", "image": {"id": "900"}}


def test_a_file_that_nobody_stored_is_refused_before_any_request() -> None:
    with pytest.raises(MediaRefused):
        play(CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE)))


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (answer(), Unavailable),
        (answer(id=""), Unavailable),
        (answer(id=None), Unavailable),
        (answer(400, error={"code": 131053}), Unavailable),
        (answer(400, error={"code": 190}), AccountBroken),
        (answer(504), Unavailable),
    ],
)
def test_an_upload_that_fails_sends_nothing(response: ApiResponse, kind: type[Exception]) -> None:
    flow = CHANNEL.send(ACCOUNT, outgoing(Image(media=REF), TO_PHONE, media=stored_file("image", "image/png")))
    with pytest.raises(kind):
        play(flow, response)


def test_the_answer_links_phone_and_user_id() -> None:
    assert send(Text(text="x")).result.recipient_keys == (
        IdentityKey(kind="phone", value="+15550001111"),
        IdentityKey(kind="wa_bsuid", value="US.20260001112223334445", scope="portfolio"),
    )


@pytest.mark.parametrize(
    ("contacts", "keys"),
    [
        ([{"input": "x", "wa_id": "15550001111"}], ["phone"]),
        ([{"input": "x", "user_id": "US.1"}], ["wa_bsuid"]),
        ([{"input": "x", "wa_id": "US.1"}], ["wa_bsuid"]),
        ([{"input": "x", "wa_id": "", "user_id": None}], []),
        ([{"wa_id": 5}], []),
        ([], []),
        (None, []),
        ("x", []),
        (["x"], []),
    ],
)
def test_odd_contacts_in_the_answer_cost_nothing(contacts: Any, keys: list[str]) -> None:
    response = answer(contacts=contacts, messages=[{"id": "wamid.1"}])
    assert [key.kind for key in send(Text(text="x"), response=response).result.recipient_keys] == keys


def test_a_group_is_nobodys_phone() -> None:
    response = answer(
        contacts=[{"input": "120363000000000001", "wa_id": "120363000000000001"}],
        messages=[{"id": "wamid.1", "group_id": "120363000000000001"}],
    )
    assert send(Text(text="x"), recipient(GROUP), response=response).result.recipient_keys == ()


@pytest.mark.parametrize("status", ["accepted", "held_for_quality_assessment", "paused"])
def test_a_paced_template_is_accepted_and_says_so(status: str) -> None:
    response = answer(messages=[{"id": "wamid.1", "message_status": status}])
    result = send(Template(name="sale", language="en"), response=response).result
    assert (result.state, result.external_id) == ("accepted", "wamid.1")
    assert result.response["messages"][0]["message_status"] == status


@pytest.mark.parametrize(
    "response",
    [answer(), answer(messages=[]), answer(messages=[{}]), answer(messages=[{"id": ""}]), answer(messages={"id": "x"})],
)
def test_an_answer_without_an_id_may_have_sent_it(response: ApiResponse) -> None:
    with pytest.raises(OutcomeUnknown):
        send(Text(text="x"), response=response)


def test_an_error_inside_a_good_status_is_an_error() -> None:
    with pytest.raises(Rejected) as caught:
        send(Text(text="x"), response=answer(200, error={"code": 131009, "message": "No."}))
    assert caught.value.provider_code == "131009"


def test_a_reaction_is_set_and_taken_back() -> None:
    set_one = play(CHANNEL.react(ACCOUNT, TO_PHONE, "wamid.X", "👍"), SENT)
    assert set_one.request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+15550001111",
        "type": "reaction",
        "reaction": {"message_id": "wamid.X", "emoji": "👍"},
    }
    assert set_one.request.effect
    assert set_one.result.external_id == "wamid.SENT"
    taken = play(CHANNEL.react(ACCOUNT, TO_PHONE, "wamid.X", None), SENT).request.json
    assert taken is not None
    assert taken["reaction"] == {"message_id": "wamid.X", "emoji": ""}


def test_a_message_is_marked_read() -> None:
    request = play(CHANNEL.mark_read(ACCOUNT, TO_PHONE, "wamid.X"), answer(success=True)).request
    assert request.json == {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}
    assert not request.effect


def test_typing_is_shown_on_the_last_message_and_needs_one() -> None:
    request = play(CHANNEL.typing(ACCOUNT, TO_PHONE, "wamid.X"), answer(success=True)).request
    assert request.json == {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.X",
        "typing_indicator": {"type": "text"},
    }
    assert play(CHANNEL.typing(ACCOUNT, TO_PHONE, None)).requests == ()


def test_a_strange_account_id_stays_one_segment_of_the_path() -> None:
    odd = account("whatsapp", "../me?x=")
    request = play(CHANNEL.send(odd, outgoing(Text(text="x"), TO_PHONE)), SENT).request
    assert request.path == "/..%2Fme%3Fx%3D/messages"
