"""Silver: what the channel declares, it carries; what it does not, it refuses before anything is queued."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from patchbay.channel import ApiRequest, ApiResponse, Recipient
from patchbay.errors import RecipientUnreachable, SendError, Unsupported
from patchbay.model.content import Interactive, Text, type_of
from patchbay.model.conversation import Window
from patchbay.testing.channel_bench import Bench, Driven
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_contents import ANY_CONTENTS, ENDLESS, endless
from patchbay.testing.channel_inbox import open_inbox
from patchbay.testing.channel_questions import questions, reactions, well_addressed
from patchbay.testing.channel_samples import ContentSample, SampleMissing


def recipient_of(bench: Bench) -> Recipient:
    """The person of the samples, who has just written."""
    return open_inbox(bench).recipient


def contents(bench: Bench) -> list[ContentSample]:
    """The contents that the author supplied, but for those that the sample account cannot carry. Raises
    ``SampleMissing`` where something declared has none."""
    given: list[ContentSample] = list(bench.sample("contents"))
    capabilities = bench.channel.capabilities
    types = {type_of(sample.content) for sample in given}
    kinds = {sample.content.kind for sample in given if isinstance(sample.content, Interactive)}
    lacking = [f"content {name}" for name in sorted(capabilities.contents - types)]
    lacking += [f"interactive {name}" for name in sorted(capabilities.interactive - kinds)]
    files = {sample.media.kind for sample in given if sample.media is not None}
    lacking += [f"file {name}" for name in sorted(set(capabilities.media) - files)]
    if lacking:
        raise SampleMissing(f"contents: {', '.join(lacking)}")
    return [sample for sample in given if named(sample) not in bench.samples.lacks]


def named(sample: ContentSample) -> str:
    content = sample.content
    return f"interactive {content.kind}" if isinstance(content, Interactive) else type_of(content)


@check("silver")
def what_is_declared_is_sent(bench: Bench) -> None:
    """For each content type, interactive kind and kind of file in ``capabilities``, ``check`` takes the samples, and
    ``send`` makes requests that the provider accepts and names the message."""
    to = recipient_of(bench)
    for sample in contents(bench):
        what = f"the sample {named(sample)}"
        expect(type_of(sample.content) in bench.channel.capabilities.contents, f"{what} is not declared")
        refused = bench.refusal(sample.content, to, sample.media)
        expect(refused is None, f"{what} was refused by check: {refused}")
        bench.send(sample, to, what)


@check("silver")
def what_is_not_declared_is_refused(bench: Bench) -> None:
    """``check`` refuses every content type and interactive kind that ``capabilities`` does not name."""
    to, capabilities = recipient_of(bench), bench.channel.capabilities
    for sample in ANY_CONTENTS:
        content = sample.content
        declared = type_of(content) in capabilities.contents
        if isinstance(content, Interactive):
            declared = declared and content.kind in capabilities.interactive
        if not declared:
            _refused(bench, sample, to, f"{named(sample)}, which is not declared,")


@check("silver")
def what_the_account_cannot_carry_is_refused(bench: Bench) -> None:
    """A content that ``capabilities`` declare and the sample account ``lacks`` is refused as ``Unsupported``, by
    ``check`` or by ``send`` before any request."""
    to = recipient_of(bench)
    given = [sample for sample in bench.sample("contents") if named(sample) in bench.samples.lacks]
    if not given:
        raise NotApplicable("all that is declared, the sample account carries")
    for part in (part for sample in given for part in bench.parts(sample)):
        try:
            bench.channel.check(bench.samples.account, part.content, to, part.media)
            driven = bench.drive(bench.channel.send(bench.samples.account, bench.outgoing(part, to)), _nothing)
        except Unsupported as error:
            expect(bool(error.reason), f"{named(part)} was refused without a reason")
            continue
        except SendError as error:
            fail(f"{named(part)}, which the account lacks, was refused with {type(error).__name__}")
        fail(f"{named(part)}, which the account lacks, was sent: {driven.result!r}")


@check("silver")
def what_is_too_much_is_refused(bench: Bench) -> None:
    """``check`` refuses the samples of ``refused``, and each sample of ``contents`` with endless texts or lists."""
    to = recipient_of(bench)
    for sample in bench.sample("refused"):
        _refused(bench, sample, to, f"the refused sample {named(sample)}")
    for sample in contents(bench):
        for what, content in endless(sample.content):
            if isinstance(content, Text):  # what may be split is checked apart
                continue
            _refused(bench, ContentSample(content, sample.media), to, f"{named(sample)} with {what}")


def _refused(bench: Bench, sample: ContentSample, to: Recipient, what: str) -> None:
    error = bench.refusal(sample.content, to, sample.media)
    if not isinstance(error, Unsupported):
        fail(f"{what} was {'taken by check' if error is None else f'refused with {type(error).__name__}'}")
    expect(bool(error.reason), f"{what} was refused without a reason")
    expect(error.pointer.startswith(("/content", "/to")), f"{what} was refused with the pointer {error.pointer!r}")


@check("silver")
def long_texts_are_refused_or_split(bench: Bench) -> None:
    """A text of ``text_limit`` characters is sent. One more is refused, or split without loss into parts that fit."""
    limit = bench.channel.capabilities.text_limit
    if "text" not in bench.channel.capabilities.contents:
        raise NotApplicable("the channel declares no texts")
    to = recipient_of(bench)
    if limit is not None:
        exactly = Text(text="x" * limit)
        refused = bench.refusal(exactly, to, None)
        expect(refused is None, f"a text of {limit} characters, the declared limit, was refused: {refused}")
        bench.send(ContentSample(exactly), to, f"a text of {limit} characters")
    words = " ".join(f"word{number}" for number in range((limit or ENDLESS) // 2))
    for text in (words, "x" * (limit + 1 if limit else ENDLESS), "\N{GRINNING FACE}" * ((limit or ENDLESS) + 1)):
        _fits(bench, to, Text(text=text), limit)


def _fits(bench: Bench, to: Recipient, content: Text, limit: int | None) -> None:
    size = f"a text of {len(content.text)} characters"
    error = bench.refusal(content, to, None)
    if error is not None:
        _refused(bench, ContentSample(content), to, size)
        return
    parts = bench.channel.split(content)
    expect(len(parts) > 1 or limit is None, f"{size} was taken whole; the declared limit is {limit}")
    said = "".join(part.text for part in parts if isinstance(part, Text))
    expect("".join(said.split()) == "".join(content.text.split()), f"{size} was split, and something was lost")
    for part in parts:
        expect(limit is None or (isinstance(part, Text) and len(part.text) <= limit), f"a part of {size} is too long")
    bench.send(ContentSample(content), to, size)


@check("silver")
def files_are_judged_by_type_and_size(bench: Bench) -> None:
    """``check`` takes every declared MIME type up to the declared size, and refuses others, larger ones and empty
    ones."""
    rules = bench.channel.capabilities.media
    if not rules:
        raise NotApplicable("the channel declares no files")
    to = recipient_of(bench)
    tried = set()
    for sample in contents(bench):
        media = sample.media
        if media is None or media.kind not in rules or type_of(sample.content) != media.kind:
            continue
        rule = rules[media.kind]
        tried.add(media.kind)
        for mime_type in sorted(rule.mime_types):
            if mime_type.endswith("/*"):
                continue
            one = replace(media, mime_type=mime_type)
            refused = bench.refusal(sample.content, to, one)
            expect(refused is None, f"{media.kind} of the declared type {mime_type} was refused: {refused}")
        odd = {"larger than declared": replace(media, size=rule.max_bytes + 1), "empty": replace(media, size=0)}
        if not any(mime_type.endswith("/*") for mime_type in rule.mime_types):
            odd["of another type"] = replace(media, mime_type="application/x-nobody-takes-this")
        for how, file in odd.items():
            _refused(bench, ContentSample(sample.content, file), to, f"{media.kind} {how}")
    if lacking := sorted(set(rules) - tried):
        raise SampleMissing(f"contents: file {', '.join(lacking)}")


@check("silver")
def nobody_is_written_to_without_an_address(bench: Bench) -> None:
    """Where no key of the person is known, ``check`` refuses, or ``send`` raises ``RecipientUnreachable`` before any
    request; reactions, typing and read marks raise nothing but a ``SendError``."""
    nobody = Recipient(identities=(), window=Window())
    for part in (part for sample in contents(bench)[:3] for part in bench.parts(sample)):
        if bench.refusal(part.content, nobody, part.media) is not None:
            continue
        try:
            driven = bench.drive(bench.channel.send(bench.samples.account, bench.outgoing(part, nobody)), _nothing)
        except RecipientUnreachable:
            continue
        except Exception as error:
            fail(f"{named(part)} to nobody raised {type(error).__name__}: {error}")
        fail(f"{named(part)} was sent to nobody: {driven.requests}")
    for question in (*questions(bench, nobody), *reactions(bench, nobody)):
        try:
            bench.drive(question.start())
        except SendError:
            continue
        except Exception as error:
            fail(f"{question.name} for nobody raised {type(error).__name__}: {error}")


def _nothing(request: ApiRequest) -> ApiResponse:
    fail(f"a request was made for what cannot be sent: {request.method} {request.path}")


@check("silver")
def effects_are_what_a_person_sees(bench: Bench) -> None:
    """``effect`` is true exactly on the requests by which the person sees something, and on one of each part sent."""
    to = recipient_of(bench)
    for sample in contents(bench):
        for driven in bench.send(sample, to, f"the sample {named(sample)}"):
            _marked(bench, driven, named(sample))
            expect(driven.effects == 1, f"{named(sample)} took {driven.effects} requests with an effect, not one")
    for question in (*questions(bench, to), *reactions(bench, to)):
        _marked(bench, question.asked(bench), question.name)


def _marked(bench: Bench, driven: Driven, what: str) -> None:
    for request in driven.requests:
        shows = bench.sample("shows", request)
        if request.effect != shows:
            sees = "sees something" if shows else "sees nothing"
            fail(f"{what}: the person {sees} by {request.method} {request.path}, and effect is {request.effect}")


@check("silver")
def requests_go_to_the_provider(bench: Bench) -> None:
    """``base_url`` is an address without a trailing slash. Every request, of sends and of questions, is below it or
    absolute and https; the token's place is in none that leads elsewhere, and none has a body of two kinds."""
    base = bench.channel.base_url(bench.samples.account)
    expect(base.startswith(("https://", "http://")), f"base_url is {base!r}")
    expect(not base.endswith("/"), f"base_url ends with a slash: {base!r}")
    to, looking = recipient_of(bench), Bench(bench.samples, look=partial(well_addressed, bench))
    for sample in contents(bench):
        looking.send(sample, to, f"the sample {named(sample)}")
    for question in questions(bench, to):
        question.asked(looking)
