"""What a channel asks its provider beside sending: each flow, and what it may come to. No IO."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from patchbay.channel import (
    TOKEN_PLACE,
    ApiRequest,
    ApiResponse,
    Finding,
    IdentityKey,
    Item,
    MediaSource,
    MessageWithheld,
    Person,
    Recipient,
    SendReceipt,
    TokenState,
)
from patchbay.collections import MEDIA
from patchbay.model.media import Media
from patchbay.testing.channel_bench import NOON, Bench, Driven
from patchbay.testing.channel_checks import expect
from patchbay.testing.channel_inbox import open_inbox

FILES_AT_MOST = 6  # files that the samples name are many alike
THUMBS_UP = "\N{THUMBS UP SIGN}"
STATES = ("ok", "warning", "problem", "unknown")


@dataclass(frozen=True)
class Question:
    """One flow. ``start`` begins it anew; ``wrong`` says what is wrong with a result, None when nothing is.

    ``refusable`` is a flow that has to say of an error status that it got no answer.
    """

    name: str
    start: Callable[[], Generator[ApiRequest, ApiResponse, Any]]
    wrong: Callable[[Any], str | None]
    refusable: bool = True

    def asked(self, bench: Bench) -> Driven:
        """Ask; the provider has to answer, and the channel to make of it what the contract says."""
        driven = bench.accepted(self.start(), self.name)
        self.judge(driven.result)
        return driven

    def judge(self, result: Any, after: str = "") -> None:
        """Fail unless the result is what the contract says."""
        wrong = self.wrong(result)
        expect(wrong is None, f"{self.name}{after} {wrong}")


def questions(bench: Bench, to: Recipient) -> list[Question]:
    """All that this channel declares to ask of its provider, and what it asks of every one."""
    channel, account, last = bench.channel, bench.samples.account, bench.samples.id(0)
    asked = [
        Question("check_account", lambda: channel.check_account(account), _wrong_details),
        Question("list_templates", lambda: channel.list_templates(account), _wrong_templates),
        Question("diagnose", lambda: channel.diagnose(account), _wrong_findings, refusable=False),
        Question("mark_read", lambda: channel.mark_read(account, to, last), _right, refusable=False),
        Question("typing", lambda: channel.typing(account, to, last), _right, refusable=False),
        Question("typing to a silent person", lambda: channel.typing(account, to, None), _right, refusable=False),
    ]
    if channel.capabilities.profiles:
        asked += [profile(bench, key) for key in keys_of(to)]
    if channel.capabilities.token_care:
        asked.append(token_care(bench))
    asked += [withheld(bench, id) for id in withheld_in(bench)]
    return [*asked, *(file(bench, media) for media in files(bench))]


def reactions(bench: Bench, to: Recipient) -> list[Question]:
    """Our reactions, set and taken back, where the channel declares them: the person sees these."""
    channel, account, target = bench.channel, bench.samples.account, bench.samples.id(0)
    if not channel.capabilities.reactions:
        return []
    return [
        Question("react", lambda: channel.react(account, to, target, THUMBS_UP), _wrong_receipt),
        Question("react, taken back,", lambda: channel.react(account, to, target, None), _wrong_receipt),
    ]


def keys_of(to: Recipient) -> list[IdentityKey]:
    """The keys of a person, as the core asks about them."""
    return [IdentityKey(kind=one.kind, value=one.value, scope="account") for one in to.identities]


def profile(bench: Bench, key: IdentityKey) -> Question:
    def wrong(result: Any) -> str | None:
        if result is None or (isinstance(result, Person) and key in result.keys):
            return None
        return f"told of {result!r}, not of the person with the key {key}"

    return Question("fetch_profile", lambda: bench.channel.fetch_profile(bench.samples.account, key), wrong)


def token_care(bench: Bench) -> Question:
    names = {name.rstrip("?") for name in bench.channel.credential_names}

    def wrong(result: Any) -> str | None:
        if result is None:
            return None
        if not isinstance(result, TokenState):
            return f"gave {result!r}, not a TokenState"
        if result.expires_at is not None and not _is_moment(result.expires_at):
            return f"gave a token that ends at {result.expires_at!r}, which is no moment"
        unknown = sorted(set(result.credentials) - names)
        return f"renewed {', '.join(unknown)}, which credential_names do not name" if unknown else None

    return Question("look_after_token", lambda: bench.channel.look_after_token(bench.samples.account, NOON), wrong)


def withheld(bench: Bench, id: str) -> Question:
    """``fetch_message`` of a message that was announced without its content."""

    def wrong(result: Any) -> str | None:
        told = list(result) if isinstance(result, tuple | list) else [None]
        names = {getattr(event, "external_id", None) for event in told}
        return None if names <= {id} else f"told of {result!r}, not of the message {id!r}"

    return Question("fetch_message", lambda: bench.channel.fetch_message(bench.samples.account, id), wrong)


def withheld_in(bench: Bench) -> list[str]:
    """Ids of the messages that the samples' webhooks announce without their content."""
    items = [item for body in bench.bodies().values() for item in bench.parse(body) if isinstance(item, Item)]
    return [item.event.external_id for item in items if isinstance(item.event, MessageWithheld)]


