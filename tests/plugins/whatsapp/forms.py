"""What each content is at WhatsApp: (what it is, the content, the member of the body, and what that holds)."""

from __future__ import annotations

from typing import Any

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

REF = MediaRef(id="med_1")
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
