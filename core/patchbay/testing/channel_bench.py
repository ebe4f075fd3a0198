"""Where a channel is tried: its samples, read and signed, and its flows, answered by its provider. No IO."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from patchbay.channel import (
    AccountRef,
    ApiRequest,
    ApiResponse,
    Item,
    Malformed,
    Outgoing,
    Recipient,
    SendReceipt,
    SignedRequest,
)
from patchbay.errors import BadPayload, OutcomeUnknown, SendError, Unavailable
from patchbay.inbox.outbox_ids import reference
from patchbay.model.content import AnyContent, media_of
from patchbay.model.media import Media
from patchbay.testing.channel_checks import NotApplicable, expect, fail
from patchbay.testing.channel_samples import MAY_LACK, ChannelSamples, ContentSample, Fault, SampleMissing

T = TypeVar("T")
Answering = Callable[[ApiRequest], ApiResponse]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUESTS_AT_MOST = 100  # of one flow; more is a flow without an end


def dice(seed: int) -> Random:
    """Choices that are the same at every run."""
    return Random(seed)  # noqa: S311 - what is tried need not be a secret


def at(seconds: int) -> datetime:
    """A moment of the day of the checks."""
    return NOON + timedelta(seconds=seconds)


@dataclass
class Driven:
    """What a flow did: its requests so far, the provider's answers, and its result when it came to an end."""

    requests: list[ApiRequest] = field(default_factory=list)
    answers: list[ApiResponse] = field(default_factory=list)
    result: Any = None

    @property
    def effects(self) -> int:
        return sum(request.effect for request in self.requests)


