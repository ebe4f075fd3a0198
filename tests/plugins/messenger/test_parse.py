"""Webhooks of Messenger as items: what every payload becomes, and what a webhook as a whole may be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.channel import AccountRef, Item, Malformed
from patchbay.errors import BadPayload, BadSignature
from patchbay_messenger.parse import parse
from patchbay_meta.signature import verify

PAYLOADS = Path(__file__).parents[2] / "payloads" / "messenger"
ROWS: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "parsed.json").read_text("utf-8"))
NAMES = sorted(path.stem for path in PAYLOADS.glob("*.json"))
PAGE = "104857600112233"
SECRET = "fixture_app_secret"
# The bytes that Meta puts on the wire for three payloads, with SECRET; computed apart from this code.
VECTORS = {
    "message_text": "sha256=e293071f1c2b1b3c6a56b0a1589ca5541f4c0baa94db47fe57bde75aa6a5c646",
    "message_text_unicode": "sha256=d0f05c895983ac89578ec4ddc423395bab1fe9809f03ae8cb76ff598cf2f3014",
    "batch_mixed_entries": "sha256=2dd9ccbfbd5b5ae8fbf589f3c590fff10d61e62378706fb037c12d6a1ba4f7fd",
}
THANKS = "csat 4; free_form quick reply, thanks"
# What each payload becomes, in short: the kind of every item, and the one fact that tells it from others.
FACTS: dict[str, list[tuple[str, str, Any]]] = {
    "account_linking_linked": [("notice", "data.status", "linked")],
    "account_linking_unlinked": [("notice", "data.status", "unlinked")],
    "batch_duplicate_message": [("message", "content.text", "only once please")] * 2,
    "batch_mixed_entries": [
        ("message", "content.text", "first"),
        ("watermark", "state", "read"),
        ("message", "content.text", "other person"),
        ("message", "content.id", "GET_STARTED"),
    ],
    "customer_feedback": [("notice", "text", f"The person answered a feedback form: {THANKS}.")],
    "dashboard_test_message": [("ignored", "reason", "a test event of the app's dashboard")],
    "delivery_watermark_only": [("watermark", "up_to", "2026-11-20T09:30:00Z")],
    "delivery_with_mids": [
        ("receipt", "external_id", "m_Qf9999earlierOutbound-xYz"),
        ("receipt", "external_id", "m_Qf9997earlierOutbound-xYz"),
        ("watermark", "state", "delivered"),
    ],
    "echo_attachment_image": [("echo", "media.url", "https://scontent-ams4.fbcdn.example/v/t1/out/map.png")],
    "echo_reply_to": [("echo", "reply_to", "m_Qf9998earlierInbound-xYz")],
    "echo_template_button": [("echo", "content.buttons.0.id", "agent:request")],
    "echo_text_other_app": [("echo", "context.app_id", "880022334455667")],
    "echo_text_own_app": [("echo", "reference", "out:01JD3Z9V6Q")],
    "echo_text_page_inbox": [("echo", "recipient.keys.0.value", "7300114455667788")],
    "empty_entry_list": [],
    "entry_without_events": [("ignored", "reason", "the entry holds no events")],
    "feed_comment_add": [("message", "opens_window", False)],
    "feed_comment_add_reply_photo": [("message", "reply_to", "comment:5550001112223_770011")],
    "feed_comment_edited": [("edit", "target", "comment:5550001112223_770011")],
    "feed_comment_own_page": [("ignored", "reason", "the page's own comment")],
    "feed_comment_remove": [("delete", "target", "comment:5550001112223_770011")],
    "feed_post_add_visitor": [("message", "external_id", "post:104857600112233_5550001119999")],
    "feed_reaction_add": [("ignored", "reason", "a reaction to a post")],
    "handover_app_roles": [("account", "data.990011223344556.0", "primary_receiver")],
    "handover_pass_thread_control": [("notice", "text", "The conversation is with app 990011223344556.")],
    "handover_pass_thread_control_from_idle": [("notice", "data", {"new_owner_app_id": "990011223344556"})],
    "handover_request_thread_control": [("notice", "text", "App 880022334455667 asks for the conversation.")],
    "handover_take_thread_control": [("notice", "text", "The conversation is with the Page's inbox.")],
    "mention_post_add": [("account", "notice", "mention")],
    "message_attachment_appointment_booking": [
        ("message", "content.text", "Appointment requested: 2026-11-23 10:00 to 2026-11-23 11:00 UTC.")
    ],
    "message_attachment_audio": [("message", "content.type", "audio")],
    "message_attachment_fallback_empty": [("message", "content.provider_type", "fallback")],
    "message_attachment_fallback_legacy": [("message", "content.url", "https://brightleaf.example/blog/first-flush")],
    "message_attachment_fallback_link": [("message", "context.link.title", "First flush 2026")],
    "message_attachment_file": [("message", "content.media.filename", "invoice-2291.pdf")],
    "message_attachment_ig_post": [("message", "context.share.ig_post_media_id", "17990011223399887")],
    "message_attachment_ig_reel": [("message", "content.url", "https://www.instagram.com/reel/Dx1Fict0n/")],
    "message_attachment_image": [("message", "content.type", "image")],
    "message_attachment_location": [("message", "content.longitude", 4.8952)],
    "message_attachment_post": [("message", "content.title", "Autumn tins are here")],
    "message_attachment_reel": [("message", "content.url", "https://www.facebook.com/reel/1203344556677/")],
    "message_attachment_sticker": [("message", "context", {"sticker_id": "712340009876543"})],
    "message_attachment_sticker_transition": [("message", "content.type", "sticker")],
    "message_attachment_template_generic": [("message", "content.cards.0.subtitle", "Friday 19:00")],
    "message_attachment_template_product": [
        ("message", "content.text", "Is this one in stock?"),
        ("message", "content.product_id", "SKU-JAS-50"),
    ],
    "message_attachment_thumbs_up_legacy": [("message", "context.thumbs_up", "small")],
    "message_attachment_video": [("message", "content.type", "video")],
    "message_attachments_multiple_images": [
        ("message", "parts", 3),
        ("message", "part", 1),
        ("message", "part", 2),
    ],
    "message_commands": [("message", "context.commands", ["track"])],
    "message_edit": [("edit", "target", "m_Qf9998earlierInbound-xYz")],
    "message_no_content": [("message", "content.provider_type", "empty")],
    "message_numeric_ids": [("message", "sender.keys.0.value", "7300114455667788")],
    "message_prior_message": [("message", "sender.keys.1.value", "user_ref:ref-3f1b7c")],
    "message_quick_reply": [("message", "content.id", "flavour:oolong")],
    "message_referral_ads": [("message", "referral.source_type", "ad")],
    "message_referral_product": [("message", "referral.source_id", "6100200300400")],
    "message_reply_to": [("message", "reply_to", "m_Qf9999earlierOutbound-xYz")],
    "message_reply_to_own": [("message", "context.is_self_reply", True)],
    "message_template_status_update": [("template", "status", "approved")],
    "message_text": [("message", "content.text", "Hi, do you still have the jasmine sampler?")],
    "message_text_unicode": [("message", "content.text", "Grüß Gott 👩‍🚒\nسلام — 紅茶 𝄞 50% ❤️")],
    "message_timestamp_seconds": [("notice", "occurred_at", "2026-11-20T09:30:00Z")],
    "message_wrong_recipient": [("ignored", "reason", "it names neither side as the account of its entry")],
    "optin_checkbox_user_ref": [("notice", "person.keys.0.value", "user_ref:ref-3f1b7c")],
    "optin_notification_messages": [("preference", "granted", True)],
    "optin_notification_messages_stop": [("preference", "granted", False)],
    "optin_send_to_messenger": [("notice", "opens_window", True)],
    "policy_enforcement_block": [("account", "status", "degraded")],
    "policy_enforcement_unblock": [("account", "status", "active")],
    "postback_button": [("message", "content.id", "agent:request")],
    "postback_get_started": [("message", "content.kind", "postback")],
    "postback_get_started_ads": [("message", "referral.headline", "Autumn tins -20%")],
    "postback_get_started_referral": [("message", "referral.extra.ref", "qr-shelf-12")],
    "postback_no_mid": [("message", "external_id", "postback:8a91c74595d046230a76928524ba8a00")],
    "postback_persistent_menu": [("message", "content.title", "Opening hours")],
    "postback_user_ref_sender": [("message", "sender.keys.0.kind", "external")],
    "reaction_react": [("reaction", "emoji", "❤️")],
    "reaction_react_other": [("reaction", "emoji", "🫖")],
    "reaction_unreact": [("reaction", "emoji", None)],
    "read_watermark": [("watermark", "up_to", "2026-11-20T09:30:05Z")],
    "referral_ads": [("notice", "data.source", "ADS")],
    "referral_shortlink": [("notice", "data.ref", "qr-shelf-12")],
    "response_feedback": [("notice", "data.feedback", "Good response")],
    "send_cart": [("message", "content.items.0.quantity", 2)],
    "standby_echo": [("echo", "context", {"app_id": "880022334455667", "standby": True})],
    "standby_message": [("message", "context", {"standby": True})],
    "standby_postback": [
        ("message", "content", {"type": "interactive_reply", "kind": "postback", "title": "Talk to us"})
    ],
    "standby_read": [("watermark", "state", "read")],
    "unknown_event": [("unrecognised", "what", "brand_new_thing")],
}


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def wire(name: str) -> bytes:
    """The bytes as Meta sends them: without white space, what is not ASCII escaped."""
    return json.dumps(json.loads(payload(name)), ensure_ascii=True, separators=(",", ":")).encode()


def items(body: bytes) -> list[Item]:
    """The items, none of which may be malformed."""
    parsed = parse(body)
    assert [one for one in parsed if isinstance(one, Malformed)] == []
    return [one for one in parsed if isinstance(one, Item)]


def plain(value: Any) -> Any:
    return json.loads(msgspec.json.encode(value))


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def test_every_payload_is_stated_and_every_statement_has_a_payload() -> None:
    assert sorted(FACTS) == sorted(ROWS) == NAMES
    assert len(NAMES) == 89


def test_the_readme_says_of_every_payload_what_it_is() -> None:
    told = re.findall(r"^\| `(\w+)\.json` \| \S", (PAYLOADS / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_each_payload_becomes(name: str) -> None:
    parsed = items(payload(name))
    events = [plain(item.event) for item in parsed]
    assert [(event["kind"], at(event, path)) for event, (_, path, _) in zip(events, FACTS[name], strict=True)] == [
        (kind, fact) for kind, _, fact in FACTS[name]
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_payload_is_exactly_these_items(name: str) -> None:
    parsed = items(payload(name))
    assert [{"key": one.key, "account": plain(one.account), "event": plain(one.event)} for one in parsed] == ROWS[name]
    assert [item.index for item in parsed] == list(range(len(parsed)))


@pytest.mark.parametrize("name", NAMES)
def test_items_survive_being_stored(name: str) -> None:
    for item in items(payload(name)):
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


@pytest.mark.parametrize("name", NAMES)
def test_items_do_not_depend_on_the_bytes(name: str) -> None:
    """Another order of members, other white space, escaped characters."""
    again = json.dumps(json.loads(payload(name)), sort_keys=True, ensure_ascii=True, indent=7).encode()
    assert parse(again) == parse(wire(name)) == parse(payload(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_item_is_for_the_page_that_its_entry_names(name: str) -> None:
    named = {str(entry["id"]) for entry in json.loads(payload(name))["entry"]}
    for item in items(payload(name)):
        assert item.account == AccountRef(external_id=item.account.external_id)
        assert item.account.external_id in named or (item.account == AccountRef() and named == {"0"})


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_signature_is_of_the_bytes_on_the_wire(name: str) -> None:
    verify(wire(name), VECTORS[name], [SECRET])
    with pytest.raises(BadSignature):
        verify(payload(name), VECTORS[name], [SECRET])
    with pytest.raises(BadSignature):
        verify(wire(name), VECTORS[name], ["another_app_secret"])


def test_the_same_message_twice_in_one_body_has_one_key() -> None:
    first, second = items(payload("batch_duplicate_message"))
    assert first.key == second.key
    assert first.event == second.event


def test_the_same_event_without_an_id_twice_in_one_body_has_one_key() -> None:
    for name in ("postback_no_mid", "reaction_react", "referral_ads", "send_cart", "read_watermark", "unknown_event"):
        body = json.loads(payload(name))
        (entry,) = body["entry"]
        body["entry"].append({**entry, "time": entry["time"] + 4000})
        first, second = items(json.dumps(body).encode())
        assert first.key == second.key, name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"entry":[]}',
        b'{"object":"instagram","entry":[]}',
        b'{"object":"whatsapp_business_account","entry":[]}',
        b'{"object":["page"],"entry":[]}',
        b'{"object":"page"}',
        b'{"object":"page","entry":null}',
        b'{"object":"page","entry":{}}',
        b'{"object":"page","entry":[' + b"[" * 200_000,
        b'{"object":"page","entry":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"object":"page","entry":["\\ud800"]}',
        b'{"object":"page","entry":[1e999]}',
        b'{"object":"page","entry":[]} trailing',
    ],
    ids=range(19),
)
def test_what_is_no_webhook_is_a_bad_payload(body: bytes) -> None:
    with pytest.raises(BadPayload):
        parse(body)