def file(bench: Bench, media: Media) -> Question:
    """``fetch_media`` of a file that a webhook named."""
    base = bench.channel.base_url(bench.samples.account)

    def start() -> Generator[ApiRequest, ApiResponse, Any]:
        return (yield from bench.channel.fetch_media(bench.samples.account, media))  # one that raises at once, too

    def wrong(result: Any) -> str | None:
        if not isinstance(result, MediaSource):
            return f"gave {result!r}, not a MediaSource"
        if not is_safe(result.url, base):
            return f"gave the address {result.url!r}, which is neither https nor the account's own host"
        if TOKEN_PLACE in result.url and not (result.authorise and _origin(result.url) == _origin(base)):
            return f"would show the token to {result.url!r}"
        return None

    return Question(f"fetch_media of {media.kind}", start, wrong)


def files(bench: Bench) -> list[Media]:
    """Files that the samples' webhooks name, as the inbox keeps them before they are fetched; one of a kind first."""
    inbox = open_inbox(bench)
    for body in bench.bodies().values():
        inbox.deliver(body)
    waiting = [media for media in inbox.world.all(MEDIA) if media.state == "pending"]
    by_kind = {(media.kind, media.provider.media_id is None): media for media in reversed(waiting)}
    return list(by_kind.values())[:FILES_AT_MOST]


def nameless(media: Media) -> Media:
    """The file, where the provider told neither its id nor its address."""
    return replace(media, provider=replace(media.provider, media_id=None, url=None))


def well_addressed(bench: Bench, request: ApiRequest) -> None:
    """Fail unless the request may leave: see the contract of ``ApiRequest``."""
    base = bench.channel.base_url(bench.samples.account)
    absolute = "://" in request.path
    expect(not absolute or is_safe(request.path, base), f"{request.method} {request.path} is not safe")
    expect(request.json is None or (request.form is None and request.file is None), f"{request.path} has two bodies")
    if TOKEN_PLACE in request.path:
        home = not absolute or _origin(request.path) == _origin(base)
        expect(home and request.authorise, f"{request.path} would show the token to another host")


def is_safe(url: str, base: str) -> bool:
    """Whether it may be asked: https, or the host that the account talks to anyway; no name hides before an @."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    own = _origin(url) == _origin(base)
    return bool(parts.hostname) and "@" not in parts.netloc and (parts.scheme == "https" or own)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _right(result: Any) -> None:
    """Nobody looks at it."""


def _wrong_receipt(result: Any) -> str | None:
    fits = isinstance(result, SendReceipt) and bool(result.external_id) and isinstance(result.external_id, str)
    return None if fits else f"gave the receipt {result!r}, which names nothing"


def _wrong_details(result: Any) -> str | None:
    return None if isinstance(result, Mapping) else f"returned {result!r}, not a mapping"


def _wrong_templates(result: Any) -> str | None:
    fits = isinstance(result, list) and all(isinstance(one, Mapping) for one in result)
    return None if fits else f"returned {result!r}, not a list of mappings"


def _wrong_findings(result: Any) -> str | None:
    found = list(result) if isinstance(result, tuple | list) else []
    if not found or not all(isinstance(one, Finding) for one in found):
        return f"found {result!r}: not one Finding or more"
    return next(_odd(found), None)


def _odd(found: list[Finding]) -> Iterator[str]:
    for one in found:
        if one.state not in STATES or not one.check or not one.told:
            yield f"found {one!r}, which says nothing"
        if one.state == "problem" and not one.fix:
            yield f"found the problem {one.check}, {one.told!r}, and not what to do"


def _is_moment(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None
