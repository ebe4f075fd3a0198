"""Channels that are wrong in one place each, for the checks to find. All are WhatsApp's but for that place."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace as changed
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace
from pydantic import SecretStr

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    Capabilities,
    Ignored,
    Item,
    Malformed,
    MessageEdited,
    MessageReceived,
    Outgoing,
    ReactionChanged,
    SendReceipt,
    WatermarkReceived,
)
from patchbay.channel.inbound import AccountRef, IdentityKey, Person
from patchbay.errors import BadSignature, Rejected, SendError
from patchbay.model.content import Text
from patchbay.model.conversation import Window
from patchbay.model.message import DeliveryState
from patchbay.testing.channel_samples import ChannelSamples, ContentSample
from patchbay_meta import signature
from patchbay_whatsapp.certification import PHONE, SECRET, WhatsAppSamples
from patchbay_whatsapp.channel import WhatsAppChannel
from patchbay_whatsapp.settings import WhatsAppSettings

Parsed = Item | Malformed
Flow = Generator[ApiRequest, ApiResponse, Any]
Made = Callable[..., Any]


def channel(base: type[WhatsAppChannel] = WhatsAppChannel, **wrong: Any) -> WhatsAppChannel:
    """WhatsApp with other methods."""
    made: type[WhatsAppChannel] = type("Broken", (base,), wrong)
    return made(WhatsAppSettings(app_secret=(SecretStr(SECRET),)))


def broken(base: type[ChannelSamples] = WhatsAppSamples, /, **wrong: Any) -> ChannelSamples:
    """WhatsApp's samples for a channel with other methods."""
    return samples(base, channel=channel(**wrong))


def samples(base: type[ChannelSamples] = WhatsAppSamples, /, **wrong: Any) -> ChannelSamples:
    """WhatsApp's samples with other members."""
    made: type[ChannelSamples] = type("BrokenSamples", (base,), wrong)
    return made()


# --- What parse does to each item, and to each event of a kind -------------------------------------------------------


def parsing(change: Callable[[Sequence[Parsed]], Sequence[Parsed]]) -> Made:
    def parse(self: Any, body: bytes) -> Sequence[Parsed]:
        return change(WhatsAppChannel.parse(self, body))

    return parse


def each_item(change: Callable[[Item], Item]) -> Made:
    return parsing(lambda parsed: [change(one) if isinstance(one, Item) else one for one in parsed])


def each_event(type: type[Any], change: Callable[[Any], Any]) -> Made:
    return each_item(lambda item: replace(item, event=change(item.event)) if isinstance(item.event, type) else item)


def dropping(drop: Callable[[Parsed], bool]) -> Made:
    """``parse`` that leaves these out."""
    return parsing(lambda parsed: [replace(one, index=i) for i, one in enumerate(o for o in parsed if not drop(o))])


def is_event(one: Parsed, type: type[Any]) -> bool:
    return isinstance(one, Item) and isinstance(one.event, type)


def parses_no_json(self: Any, body: bytes) -> Sequence[Parsed]:
    msgspec.json.decode(body)
    return WhatsAppChannel.parse(self, body)


def stumbles(self: Any, body: bytes) -> Sequence[Parsed]:
    parsed = WhatsAppChannel.parse(self, body)
    json.loads(body)["entry"][0]["changes"][0]["value"].get("metadata")
    return parsed


def counted_keys() -> Made:
    numbers = itertools.count()
    return each_item(lambda item: replace(item, key=f"{item.key}:{next(numbers)}"))


def counted_messages() -> Made:
    numbers = itertools.count()
    return each_event(MessageReceived, lambda event: replace(event, external_id=f"{event.external_id}.{next(numbers)}"))


def counted_edits() -> Made:
    numbers = itertools.count()
    return each_event(MessageEdited, lambda event: replace(event, external_id=f"{event.external_id}.{next(numbers)}"))


def forgetting_the_early() -> Made:
    """What comes before its message is ignored."""
    seen: set[str] = set()

    def change(item: Item) -> Item:
        event = item.event
        if isinstance(event, MessageReceived):
            seen.add(event.external_id)
        if isinstance(event, MessageEdited | ReactionChanged) and event.target not in seen:
            return replace(item, event=Ignored(occurred_at=event.occurred_at, reason="too early"))
        return item

    return each_item(change)


def only_the_bad(parsed: Sequence[Parsed]) -> Sequence[Parsed]:
    bad = [one for one in parsed if isinstance(one, Malformed)]
    return [replace(bad[0], index=0)] if bad else parsed


def nowhere(item: Item) -> Item:
    return replace(item, account=AccountRef(external_id="999"))


# --- What a flow does ------------------------------------------------------------------------------------------------


def requests(change: Callable[[ApiRequest], ApiRequest], method: str = "send") -> Made:
    """A flow whose requests are changed on their way."""

    def flow(self: Any, *arguments: Any) -> Flow:
        inner = getattr(WhatsAppChannel, method)(self, *arguments)
        try:
            request = next(inner)
            while True:
                request = inner.send((yield change(request)))
        except StopIteration as end:
            return end.value

    return flow


def raising(change: Callable[[SendError], Exception]) -> Made:
    """A send that raises something else."""

    def send(self: Any, *arguments: Any) -> Flow:
        try:
            return (yield from WhatsAppChannel.send(self, *arguments))
        except SendError as error:
            raise change(error) from error

    return send


def instead(type: type[SendError], other: Callable[[str], SendError]) -> Made:
    return raising(lambda error: other(error.reason) if isinstance(error, type) else error)


def only_messages(effect: bool) -> Callable[[ApiRequest], ApiRequest]:
    return lambda request: changed(request, effect=effect) if request.path.endswith("/messages") else request


