"""Silver and gold: the files that webhooks name are found, and nothing but them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from patchbay.channel import ApiRequest, ApiResponse, MediaSource
from patchbay.errors import MediaRefused, SendError
from patchbay.model.content import AnyContent, Interactive, MediaRef, media_of, type_of, with_media
from patchbay.model.media import Media
from patchbay.testing.channel_answers import failing
from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_damage import paths, put
from patchbay.testing.channel_questions import file, files, nameless
from patchbay.testing.channel_samples import ContentSample, Fault, SampleMissing
from patchbay.testing.channel_silver import contents, named, recipient_of

ELSEWHERE = "https://nobody.example/file"
UNSAFE = (
    *("file:///etc/passwd", "http://169.254.169.254/latest", "http://localhost/", "ftp://nobody.example/file"),
    *("https://graph.example@nobody.example/file", "//nobody.example/file", "nobody", "https://", "https://[", " ", ""),
)


def named_files(bench: Bench) -> list[Media]:
    """The files of the samples. Raises ``NotApplicable`` where no webhook of theirs names one."""
    found = files(bench)
    if not found:
        raise NotApplicable("no sample of a webhook names a file")
    return found


@check("silver")
def files_are_found(bench: Bench) -> None:
    """``fetch_media`` of every file that the samples' webhooks name gives an address, which is https or the account's
    own host; the person sees nothing by it."""
    for media in named_files(bench):
        question = file(bench, media)
        try:
            driven = question.asked(bench)
        except SendError as error:
            fail(f"{question.name} raised {type(error).__name__}: {error.reason}")
        expect(not driven.effects, f"{question.name} has an effect")


@check("silver")
def files_are_sent_by_their_address_as_declared(bench: Bench) -> None:
    """A file of each kind in ``capabilities.fetches`` is sent by the address that the provider fetches it from: one of
    the requests names it, and nothing is handed over."""
    fetches = bench.channel.capabilities.fetches
    if not fetches:
        raise NotApplicable("the channel declares no files that the provider fetches")
    to, tried = recipient_of(bench), set()
    for sample in contents(bench):
        kind = _kind(sample.content)
        if kind not in fetches:
            continue
        tried.add(kind)
        remote = with_media(sample.content, MediaRef(url=ELSEWHERE, state="remote"))
        what = f"{named(sample)} by the address of the {kind}"
        made = [request for driven in bench.send(ContentSample(remote), to, what) for request in driven.requests]
        expect(not any(request.file for request in made), f"{what} was handed over")
        said = [str((request.json, request.form)) for request in made]
        expect(any(ELSEWHERE in each for each in said), f"{what} was sent without the address")
    if lacking := sorted(fetches - tried):
        raise SampleMissing(f"contents: file {', '.join(lacking)}")


def _kind(content: AnyContent) -> str | None:
    """What kind of file a content carries, as ``fetches`` names it; None where it carries none."""
    if media_of(content) is None:
        return None
    return content.header.kind if isinstance(content, Interactive) and content.header else type_of(content)


@check("gold")
def files_that_are_gone_are_given_up(bench: Bench) -> None:
    """The answer ``file_gone`` is ``MediaRefused``, and so is a file of which neither id nor address was told, without
    any request."""
    found = named_files(bench)
    for media in found:
        _given_up(bench, nameless(media), "of which nothing was told", _nobody)
    bench.need("file_gone")
    if not any(_asks(bench, media) for media in found):
        raise NotApplicable("the address is in the webhook, and nothing is asked")
    for media in found:
        if _asks(bench, media):
            _given_up(bench, media, "that is gone", failing(bench, "file_gone"))


def _given_up(bench: Bench, media: Media, how: str, answer: Any) -> None:
    question = file(bench, media)
    try:
        driven = bench.drive(question.start(), answer)
    except MediaRefused as error:
        expect(bool(error.reason), f"{question.name}, {how}, was given up without a reason")
        return
    except SendError as error:
        fail(f"{question.name}, {how}, raised {type(error).__name__}, not MediaRefused")
    fail(f"{question.name}, {how}, gave {driven.result!r}")


def _nobody(request: ApiRequest) -> ApiResponse:
    fail(f"a request was made for a file of which nothing was told: {request.method} {request.path}")


def _asks(bench: Bench, media: Media) -> bool:
    return bool(file(bench, media).asked(bench).requests)


@check("gold")
def files_that_cannot_be_had_now_are_not_given_up(bench: Bench) -> None:
    """The answers ``server_error``, ``rate_limited`` and ``token_expired`` to the look-up of a file say nothing against
    the file: they raise no ``MediaRefused``, and the first two are tried again."""
    asking = [media for media in named_files(bench) if _asks(bench, media)]
    if not asking:
        raise NotApplicable("the address is in the webhook, and nothing is asked")
    faults: tuple[Fault, ...] = ("server_error", "rate_limited", "token_expired")
    for media, fault in ((media, fault) for media in asking for fault in faults):
        question = file(bench, media)
        try:
            driven = bench.drive(question.start(), failing(bench, fault))
        except SendError as error:
            lost = isinstance(error, MediaRefused) or (fault != "token_expired" and not error.retryable)
            expect(not lost, f"{question.name}: the answer {fault} raised {type(error).__name__}: the file is lost")
            continue
        fail(f"{question.name}: the answer {fault} gave {driven.result!r}")


@check("gold")
def a_file_is_looked_for_nowhere_else(bench: Bench) -> None:
    """Where a webhook or the answer to a look-up names an address that is not safe, ``fetch_media`` raises a
    ``SendError``; one at a stranger's host is asked without the token."""
    for media in named_files(bench):
        for url in (*UNSAFE, ELSEWHERE):
            told = replace(nameless(media), provider=replace(media.provider, media_id=None, url=url))
            _kept_at_home(bench, told, None, f", at {url!r} by the webhook,")
        driven = file(bench, media).asked(bench)
        for number, answer in enumerate(driven.answers):
            for url, changed in _misled(answer):
                _kept_at_home(bench, media, (number, changed), f", with {url!r} in the answer,")


def _misled(answer: ApiResponse) -> Iterator[tuple[str, ApiResponse]]:
    """The answer with addresses in the place of each of its values."""
    body = dict(answer.body)
    for path in paths(body):
        for url in (*UNSAFE, ELSEWHERE):
            yield url, ApiResponse(answer.status, put(body, path, url), answer.headers)


def _kept_at_home(bench: Bench, media: Media, changed: tuple[int, ApiResponse] | None, how: str) -> None:
    question, asked = file(bench, media), iter(range(1_000))

    def answering(request: ApiRequest) -> ApiResponse:
        number = next(asked)
        return changed[1] if changed is not None and number == changed[0] else bench.provider(request)

    try:
        driven = bench.drive(question.start(), answering)
    except SendError:
        return
    except Exception as error:
        fail(f"{question.name}{how} raised {type(error).__name__}: {error}")
    question.judge(driven.result, how)
    source: MediaSource = driven.result
    expect(
        not (source.url == ELSEWHERE and source.authorise), f"{question.name}{how} would show the token to a stranger"
    )
