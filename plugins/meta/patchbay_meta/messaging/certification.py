"""What Messenger and Instagram are certified with alike: one person's webhooks, and the Send API. Not loaded by a
gateway. No IO.

A channel names the two sides, its errors and what its messages may be; its own kinds of updates it adds itself.
Sources: Messenger Platform, Webhooks, Send API, Attachment upload, Error codes; Graph API, Rate limits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar

import msgspec

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.model.content import AnyContent, Audio, DocumentFile, Image, Text, Video
from patchbay.testing.channel_samples import ChannelSamples, ContentSample, Fault
from patchbay.testing.outbound import NOON, stored_file
from patchbay_meta import signature
from patchbay_meta.graph import USAGE_HEADER
from patchbay_meta.messaging.certification_contents import FILE, INTERACTIVE, TOO_MUCH
from patchbay_meta.messaging.certification_sends import Refused, Rules, check_send

SECRET = "certification"  # signs the samples, and nothing else
MARA = "7300114455667788"
REGAIN_MINUTES = 2
NAMES = {"\N{THUMBS UP SIGN}": "like"}  # the names of reactions; others are "other"
UPLOADS = {"image", "video", "audio", "file"}
DEBUG_TOKEN = "debug_token?input_token={token}&access_token={token}"
Refusal = tuple[int, int, int | None, str]  # HTTP status, code, subcode, what it says


def millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


class MessagingSamples(ChannelSamples, ABC):
    """Mara Voss and a business write to each other.

    ``business`` is the business's side of an event, ``entry`` what an entry calls it, ``node`` what sends are posted
    to. ``refusals`` are the answers to the faults, ``rules`` what the Send API takes.
    """

    object: ClassVar[str]
    business: ClassVar[str]
    entry: ClassVar[str]
    node: ClassVar[str]
    mid: ClassVar[str]  # what the ids of messages begin with
    rules: ClassVar[Rules]
    refusals: ClassVar[Mapping[Fault, Refusal]]
    upload_form: ClassVar[Mapping[str, str]] = {}
    retry_after_s: ClassVar[float | None] = 60.0 * REGAIN_MINUTES

    def id(self, number: int) -> str:
        return f"{self.mid}{number:04d}"

    # webhooks

    def sign(self, body: bytes) -> Mapping[str, str]:
        return {signature.HEADER: signature.Signer(SECRET).header(body)}

    def message(self, id: str, text: str, at: datetime) -> bytes:
        return self.wrote(at, mid=id, text=text)

    def unknown(self) -> bytes:
        return self.event(None, {"hologram": {"id": "1"}})

    def broken(self) -> bytes:
        return self.event(None, {"message": {"text": "nobody can tell which"}})

    def batch(self, bodies: Sequence[bytes]) -> bytes:
        entries = [entry for body in bodies for entry in msgspec.json.decode(body)["entry"]]
        return msgspec.json.encode({"object": self.object, "entry": entries})

    def edit(self, id: str, target: str, text: str, at: datetime) -> bytes:
        number = int(id.removeprefix(self.mid)) % 5 + 1  # a message is edited five times at most
        return self.event(at, {"message_edit": {"mid": target, "text": text, "num_edit": number}})

    def reaction(self, id: str, target: str, emoji: str | None, at: datetime) -> bytes:
        if emoji is None:
            return self.event(at, {"reaction": {"mid": target, "action": "unreact"}})
        named = {"reaction": NAMES.get(emoji, "other"), "emoji": emoji}
        return self.event(at, {"reaction": {"mid": target, "action": "react", **named}})

    def wrote(self, at: datetime, **message: Any) -> bytes:
        """A message of Mara's."""
        return self.event(at, {"message": message})

    def event(
        self, at: datetime | None, kinds: Mapping[str, Any], *, ours: bool = False, within: str = "messaging"
    ) -> bytes:
        """A webhook with one event between the two sides."""
        sides = [{"id": self.business}, {"id": MARA}]
        sender, recipient = sides if ours else reversed(sides)
        dated = {} if at is None else {"timestamp": millis(at)}
        event = {"sender": sender, "recipient": recipient, **dated, **kinds}
        return self._webhook(at, {within: [event]})

    def change(self, at: datetime, field: str, **value: Any) -> bytes:
        """A webhook with one change; its entry has the time in seconds."""
        told = {"id": self.entry, "time": int(at.timestamp()), "changes": [{"field": field, "value": value}]}
        return msgspec.json.encode({"object": self.object, "entry": [told]})

    def _webhook(self, at: datetime | None, events: Mapping[str, Any]) -> bytes:
        time = millis(at or NOON)
        return msgspec.json.encode({"object": self.object, "entry": [{"id": self.entry, "time": time, **events}]})

    # sending

    def contents(self) -> Sequence[ContentSample]:
        return (
            ContentSample(Text(text="Three are left.")),
            ContentSample(Image(media=FILE, caption="The kettle"), stored_file("image", "image/jpeg")),
            ContentSample(Video(media=FILE), stored_file("video", "video/mp4")),
            ContentSample(Audio(media=FILE), stored_file("audio", "audio/mp4")),
            ContentSample(DocumentFile(media=FILE), stored_file("document", "application/pdf", filename="bill.pdf")),
            *(ContentSample(content) for content in INTERACTIVE),
            *self.more_contents(),
        )

    def more_contents(self) -> Sequence[ContentSample]:
        """What only this channel carries."""
        return ()

    def refused(self) -> Sequence[ContentSample]:
        return tuple(ContentSample(content) for content in (*TOO_MUCH, *self.more_refused()))

    def more_refused(self) -> Sequence[AnyContent]:
        """What is too much for this channel alone."""
        return ()

    def provider(self, request: ApiRequest, fault: Fault | None) -> ApiResponse:
        if fault is not None:
            return self._failing(fault)
        match request.method, request.path.strip("/").split("/"):
            case "POST", [node, "messages"] if node == self.node:
                return self._take(request.json or {})
            case "POST", [node, "message_attachments"] if node == self.node:
                return self._hold(request)
            case "GET", path if (found := self.found(path)) is not None:
                return ApiResponse(200, found)
            case _:
                pass
        return error(400, 100, 33, "Unsupported request: the object does not exist")

    @abstractmethod
    def found(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        """What is at this path to be read."""

    def about_token(self, *scopes: str) -> Mapping[str, Any]:
        """What is told of a page's token that may do this. Source: Graph API, Debug-Token."""
        ends = {"expires_at": 0, "data_access_expires_at": int((NOON + timedelta(days=90)).timestamp())}
        return {"data": {"app_id": "990011223344556", "is_valid": True, "scopes": list(scopes), **ends}}

    def subscribed(self, *fields: str) -> Mapping[str, Any]:
        """The app and its fields. Source: Page, subscribed_apps; Instagram Platform, Webhooks."""
        return {"data": [{"id": "990011223344556", "name": "Patchbay", "subscribed_fields": list(fields)}]}

    def shows(self, request: ApiRequest) -> bool:
        body = request.json or {}
        posted = request.method == "POST" and request.path.endswith("/messages")
        return posted and ("message" in body or body.get("sender_action") in ("react", "unreact"))

    def _failing(self, fault: Fault) -> ApiResponse:
        usage = {self.node: [{"call_count": 100, "estimated_time_to_regain_access": REGAIN_MINUTES}]}
        headers = {USAGE_HEADER: msgspec.json.encode(usage).decode()} if fault == "rate_limited" else {}
        return error(*self.refusals[fault], headers=headers)

    def _take(self, body: Mapping[str, Any]) -> ApiResponse:
        """``POST /{node}/messages``: the id in the answer derives from the body."""
        try:
            check_send(body, self.rules, MARA)
        except Refused as refused:
            return error(400, 100, refused.subcode, str(refused))
        if "sender_action" in body:
            return ApiResponse(200, {"recipient_id": MARA})
        id = self.mid + sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()[:32]
        return ApiResponse(200, {"recipient_id": MARA, "message_id": id})

    def _hold(self, request: ApiRequest) -> ApiResponse:
        """``POST /{node}/message_attachments``."""
        if request.json is not None:
            form = dict(request.json)
            attachment = form.pop("message", {}).get("attachment", {})
            held = attachment.get("payload", {}).get("url", "").startswith("https://")
        else:
            form = dict(request.form or {})
            attachment = msgspec.json.decode(form.pop("message", "{}")).get("attachment", {})
            held = request.file is not None and request.file.field == "filedata"
        if not held or attachment.get("type") not in UPLOADS:
            return error(400, 100, 2018008, "The file or its description is missing")
        if form != self.upload_form:
            return error(400, 100, None, f"The file is not for this platform: {form}")
        whose = request.file.media.id if request.file is not None else ""
        digits = int(sha256(whose.encode() + msgspec.json.encode(attachment)).hexdigest()[:12], 16)
        return ApiResponse(200, {"attachment_id": str(digits)})


def error(
    status: int, code: int, subcode: int | None, message: str, *, headers: Mapping[str, str] | None = None
) -> ApiResponse:
    """An error as the Graph API gives it."""
    told = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "A1"}
    if subcode is not None:
        told["error_subcode"] = subcode
    return ApiResponse(status, {"error": told}, headers or {})
