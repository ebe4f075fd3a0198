"""Messages and their oddities: when they were written, and what each type says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from patchbay.channel import (
    IdentityKey,
    Ignored,
    Item,
    Malformed,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    Person,
    ReactionChanged,
)
from patchbay.model.content import (
    Audio,
    ContactCard,
    ContactPhone,
    Contacts,
    Image,
    InteractiveReply,
    Location,
    MediaRef,
    Order,
    OrderItem,
    Text,
    Unsupported,
)
from patchbay_whatsapp.parse import parse
from tests.plugins.whatsapp.updates import NOON, NOON_S, PHONE, error, event, message, webhook


def content(kind: str, payload: Any, **fields: Any) -> Any:
    received = event(message(kind, **{kind: payload}, **fields))
    assert isinstance(received, MessageReceived)
    return received.content


@pytest.mark.parametrize(
    ("timestamp", "moment"),
    [
        (str(NOON_S), NOON),
        (NOON_S, NOON),
        (float(NOON_S), NOON),
        (f"{NOON_S}.0", NOON),
        (str(NOON_S * 1000), NOON),
        (NOON_S * 1000 + 7, NOON.replace(microsecond=7000)),
    ],
)
def test_a_timestamp_is_seconds_or_milliseconds_as_text_or_number(timestamp: Any, moment: datetime) -> None:
    assert event(message(timestamp=timestamp)).occurred_at == moment


UNUSABLE: list[Any] = [None, "", "yesterday", 0, "0", -5, 12, 10**18, 10**400, "9" * 5000, "nan", "inf", True, [], {}]


@pytest.mark.parametrize("timestamp", UNUSABLE, ids=range(len(UNUSABLE)))
def test_without_a_usable_timestamp_the_entry_says_when_or_nobody_does(timestamp: Any) -> None:
    given = message(timestamp=timestamp)
    (item,) = parse(webhook(given, entry={"time": NOON_S}))
    assert isinstance(item, Item)
    assert item.event.occurred_at == NOON
    assert error(given) == "there is no usable timestamp"


def test_context_says_what_it_answers_and_that_it_was_forwarded() -> None:
    answer = event(message(context={"from": "15550009999", "id": "wamid.Q"}))
    assert (answer.reply_to, answer.forwarded, answer.frequently_forwarded) == ("wamid.Q", False, False)
    forwarded = event(message(context={"forwarded": True}))
    assert (forwarded.reply_to, forwarded.forwarded, forwarded.frequently_forwarded) == (None, True, False)
    often = event(message(context={"frequently_forwarded": True}))
    assert (often.reply_to, often.forwarded, often.frequently_forwarded) == (None, True, True)


@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker", "voice"])
def test_a_file_is_remembered_with_its_lifetime_and_bound_later(kind: str) -> None:
    payload = {"id": "77", "mime_type": "a/b", "sha256": "s=", "url": "https://example.com/f", "filename": "f.x"}
    received = event(message(kind, **{kind: payload}))
    assert received.content.media == MediaRef(id="", mime_type="a/b", filename="f.x")
    assert (received.media.provider_id, received.media.url) == ("77", "https://example.com/f")
    assert (received.media.sha256, received.media.lifetime_s, received.media.error) == ("s=", 7 * 86_400, None)


def test_the_old_voice_type_is_an_audio_with_voice() -> None:
    assert content("voice", {"id": "77"}) == Audio(media=MediaRef(id=""), voice=True)


def test_a_file_that_meta_lost_keeps_its_message_and_says_why() -> None:
    errors = [None, {"code": 131052, "title": "Media download error", "error_data": {"details": "It is gone."}}]
    received = event(message("image", image={"id": "77", "caption": "see"}, errors=errors))
    assert received.content == Image(media=MediaRef(id=""), caption="see")
    assert received.media.error == "131052 Media download error: It is gone."


def test_a_file_without_id_and_address_says_so() -> None:
    assert event(message("image", image={"mime_type": "image/png"})).media.error == "The message names no file."


def test_a_location_may_be_in_texts_and_must_be_numbers() -> None:
    expected = Location(latitude=38.7, longitude=-9.1, name="Here")
    assert content("location", {"latitude": "38.7", "longitude": "-9.1", "name": "Here", "address": ""}) == expected
    assert "latitude" in error(message("location", location={"latitude": "north", "longitude": 1}))
    assert "latitude" in error(message("location", location={"latitude": "nan", "longitude": 1}))


@pytest.mark.parametrize("where", ["card", "message"])
def test_the_origin_of_contacts_is_on_the_card_or_on_the_message(where: str) -> None:
    card = {"phones": [{"wa_id": "15550003333"}, {}], **({"origin": "contact_request"} if where == "card" else {})}
    fields = {"origin": "contact_request"} if where == "message" else {}
    phone = ContactPhone(phone="+15550003333", wa_id="15550003333")
    expected = Contacts(contacts=(ContactCard(phones=(phone,)),), origin="contact_request")
    assert content("contacts", [card], **fields) == expected


def test_a_card_is_named_by_its_name_or_parts_or_vcard() -> None:
    cards = [
        {"name": {"formatted_name": "Dr. Ines Prado", "first_name": "Ines"}},
        {"name": {"first_name": "Ines", "last_name": "Prado"}},
        {"vcard": "BEGIN:VCARD\r\nFN;CHARSET=UTF-8:Ines P.\r\nEND:VCARD"},
        {},
    ]
    assert [card.formatted_name for card in content("contacts", cards).contacts] == [
        "Dr. Ines Prado",
        "Ines Prado",
        "Ines P.",
        "",
    ]


def test_what_a_card_has_beyond_is_kept_unless_no_store_could() -> None:
    (card,) = content("contacts", [{"org": {"company": "Prado Labs"}, "birthday": "1988-04-02"}]).contacts
    assert card.extra == {"org": {"company": "Prado Labs"}, "birthday": "1988-04-02"}
    assert "64 bits" in error(message("contacts", contacts=[{"org": {"floor": 2**70}}]))


@pytest.mark.parametrize(
    ("response", "data"),
    [
        ('{"flow_token":"t","n":1}', {"flow_token": "t", "n": 1}),
        ("{not json", {"raw": "{not json"}),
        ('["a","list"]', {"raw": '["a","list"]'}),
        ('{"a":"\\ud800"}', {"raw": '{"a":"\\ud800"}'}),
        ('{"n":' + "1" * 30 + "}", {"raw": '{"n":' + "1" * 30 + "}"}),
        ('{"a":' + "[" * 60 + "]" * 60 + "}", {"raw": '{"a":' + "[" * 60 + "]" * 60 + "}"}),
        ('{"a":' + "[" * 9999 + "]" * 9999 + "}", {"raw": '{"a":' + "[" * 9999 + "]" * 9999 + "}"}),
        ("", {}),
        (None, {}),
    ],
    ids=range(9),
)
def test_a_form_s_answer_is_its_object_or_the_text_as_it_came(response: str | None, data: dict[str, Any]) -> None:
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": response}}
    assert content("interactive", reply) == InteractiveReply(kind="flow", title="Sent", data=data)


def test_an_interactive_of_an_unknown_kind_is_shown_as_unsupported() -> None:
    shown = content("interactive", {"type": "hologram_reply", "hologram_reply": {}})
    assert isinstance(shown, Unsupported)
    assert shown.provider_type == "interactive.hologram_reply"


@pytest.mark.parametrize("kind", ["text", "image", "location", "contacts", "interactive", "button", "order"])
def test_a_message_without_its_content_is_shown_with_the_error_that_explains_it(kind: str) -> None:
    bare = {"from": "15550001111", "id": "wamid.A", "timestamp": NOON_S, "type": kind}
    trouble = {"code": 131000, "title": "Something went wrong", "error_data": "Unsupported webhook payload"}
    explained = event(bare, errors=[trouble])
    reason = "131000 Something went wrong: Unsupported webhook payload"
    assert explained.content == Unsupported(provider_type=kind, reason=reason)
    assert event({**bare, "errors": [trouble]}).content.reason == reason
    assert event(bare).content.reason == "The message came without its content."


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("text", {}),
        ("text", "hi"),
        ("text", {"body": None}),
        ("image", "77"),
        ("contacts", {}),
        ("contacts", [None]),
        ("interactive", []),
        ("interactive", {"type": None}),
        ("interactive", {"type": "button_reply"}),
        ("interactive", {"type": "list_reply", "list_reply": {"title": "no id"}}),
        ("button", 7),
        ("order", {"product_items": [{"quantity": 1}]}),
        ("order", {"product_items": [{"product_retailer_id": "a", "quantity": -1}]}),
        ("order", {"product_items": [{"product_retailer_id": "a", "quantity": 10**12}]}),
        ("reaction", {"emoji": "x"}),
        ("reaction", None),
        ("edit", {"original_message_id": "wamid.O", "message": {}}),
        ("edit", {"message": {"type": "text", "text": {"body": "x"}}}),
        ("revoke", {}),
        ("system", None),
        ("system", {"type": "user_changed_number"}),
    ],
    ids=str,
)
def test_content_of_another_shape_is_malformed_under_the_message_s_key(kind: str, payload: Any) -> None:
    given = {"id": "wamid.A", "timestamp": NOON_S, "type": kind, kind: payload}
    if kind != "system":
        given["from"] = "15550001111"
    (item,) = parse(webhook(given))
    assert isinstance(item, Malformed), item
    assert item.key == f"{kind if kind in ('edit', 'revoke', 'reaction', 'system') else 'message'}:wamid.A"


def test_prices_are_decimals_as_text() -> None:
    prices = [24.5, 7, "3.10", 0.1, 1e22, None]
    items = [{"product_retailer_id": "p", "quantity": "2", "item_price": price, "currency": "EUR"} for price in prices]
    order = content("order", {"catalog_id": 12, "product_items": items})
    assert order == Order(
        catalog_id="12",
        items=tuple(
            OrderItem(product_id="p", quantity=2, price=price, currency="EUR")
            for price in ("24.5", "7", "3.10", "0.1", "10000000000000000000000", None)
        ),
    )


@pytest.mark.parametrize("payload", [{"message_id": "wamid.T"}, {"message_id": "wamid.T", "emoji": ""}], ids=str)
def test_a_reaction_is_taken_back_by_an_empty_or_absent_emoji(payload: dict[str, Any]) -> None:
    taken = event(message("reaction", reaction=payload))
    assert taken == ReactionChanged(
        occurred_at=NOON, external_id="wamid.A", target="wamid.T", person=Person(keys=(PHONE,)), emoji=None
    )


def test_edits_and_deletions_need_no_author() -> None:
    edit = {"original_message_id": "wamid.O", "message": {"type": "text", "text": {"body": "better"}}}
    assert event(message("edit", edit=edit, **{"from": ""})) == MessageEdited(
        occurred_at=NOON, external_id="wamid.A", target="wamid.O", content=Text(text="better")
    )
    assert event(message("revoke", revoke={"original_message_id": "wamid.O"}, **{"from": ""})) == MessageDeleted(
        occurred_at=NOON, external_id="wamid.A", target="wamid.O"
    )


@pytest.mark.parametrize("kind", ["unsupported", "unknown"])
def test_an_unsupported_message_says_what_it_was_as_far_as_that_is_given(kind: str) -> None:
    assert event(message(kind)).content.provider_type == kind
    errors = [{"code": 131051, "title": "Message type unknown"}]
    named = event(message(kind, **{kind: {"type": "poll_creation"}}, errors=errors)).content
    assert named == Unsupported(provider_type="poll_creation", reason="131051 Message type unknown")


def test_a_retired_type_is_ignored() -> None:
    assert isinstance(event(message("request_welcome")), Ignored)


def test_a_group_message_is_of_the_group_and_by_the_participant() -> None:
    received = event(message(group_id="grp=="))
    assert received.group == IdentityKey(kind="wa_group", value="grp==", scope="account")
    assert received.sender == Person(keys=(PHONE,))
