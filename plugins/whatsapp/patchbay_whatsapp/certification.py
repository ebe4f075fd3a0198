"""What WhatsApp is certified with: its webhooks, and the Cloud API as a function. Not loaded by a gateway. No IO.

Sources: WhatsApp Cloud API, Webhooks, Messages reference, Error codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from pydantic import SecretStr

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.model.account import ChannelAccount
from patchbay.model.content import (
    Audio,
    Contacts,
    DocumentFile,
    Image,
    Location,
    MediaRef,
    Native,
    Sticker,
    Template,
    Text,
    Video,
)
from patchbay.model.message import DeliveryState
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import account, stored_file
from patchbay_meta import signature
from patchbay_whatsapp.certification_contents import CARD, INTERACTIVE, TOO_MUCH
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

SECRET = "certification"  # signs the samples, and nothing else
NUMBER, WABA, PHONE = "401", "301", "15550001111"
FILE = MediaRef(id="med_1")

# The codes are the documented ones; the wait is what the header says.
_FAULTS: Mapping[Fault, tuple[int, int, str]] = {
    "rate_limited": (429, 130429, "Rate limit hit"),
    "token_expired": (401, 190, "Error validating access token: session has expired"),
    "server_error": (500, 131016, "Service temporarily unavailable"),
    "window_closed": (400, 131047, "Re-engagement message"),
    "unreachable": (400, 131026, "Message undeliverable"),
    "file_gone": (404, 100, "Unsupported get request: the object does not exist"),
}
# What stands in ``interactive.action`` of each type.
_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "button": ("buttons",),
    "list": ("button", "sections"),
    "cta_url": ("name", "parameters"),
    "flow": ("name", "parameters"),
    "location_request_message": ("name",),
    "request_contact_info": ("name",),
    "carousel": ("cards",),
    "product": ("catalog_id", "product_retailer_id"),
    "product_list": ("catalog_id", "sections"),
    "address_message": ("name", "parameters"),
    "catalog_message": ("name",),
    "voice_call": ("name",),
    "call_permission_request": ("name",),
}
_FILES = ("image", "video", "audio", "document", "sticker")
_PARTS: Mapping[str, tuple[str, ...]] = {
    "text": ("body",),
    "location": ("latitude", "longitude"),
    "reaction": ("message_id", "emoji"),
    "template": ("name", "language"),
    "interactive": ("type", "action"),
}


def certification() -> ChannelSamples:
    """What ``patchbay plugins certify whatsapp`` runs the checks with."""
    return WhatsAppSamples()


class WhatsAppSamples(ChannelSamples):
    """Mara Voss and the number 401 write to each other."""

    channel: WhatsAppChannel = WhatsAppChannel(
        WhatsAppSettings(app_secret=(SecretStr(SECRET),), verify_token=SecretStr(SECRET))
    )
    account: ChannelAccount = account("whatsapp", NUMBER, WABA)
    retry_after_s = 7.0
    lacks: ClassVar[Mapping[str, str]] = {
        "watermark": "WhatsApp reports on each message by itself",
        "echo_reference": "echoes are of what was typed on the phone",
    }

    def id(self, number: int) -> str:
        return f"wamid.{number:04d}"

    # webhooks

    def sign(self, body: bytes) -> Mapping[str, str]:
        return {signature.HEADER: signature.Signer(SECRET).header(body)}

    def message(self, id: str, text: str, at: datetime) -> bytes:
        return _messages(id, at, type="text", text={"body": text})

    def unknown(self) -> bytes:
        return _webhook("hologram_update", {"event": "NEW"})

    def broken(self) -> bytes:
        return _messages("wamid.broken", None, type="text", text={"body": "When was this?"})

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        entries = [entry for body in bodies for entry in msgspec.json.decode(body)["entry"]]
        return msgspec.json.encode({"object": "whatsapp_business_account", "entry": entries})

    def receipt(self, id: str, state: DeliveryState, at: datetime, reference: str | None) -> bytes:
        status: dict[str, Any] = {"id": id, "status": state, "timestamp": _unix(at), "recipient_id": PHONE}
        if reference is not None:
            status["biz_opaque_callback_data"] = reference
        if state == "failed":
            status["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
        return _webhook("messages", {"metadata": _metadata(), "statuses": [status]})

    def echo(self, id: str, text: str, at: datetime, reference: str | None) -> bytes:
        echo = {"from": "15550009999", "to": PHONE, "id": id, "timestamp": _unix(at), "type": "text"}
        return _webhook(
            "smb_message_echoes", {"metadata": _metadata(), "message_echoes": [{**echo, "text": {"body": text}}]}
        )

    def edit(self, id: str, target: str, text: str, at: datetime) -> bytes:
        message = {"type": "text", "text": {"body": text}}
        return _messages(id, at, type="edit", edit={"original_message_id": target, "message": message})

    def delete(self, id: str, target: str, at: datetime) -> bytes:
        return _messages(id, at, type="revoke", revoke={"original_message_id": target})

    def reaction(self, id: str, target: str, emoji: str | None, at: datetime) -> bytes:
        given = {"message_id": target, **({} if emoji is None else {"emoji": emoji})}
        return _messages(id, at, type="reaction", reaction=given)

    def others(self) -> Mapping[str, bytes]:
        at = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
        image = {"id": "900", "mime_type": "image/jpeg", "sha256": "0" * 44, "caption": "The kettle"}
        place = {"latitude": 50.1, "longitude": 8.6, "name": "The shop"}
        tapped = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
        odd = [{"code": 131051, "title": "Message type unknown"}]
        card = {"name": {"formatted_name": "Bo Test"}, "phones": [{"phone": "+1 555 000 2222", "wa_id": "15550002222"}]}
        quoted = {"from": "15550009999", "id": "wamid.before"}
        stop = {"wa_id": PHONE, "category": "marketing_messages", "value": "stop", "timestamp": int(at.timestamp())}
        template = {"event": "APPROVED", "message_template_id": 7, "message_template_name": "order_update"}
        return {
            "image": _messages("wamid.image", at, type="image", image=image),
            "location": _messages("wamid.location", at, type="location", location=place),
            "contacts": _messages("wamid.contacts", at, type="contacts", contacts=[card]),
            "tapped button": _messages("wamid.tap", at, type="interactive", interactive=tapped, context=quoted),
            "unsupported": _messages("wamid.unsupported", at, type="unsupported", errors=odd),
            "hologram": _messages("wamid.hologram", at, type="hologram", hologram={"id": "h1"}),
            "preference": _webhook("user_preferences", {"metadata": _metadata(), "user_preferences": [stop]}),
            "template": _webhook("message_template_status_update", {**template, "message_template_language": "en"}),
        }

    # sending

    def contents(self) -> Sequence[ContentSample]:
        return (
            ContentSample(Text(text="Three are left.")),
            ContentSample(Image(media=FILE, caption="The kettle"), stored_file("image", "image/jpeg")),
            ContentSample(Video(media=FILE), stored_file("video", "video/mp4")),
            ContentSample(Audio(media=FILE), stored_file("audio", "audio/ogg")),
            ContentSample(DocumentFile(media=FILE), stored_file("document", "application/pdf", filename="bill.pdf")),
            ContentSample(Sticker(media=FILE), stored_file("sticker", "image/webp")),
            ContentSample(Location(latitude=50.1, longitude=8.6, name="The shop", address="1 Main Street")),
            ContentSample(Contacts(contacts=(CARD,))),
            ContentSample(Template(name="order_update", language="en", variables={"1": "Mara"})),
            ContentSample(
                Native(payload={"type": "text", "text": {"body": "Three are left."}}, text="Three are left.")
            ),
            *(ContentSample(content) for content in INTERACTIVE),
        )

    def refused(self) -> Sequence[ContentSample]:
        return tuple(ContentSample(content) for content in TOO_MUCH)

    def provider(self, request: ApiRequest, fault: Fault | None) -> ApiResponse:
        if fault is not None:
            return _error(*_FAULTS[fault], headers={"retry-after": "7"} if fault == "rate_limited" else {})
        match request.method, request.path.strip("/").split("/"):
            case "POST", [number, "messages"] if number == NUMBER:
                return _take(request.json or {})
            case "POST", [number, "media"] if number == NUMBER:
                form = request.form or {}
                good = form.get("messaging_product") == "whatsapp" and form.get("type") and request.file is not None
                return ApiResponse(200, {"id": "900"}) if good else _error(400, 100, "The file is missing")
            case "GET", [waba, "message_templates"] if waba == WABA:
                row = {"name": "order_update", "language": "en", "status": "APPROVED", "category": "UTILITY", "id": "7"}
                return ApiResponse(200, {"data": [row]})
            case "GET", [node] if (found := _found(node)) is not None:
                return ApiResponse(200, found)
            case "GET", [waba, "subscribed_apps"] if waba == WABA:
                return ApiResponse(200, {"data": [{"whatsapp_business_api_data": {"id": "7", "name": "Patchbay"}}]})
            case _:
                pass
        return _error(400, 100, "Unsupported request", subcode=33)

    def shows(self, request: ApiRequest) -> bool:
        return request.path.endswith("/messages") and "status" not in (request.json or {})


def _found(node: str) -> Mapping[str, Any] | None:
    """What is at this node to be read: the number, the token, the file of the image among ``others``.
    Sources: Cloud API, Phone numbers; Media; Graph API, Debug-Token."""
    match node:
        case "401":
            return {"verified_name": "The shop", "quality_rating": "GREEN"}
        case "debug_token?input_token={token}&access_token={token}":
            scopes = ["whatsapp_business_management", "whatsapp_business_messaging"]
            return {"data": {"app_id": "7", "is_valid": True, "expires_at": 0, "scopes": scopes}}
        case "900":
            url = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=900&ext=1795000000"
            return {"id": "900", "url": url, "mime_type": "image/jpeg", "sha256": "0" * 64, "file_size": 303833}
        case _:
            return None


def _take(body: Mapping[str, Any]) -> ApiResponse:
    """``POST /{number}/messages``: the id in the answer derives from the body."""
    if body.get("messaging_product") != "whatsapp":
        return _error(400, 100, "messaging_product is not whatsapp")
    if "status" in body:
        read = body["status"] == "read" and body.get("message_id")
        return ApiResponse(200, {"success": True}) if read else _error(400, 131009, "status")
    kind = body.get("type")
    part = body.get(kind) if isinstance(kind, str) else None
    if not (body.get("to") or body.get("recipient")) or part is None:
        return _error(400, 131008, f"The recipient or the part {kind!r} is missing")
    if (fault := _fault_in(kind, part)) is not None:
        return _error(400, 131009, fault)
    id = "wamid." + sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()[:32]
    contacts = [{"input": body.get("to"), "wa_id": PHONE}]
    return ApiResponse(200, {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": id}]})


def _fault_in(kind: Any, part: Any) -> str | None:
    """Why the Cloud API would refuse this part; None when it would not."""
    if kind == "contacts":
        named = isinstance(part, list) and part and all(card.get("name", {}).get("formatted_name") for card in part)
        return None if named else "A card has no name"
    if kind in _FILES and isinstance(part, Mapping):
        held = part.keys() & {"id", "link"}
        return None if len(held) == 1 and all(part[name] for name in held) else f"{kind} needs an id or a link"
    if kind not in _PARTS or not isinstance(part, Mapping):
        return f"There is no type {kind!r}"
    if lacking := [name for name in _PARTS[kind] if name not in part]:
        return f"{kind} has no {', '.join(lacking)}"
    if kind == "text" and not 1 <= len(part["body"]) <= 4096:
        return "The text is too long"
    if kind == "interactive":
        needed = _ACTIONS.get(part["type"])
        if needed is None:
            return f"There is no interactive type {part['type']!r}"
        if lacking := [name for name in needed if name not in part["action"]]:
            return f"The action of {part['type']} has no {', '.join(lacking)}"
    return None


def _error(
    status: int, code: int, message: str, *, subcode: int | None = None, headers: Mapping[str, str] | None = None
) -> ApiResponse:
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "error_data": message}
    if subcode is not None:
        error["error_subcode"] = subcode
    return ApiResponse(status, {"error": error}, headers or {})


def _unix(at: datetime) -> str:
    return str(int(at.timestamp()))


def _metadata() -> dict[str, str]:
    return {"display_phone_number": "15550009999", "phone_number_id": NUMBER}


def _messages(id: str, at: datetime | None, **members: Any) -> bytes:
    contacts = [{"profile": {"name": "Mara Voss"}, "wa_id": PHONE, "user_id": "US.20260001112223334445"}]
    message = {"from": PHONE, "from_user_id": "US.20260001112223334445", "id": id, **members}
    if at is not None:
        message["timestamp"] = _unix(at)
    return _webhook("messages", {"metadata": _metadata(), "contacts": contacts, "messages": [message]})


def _webhook(field: str, value: Mapping[str, Any]) -> bytes:
    change = {"field": field, "value": {"messaging_product": "whatsapp", **value}}
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]})