def uploads_show(request: ApiRequest) -> ApiRequest:
    return changed(request, effect=True)


def believes_anything(self: Any, account: Any, message: Outgoing) -> Flow:
    yield ApiRequest("POST", f"/{account.external_id}/messages", json={}, effect=True)
    return SendReceipt(external_id="wamid.x")


def trips_over_odd_answers(self: Any, account: Any, message: Outgoing) -> Flow:
    response = yield ApiRequest("POST", f"/{account.external_id}/messages", json={}, effect=True)
    return SendReceipt(external_id=response.body["messages"][0]["id"])


def to_anybody(self: Any, account: Any, message: Outgoing) -> Flow:
    return (yield ApiRequest("POST", f"/{account.external_id}/messages", json={"to": ""}, effect=True))


def without_quote(self: Any, account: Any, message: Outgoing) -> Flow:
    return WhatsAppChannel.send(self, account, changed(message, reply_to=None))


def quiet(self: Any, *arguments: Any) -> Flow:
    yield from ()


def always_thumbs(self: Any, account: Any, recipient: Any, target: str, emoji: str | None) -> Flow:
    return WhatsAppChannel.react(self, account, recipient, target, "\N{THUMBS UP SIGN}")


def nameless_templates(self: Any, account: Any) -> Flow:
    yield ApiRequest("GET", f"/{account.parent_external_id}/message_templates")
    return [{}]


def never_wrong(self: Any, account: Any) -> Flow:
    return (yield ApiRequest("GET", f"/{account.external_id}"))


# --- What check lets through -----------------------------------------------------------------------------------------


def unchecked(*types: type[Any]) -> Made:
    """``check`` that does not look at contents of these types."""

    def check(self: Any, account: Any, content: Any, recipient: Any, media: Any) -> None:
        if not isinstance(content, types):
            WhatsAppChannel.check(self, account, content, recipient, media)

    return check


def refusing(type: type[Any]) -> Made:
    def check(self: Any, account: Any, content: Any, recipient: Any, media: Any) -> None:
        if isinstance(content, type):
            raise Rejected("Not today.")
        WhatsAppChannel.check(self, account, content, recipient, media)

    return check


def any_size(self: Any, account: Any, content: Any, recipient: Any, media: Any) -> None:
    WhatsAppChannel.check(self, account, content, recipient, None if media is None else replace(media, size=1))


def in_parts(lossy: int = 0, part: int = 4096) -> Made:
    """``split`` of long texts."""

    def split(self: Any, content: Any) -> Sequence[Any]:
        if not isinstance(content, Text) or len(content.text) <= part:
            return (content,)
        return [Text(text=content.text[at + lossy : at + part]) for at in range(0, len(content.text), part)]

    return split


# --- Windows, signatures, accounts -----------------------------------------------------------------------------------


def window_of_the_last(self: Any, current: Window, event: Any, message_id: str | None) -> Window:
    return Window(kind="service", expires_at=event.occurred_at + timedelta(hours=24))


def believes_what_is_there(self: Any, request: Any, secrets: Any) -> None:
    if not request.headers.get(signature.HEADER):
        raise BadSignature("none")


def needs_the_header(self: Any, request: Any, secrets: Any) -> None:
    request.headers[signature.HEADER].encode("ascii")
    WhatsAppChannel.verify(self, request, secrets)


def mutely(self: Any, *arguments: Any) -> None:
    """Nothing."""


# --- A provider that reports by watermarks ---------------------------------------------------------------------------


class Watermarked(WhatsAppSamples):
    """As WhatsApp, with watermarks, and one update in each webhook."""

    lacks: ClassVar[Mapping[str, str]] = {"batch": "one update each", "echo_reference": "none"}

    def watermark(self, state: DeliveryState, up_to: datetime) -> bytes:
        return json.dumps({"watermark": state, "up_to": up_to.isoformat()}).encode()


def watermarks(late: timedelta = timedelta()) -> Made:
    person = Person(keys=(IdentityKey(kind="phone", value=f"+{PHONE}"),))

    def parse(self: Any, body: bytes) -> Sequence[Parsed]:
        try:
            told = json.loads(body)
            state, up_to = told["watermark"], datetime.fromisoformat(told["up_to"]) + late
            event = WatermarkReceived(occurred_at=up_to, person=person, state=state, up_to=up_to)
            key = f"watermark:{state}:{up_to.isoformat()}"
            item = Item(index=0, key=key, account=AccountRef(external_id="401"), event=event)
            return (msgspec.json.decode(msgspec.json.encode(item), type=Item),)
        except (ValueError, LookupError, TypeError, RecursionError):
            return WhatsAppChannel.parse(self, body)

    return parse


def capabilities(**other: Any) -> Capabilities:
    return changed(WhatsAppSamples().channel.capabilities, **other)


def declaring(**other: Any) -> ChannelSamples:
    made = channel()
    made.capabilities = capabilities(**other)
    return samples(channel=made)


def declaring_and(wrong: dict[str, Any], **other: Any) -> ChannelSamples:
    made = channel(**wrong)
    made.capabilities = capabilities(**other)
    return samples(channel=made)


def later(moment: timedelta) -> Callable[[Any], Any]:
    return lambda event: replace(event, occurred_at=event.occurred_at + moment)


def given(**other: Any) -> Callable[[Any], Any]:
    return lambda event: replace(event, **other)


def contents_without(type: type[Any]) -> Made:
    def contents(self: Any) -> Sequence[ContentSample]:
        return [one for one in WhatsAppSamples.contents(self) if not isinstance(one.content, type)]

    return contents