@dataclass(frozen=True)
class Bench:
    """The samples of one channel, and what all checks do with them. ``look`` sees each request before the provider."""

    samples: ChannelSamples
    look: Callable[[ApiRequest], None] | None = None

    @property
    def channel(self) -> Any:
        return self.samples.channel

    # samples

    def sample(self, name: str, *arguments: Any) -> Any:
        """A sample that is needed. Raises ``NotApplicable`` where the provider has none, ``SampleMissing``."""
        if name in self.samples.lacks and name in MAY_LACK:
            raise NotApplicable(self.samples.lacks[name])
        return getattr(self.samples, name)(*arguments)

    def has(self, name: str) -> bool:
        """Whether the provider has it. The sample may still be missing."""
        return not (name in self.samples.lacks and name in MAY_LACK)

    def need(self, name: str) -> None:
        """Raise ``NotApplicable`` where the provider has no such thing."""
        if not self.has(name):
            raise NotApplicable(self.samples.lacks[name])

    def message(self, number: int, text: str | None = None, seconds: int = 0) -> bytes:
        body: bytes = self.sample("message", self.samples.id(number), text or f"Text {number}", at(seconds))
        return body

    def bodies(self) -> dict[str, bytes]:
        """One body of each kind that is supplied, by name: what may be damaged and repeated. Which kinds have to be
        there is said by the checks that are about them."""
        id, mine, reaction = self.samples.id, self.samples.id(1), "\N{THUMBS UP SIGN}"
        asked: Mapping[str, tuple[Any, ...]] = {
            "message": (mine, "Text 1", at(0)),
            "unknown": (),
            "broken": (),
            "receipt": (id(900), self.samples.states[0] if self.samples.states else "sent", at(10), None),
            "watermark": (self.samples.states[-1] if self.samples.states else "read", at(20)),
            "echo": (id(901), "Elsewhere", at(11), None),
            "edit": (id(902), mine, "Text 1, edited", at(12)),
            "delete": (id(903), mine, at(13)),
            "reaction": (id(904), mine, reaction, at(14)),
        }
        found = {}
        for name, arguments in asked.items():
            try:
                found[name] = self.sample(name, *arguments)
            except NotApplicable:
                continue
            except SampleMissing:
                if name not in MAY_LACK:
                    raise
        return {**found, **{f"others: {name}": body for name, body in self.samples.others().items()}}

    # reading

    def request(self, body: bytes, headers: Mapping[str, str] | None = None) -> SignedRequest:
        """A webhook as it comes, signed unless headers are given."""
        headers = self.sample("sign", body) if headers is None else headers
        return SignedRequest(body, headers, self.samples.account.external_id)

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        """The items of a sample. A bad payload is a failure: the samples are webhooks of the provider."""
        try:
            return tuple(self.channel.parse(body))
        except BadPayload as error:
            fail(f"a sample is a bad payload: {error.detail}")

    def items(self, body: bytes) -> list[Item]:
        """The items of a sample of which none may be malformed."""
        parsed = self.parse(body)
        for one in parsed:
            if isinstance(one, Malformed):
                fail(f"a sample is malformed: {one.error}")
        return [one for one in parsed if isinstance(one, Item)]

    def only(self, body: bytes, type: type[T], what: str) -> T:
        """The event of a sample that is one update of a known kind."""
        items = self.items(body)
        if len(items) != 1 or not isinstance(items[0].event, type):
            became = ", ".join(one.event.__class__.__name__ for one in items) or "nothing"
            fail(f"the sample {what} became {became}, not one {type.__name__}")
        return items[0].event

    def is_ours(self, ref: AccountRef) -> bool:
        """Whether an item is for the account of the samples."""
        account = self.samples.account
        if ref.external_id is not None:
            return ref.external_id == account.external_id or (
                ref.or_parent and ref.external_id == account.parent_external_id
            )
        return ref.parent_external_id in (None, account.parent_external_id)

    # sending

    def provider(self, request: ApiRequest, fault: Fault | None = None) -> ApiResponse:
        """The provider's answer. Raises ``NotApplicable`` where it knows no such fault, ``SampleMissing``."""
        if fault is not None:
            self.need(fault)
        if self.look is not None:
            self.look(request)
        return self.samples.provider(request, fault)

    def drive(self, flow: Generator[ApiRequest, ApiResponse, Any], answer: Answering | None = None) -> Driven:
        """Run a flow to its end. Raises what the flow raises."""
        driven = Driven()
        answer = answer or self.provider
        try:
            request = next(flow)
            while True:
                driven.requests.append(request)
                if len(driven.requests) > REQUESTS_AT_MOST:
                    fail(f"the flow made {REQUESTS_AT_MOST} requests and did not end")
                driven.answers.append(answer(request))
                request = flow.send(driven.answers[-1])
        except StopIteration as end:
            driven.result = end.value
        return driven

    def accepted(self, flow: Generator[ApiRequest, ApiResponse, Any], what: str) -> Driven:
        """Run a flow that the provider has to take."""
        try:
            driven = self.drive(flow)
        except SendError as error:
            fail(f"{what} was refused: {type(error).__name__}: {error.reason} {error.details or ''}".rstrip())
        for request, answer in zip(driven.requests, driven.answers, strict=True):
            if answer.status >= 400:
                told = f"{request.method} {request.path} with {answer.status} {dict(answer.body)}"
                fail(f"{what}: the provider refused {told}, and the channel did not say so")
        return driven

    def parts(self, sample: ContentSample) -> list[ContentSample]:
        """What a content is sent as: its parts, and the file with those that refer to it."""
        parts = self.channel.split(sample.content)
        return [ContentSample(part, sample.media if media_of(part) is not None else None) for part in parts]

    def outgoing(self, sample: ContentSample, to: Recipient, *, part: int = 0, **more: Any) -> Outgoing:
        """One part on its way out; ``more`` are other fields of ``Outgoing``."""
        return Outgoing(
            message_id="msg_1",
            reference=reference("msg_1", part, 1),
            content=sample.content,
            recipient=to,
            media=sample.media,
            **more,
        )

    def send(self, sample: ContentSample, to: Recipient, what: str, *, reply_to: str | None = None) -> list[Driven]:
        """Send a content as it is delivered: part after part, each checked by itself, the quote with the first."""
        parts = self.parts(sample)
        expect(bool(parts), f"{what} was split into nothing")
        quotes = (reply_to, *([None] * (len(parts) - 1)))
        return [
            self.send_part(part, to, what, reply_to=quote, part=number)
            for number, (part, quote) in enumerate(zip(parts, quotes, strict=True))
        ]

    def send_part(self, sample: ContentSample, to: Recipient, what: str, **more: Any) -> Driven:
        """Send one part; the provider has to take it, and the channel to say what it is called."""
        refused = self.refusal(sample.content, to, sample.media)
        expect(refused is None, f"{what}: check refuses what it is split into: {refused}")
        message = self.outgoing(sample, to, **more)
        driven = self.accepted(self.channel.send(self.samples.account, message), what)
        receipt = driven.result
        if not isinstance(receipt, SendReceipt) or not receipt.external_id:
            fail(f"{what} was sent, and the receipt does not name it")
        return driven

    def refusal(self, content: AnyContent, to: Recipient, media: Media | None) -> SendError | None:
        """Why ``check`` refuses a content; None when it takes it."""
        try:
            self.channel.check(self.samples.account, content, to, media)
        except SendError as error:
            return error
        return None


def lost(request: ApiRequest) -> ApiResponse:
    """What the runner makes of an answer that never came."""
    if request.effect:
        raise OutcomeUnknown("The request left and no answer came.")
    raise Unavailable("The provider did not answer: TimeoutError.")
