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
    HandshakeAnswer,
    Ignored,
    Item,
    Malformed,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    Outgoing,
    ReactionChanged,
    ReceiptReceived,
    SendReceipt,
    Unrecognised,
    WatermarkReceived,
)
from patchbay.channel.inbound import AccountRef, IdentityKey, Person
from patchbay.errors import AccountBroken, BadSignature, OutcomeUnknown, Rejected, SendError, Throttled, Unavailable
from patchbay.model.content import Interactive, Location, Text
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

    def check(self: Any, content: Any, recipient: Any, media: Any) -> None:
        if not isinstance(content, types):
            WhatsAppChannel.check(self, content, recipient, media)

    return check


def refusing(type: type[Any]) -> Made:
    def check(self: Any, content: Any, recipient: Any, media: Any) -> None:
        if isinstance(content, type):
            raise Rejected("Not today.")
        WhatsAppChannel.check(self, content, recipient, media)

    return check


def any_size(self: Any, content: Any, recipient: Any, media: Any) -> None:
    WhatsAppChannel.check(self, content, recipient, None if media is None else replace(media, size=1))


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


# By check: what it must find.
BREAKS: dict[str, list[ChannelSamples]] = {
    "any_bytes_are_items_or_a_bad_payload": [broken(parse=parses_no_json)],
    "damaged_webhooks_are_items_or_a_bad_payload": [
        broken(parse=stumbles),
        broken(parse=each_item(lambda item: replace(item, index=item.index + 1))),
        broken(parse=each_item(lambda item: replace(item, key=""))),
        broken(parse=each_event(MessageReceived, lambda event: replace(event, occurred_at=datetime(2026, 1, 1)))),  # noqa: DTZ001
    ],
    "a_message_says_who_wrote_what_when": [
        broken(parse=each_event(MessageReceived, given(content=Text(text="...")))),
        broken(parse=each_event(MessageReceived, later(timedelta(hours=1)))),
        broken(parse=each_event(MessageReceived, given(sender=Person(keys=())))),
        broken(parse=each_event(MessageReceived, given(external_id="1"))),
        broken(parse=each_item(nowhere)),
    ],
    "keys_are_the_same_at_every_delivery": [
        broken(parse=counted_keys()),
        broken(parse=each_item(lambda item: replace(item, key=f"{item.index}:{item.key}"))),
    ],
    "different_updates_have_different_keys": [broken(parse=each_item(lambda item: replace(item, key="message")))],
    "the_same_again_is_one_message": [broken(parse=counted_messages())],
    "an_unknown_kind_is_kept": [
        broken(parse=dropping(lambda one: is_event(one, Unrecognised))),
        broken(parse=each_event(Unrecognised, lambda event: Ignored(occurred_at=event.occurred_at, reason="?"))),
        broken(parse=each_event(Unrecognised, given(reason=""))),
    ],
    "an_item_that_cannot_be_read_is_malformed": [broken(parse=dropping(lambda one: isinstance(one, Malformed)))],
    "one_bad_item_of_many_costs_itself": [
        broken(parse=parsing(only_the_bad)),
        broken(parse=dropping(lambda one: isinstance(one, Malformed))),
    ],
    "only_the_provider_is_believed": [
        broken(verify=mutely),
        broken(verify=believes_what_is_there),
        broken(verify=needs_the_header),
        samples(sign=lambda self, body: {signature.HEADER: "sha256=0"}),
    ],
    "strangers_cannot_take_the_callback": [
        broken(handshake=lambda self, query: HandshakeAnswer(text=query.get("hub.challenge", "")))
    ],
    "what_is_declared_is_sent": [
        broken(check=refusing(Location)),
        broken(send=requests(lambda request: changed(request, json={}) if request.effect else request)),
        broken(send=believes_anything),
        declaring(contents=WhatsAppSamples().channel.capabilities.contents - {"location"}),
    ],
    "what_is_not_declared_is_refused": [broken(check=mutely), broken(check=refusing(object))],
    "what_is_too_much_is_refused": [broken(check=unchecked(Interactive)), broken(check=unchecked(Location))],
    "long_texts_are_refused_or_split": [
        broken(check=unchecked(Text)),
        broken(check=unchecked(Text), split=in_parts(lossy=1)),
        broken(check=unchecked(Text), split=in_parts(part=5000)),
        declaring(text_limit=5000),
        declaring(text_limit=100),
    ],
    "files_are_judged_by_type_and_size": [
        broken(check=any_size),
        declaring(media={**WhatsAppSamples().channel.capabilities.media, "sticker": capabilities().media["image"]}),
    ],
    "nobody_is_written_to_without_an_address": [broken(check=mutely, send=to_anybody)],
    "effects_are_what_a_person_sees": [
        broken(send=requests(only_messages(effect=False))),
        broken(send=requests(uploads_show)),
        broken(typing=requests(uploads_show, "typing")),
        broken(react=requests(only_messages(effect=False), "react")),
    ],
    "requests_go_to_the_provider": [
        broken(base_url=lambda self, account: "https://graph.example/"),
        broken(token=lambda self, credentials: "made-up"),
    ],
    "reactions_are_as_declared": [
        declaring(reactions=False),
        broken(react=always_thumbs),
        broken(react=quiet),
    ],
    "typing_and_read_marks_are_as_declared": [
        broken(typing=quiet),
        broken(mark_read=quiet),
        declaring(typing=False),
        declaring(read_receipts=False),
    ],
    "replies_are_as_declared": [broken(send=without_quote)],
    "templates_are_as_declared": [declaring(templates=False), broken(list_templates=nameless_templates)],
    "an_echo_of_our_send_is_our_message": [
        broken(parse=each_event(MessageEchoed, given(external_id="wamid.another"))),
        broken(parse=dropping(lambda one: is_event(one, MessageEchoed))),
    ],
    "what_was_written_elsewhere_is_shown_and_not_sent": [
        broken(parse=each_event(MessageEchoed, given(recipient=None))),
        broken(parse=each_event(MessageEchoed, given(recipient=Person(keys=(IdentityKey(kind="phone", value="+1"),))))),
    ],
    "reports_end_in_one_state": [
        broken(parse=each_event(ReceiptReceived, given(state="delivered"))),
        broken(parse=each_event(ReceiptReceived, given(external_id="wamid.another", reference=None))),
    ],
    "a_reported_failure_says_why": [
        broken(parse=each_event(ReceiptReceived, given(error=None))),
        broken(parse=each_event(ReceiptReceived, given(state="sent"))),
    ],
    "a_watermark_covers_what_came_before_it": [
        broken(Watermarked, parse=watermarks(timedelta(days=1))),
        broken(Watermarked, parse=watermarks(-timedelta(days=1))),
    ],
    "edits_and_deletions_keep_what_was_said": [
        broken(parse=each_event(MessageEdited, given(target="wamid.another"))),
        broken(parse=each_event(MessageEdited, given(content=Text(text="...")))),
        broken(parse=dropping(lambda one: isinstance(one, Item) and one.event.__struct_config__.tag == "delete")),
    ],
    "the_latest_reaction_wins": [
        broken(parse=each_event(ReactionChanged, lambda event: replace(event, emoji=event.emoji or "x"))),
        broken(parse=each_event(ReactionChanged, lambda event: later(timedelta(hours=ord(event.emoji or "b")))(event))),
    ],
    "the_window_opens_and_closes": [
        broken(window=window_of_the_last),
        broken(closes_at=lambda self, draft: draft.recipient.window.expires_at),
        broken(window=lambda self, current, event, id: current),
    ],
    "an_expired_token_pauses_the_account": [
        broken(send=instead(AccountBroken, Rejected)),
        broken(check_account=never_wrong),
    ],
    "a_rate_limit_is_waited_for": [
        broken(send=instead(Throttled, Rejected)),
        broken(send=instead(Throttled, lambda reason: Throttled(reason, scope="account"))),
        broken(send=instead(Throttled, Unavailable)),
        samples(retry_after_s=8.0),
    ],
    "a_server_error_is_not_the_end": [broken(send=instead(Unavailable, Rejected))],
    "an_unreachable_person_is_told_of": [broken(send=instead(Rejected, Rejected)), broken(send=believes_anything)],
    "a_window_that_the_provider_closed_is_told_of": [broken(send=instead(Rejected, Unavailable))],
    "any_answer_is_a_receipt_or_a_send_error": [
        broken(send=believes_anything),
        broken(send=trips_over_odd_answers),
    ],
    "a_lost_answer_is_never_a_second_message": [broken(send=requests(only_messages(effect=False)))],
    "an_answer_without_a_name_is_unknown": [
        broken(send=instead(OutcomeUnknown, Unavailable)),
        broken(send=believes_anything),
    ],
    "what_was_lost_before_the_effect_is_harmless": [broken(send=requests(uploads_show))],
    "what_proves_the_arrival_settles_a_lost_answer": [
        broken(parse=each_event(ReceiptReceived, given(reference=None))),
        broken(parse=each_event(ReceiptReceived, given(reference="pb1:msg_0:0:1"))),
    ],
    "reports_may_come_before_their_message": [
        broken(parse=forgetting_the_early()),
        broken(parse=dropping(lambda one: is_event(one, ReceiptReceived))),
    ],
    "interleavings_end_in_one_state": [
        broken(parse=each_event(ReceiptReceived, given(external_id="wamid.nobodys", reference=None))),
        broken(parse=counted_edits()),
        broken(parse=counted_messages()),
        broken(parse=each_item(lambda item: replace(item, event=later(timedelta(hours=item.index))(item.event)))),
    ],
}
