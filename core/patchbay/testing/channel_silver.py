"""Silver: what the channel declares, it carries; what it does not, it refuses before anything is queued."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import ApiRequest, ApiResponse, Recipient
from patchbay.errors import RecipientUnreachable, SendError, Unsupported
from patchbay.model.content import Interactive, Text, type_of
from patchbay.model.conversation import Window
from patchbay.testing.channel_bench import Bench, Driven
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_contents import ANY_CONTENTS, ENDLESS, endless
from patchbay.testing.channel_inbox import open_inbox
from patchbay.testing.channel_samples import ContentSample, SampleMissing


def recipient_of(bench: Bench) -> Recipient:
    """The person of the samples, who has just written."""
    return open_inbox(bench).recipient


def contents(bench: Bench) -> list[ContentSample]:
    """The contents that the author supplied. Raises ``SampleMissing`` where something declared has none."""
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
    return given


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
        for part in bench.channel.split(sample.content):
            bench.send(ContentSample(part, sample.media), to, what)


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
        for part in bench.channel.split(exactly):
            bench.send(ContentSample(part), to, f"a text of {limit} characters")
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
        refused = bench.refusal(part, to, None)
        expect(refused is None, f"{size} was split into a part that check refuses: {refused}")
        expect(limit is None or (isinstance(part, Text) and len(part.text) <= limit), f"a part of {size} is too long")
        bench.send(ContentSample(part), to, f"a part of {size}")


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
    request."""
    nobody = Recipient(identities=(), window=Window())
    for sample in contents(bench)[:3]:
        if bench.refusal(sample.content, nobody, sample.media) is not None:
            continue
        try:
            driven = bench.drive(bench.channel.send(bench.samples.account, bench.outgoing(sample, nobody)), _nothing)
        except RecipientUnreachable:
            continue
        except Exception as error:
            fail(f"{named(sample)} to nobody raised {type(error).__name__}: {error}")
        fail(f"{named(sample)} was sent to nobody: {driven.requests}")


def _nothing(request: ApiRequest) -> ApiResponse:
    fail(f"a request was made for a person without an address: {request.method} {request.path}")


@check("silver")
def effects_are_what_a_person_sees(bench: Bench) -> None:
    """``effect`` is true exactly on the requests by which the person sees something, and on one of each part sent."""
    to, channel, account = recipient_of(bench), bench.channel, bench.samples.account
    for sample in contents(bench):
        for part in channel.split(sample.content):
            driven = bench.send(ContentSample(part, sample.media), to, f"the sample {named(sample)}")
            _marked(bench, driven, named(sample))
            expect(driven.effects == 1, f"{named(sample)} took {driven.effects} requests with an effect, not one")
    flows = {
        "typing": channel.typing(account, to, bench.samples.id(0)),
        "mark_read": channel.mark_read(account, to, bench.samples.id(0)),
        "check_account": channel.check_account(account),
    }
    if channel.capabilities.reactions:
        flows["react"] = channel.react(account, to, bench.samples.id(0), "\N{THUMBS UP SIGN}")
    for name, flow in flows.items():
        _marked(bench, bench.accepted(flow, name), name)


def _marked(bench: Bench, driven: Driven, what: str) -> None:
    for request in driven.requests:
        shows = bench.sample("shows", request)
        if request.effect != shows:
            sees = "sees something" if shows else "sees nothing"
            fail(f"{what}: the person {sees} by {request.method} {request.path}, and effect is {request.effect}")


@check("silver")
def requests_go_to_the_provider(bench: Bench) -> None:
    """``base_url`` is an address without a trailing slash, ``token`` makes none up, and no request has a body of two
    kinds."""
    channel, account, to = bench.channel, bench.samples.account, recipient_of(bench)
    base = channel.base_url(account)
    expect(base.startswith(("https://", "http://")), f"base_url is {base!r}")
    expect(not base.endswith("/"), f"base_url ends with a slash: {base!r}")
    expect(channel.token({}) is None, "token made one up where there are no credentials")
    for sample in contents(bench):
        for request in bench.send(sample, to, f"the sample {named(sample)}").requests:
            expect(request.json is None or (request.form is None and request.file is None), f"{request} has two bodies")
            expect("://" not in request.path or request.path.startswith("https://"), f"{request.path} is not safe")


@check("silver")
def reactions_are_as_declared(bench: Bench) -> None:
    """Where ``capabilities.reactions`` is true, a reaction is set and taken back by different requests; else ``react``
    raises ``Unsupported``."""
    to, channel, target = recipient_of(bench), bench.channel, bench.samples.id(0)

    def react(emoji: str | None) -> Driven:
        flow = channel.react(bench.samples.account, to, target, emoji)
        return bench.accepted(flow, "a reaction" if emoji else "taking a reaction back")

    if channel.capabilities.reactions:
        set_, gone = react("\N{THUMBS UP SIGN}"), react(None)
        expect(bool(set_.requests) and bool(gone.requests), "reactions are declared, and no request is made for one")
        expect(set_.requests != gone.requests, "setting a reaction and taking it back are the same request")
        return
    try:
        bench.drive(channel.react(bench.samples.account, to, target, "\N{THUMBS UP SIGN}"))
    except Unsupported:
        return
    except SendError as error:
        fail(f"reactions are not declared, and react raised {type(error).__name__}")
    fail("reactions are not declared, and react took one")


@check("silver")
def typing_and_read_marks_are_as_declared(bench: Bench) -> None:
    """Where ``capabilities`` declares them they are requests that the provider accepts; else nothing is asked."""
    to, channel, last, account = recipient_of(bench), bench.channel, bench.samples.id(0), bench.samples.account
    flows = (
        ("typing", channel.capabilities.typing, channel.typing(account, to, last)),
        ("mark_read", channel.capabilities.read_receipts, channel.mark_read(account, to, last)),
    )
    for name, declared, flow in flows:
        made = len(bench.accepted(flow, name).requests)
        expect((made > 0) == declared, f"{name} made {made} requests, and capabilities say {declared}")


@check("silver")
def replies_are_as_declared(bench: Bench) -> None:
    """Where ``capabilities.replies`` is true, a reply makes other requests than the same content without."""
    if not bench.channel.capabilities.replies:
        raise NotApplicable("the channel declares no replies")
    to, sample, quoted = recipient_of(bench), contents(bench)[0], bench.samples.id(7_777)
    driven = bench.send(sample, to, "a reply", reply_to=quoted)
    plain = bench.send(sample, to, "no reply")
    expect(driven.requests != plain.requests, f"a reply to {quoted!r} makes the same requests as no reply")


@check("silver")
def templates_are_as_declared(bench: Bench) -> None:
    """Where ``capabilities.templates`` is true, ``list_templates`` asks for them; else there are none."""
    flow = bench.channel.list_templates(bench.samples.account)
    driven = bench.accepted(flow, "list_templates")
    declared = bench.channel.capabilities.templates
    expect(isinstance(driven.result, list), f"list_templates returned {driven.result!r}")
    expect(bool(driven.requests) == declared, f"list_templates made {len(driven.requests)} requests")
    expect(declared or not driven.result, "templates are not declared, and there are some")
    for template in driven.result:
        lacking = [name for name in ("name", "language", "status") if not template.get(name)]
        expect(not lacking, f"a template has no {', '.join(lacking)}")
