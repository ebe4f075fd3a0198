"""Silver, too: what ``capabilities`` say of flows, options and look-ups, the channel does, and no more."""

from __future__ import annotations

from typing import get_args

from patchbay.channel import ApiRequest, ApiResponse, Draft, Recipient
from patchbay.errors import SendError, Unsupported
from patchbay.model.contact import IdentityKind
from patchbay.model.content import Text
from patchbay.model.conversation import Window
from patchbay.testing.channel_bench import NOON, Bench, Driven
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_questions import keys_of, profile, token_care
from patchbay.testing.channel_samples import ContentSample
from patchbay.testing.channel_silver import contents, named, recipient_of

ANYTHING: tuple[object, ...] = ("1", 7, True, None, "", " ", [], {})  # values of an option that takes any


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
    reply, plain = bench.send(sample, to, "a reply", reply_to=quoted), bench.send(sample, to, "no reply")
    expect(reply[0].requests != plain[0].requests, f"a reply to {quoted!r} makes the same requests as no reply")


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


@check("silver")
def options_are_as_declared(bench: Bench) -> None:
    """Each option in ``capabilities``, with each of its values, is sent, or refused by ``closes_at`` with
    ``Unsupported`` or at the latest before a request; of each option one value is sent at least."""
    declared = bench.channel.capabilities.options
    if not declared:
        raise NotApplicable("the channel declares no options")
    to = recipient_of(bench)
    for name, values in declared.items():
        tried = ANYTHING if values is None else sorted(values)
        taken = [
            one for one in tried if _sent_with(bench, Draft(Text(text="Three are left."), to, options={name: one}))
        ]
        expect(bool(taken), f"the option {name!r} is declared, and a text is sent with no value of it")


def _sent_with(bench: Bench, draft: Draft) -> bool:
    """Whether a text is sent so; False where it is refused before any request."""
    what, asked = f"a text with the options {dict(draft.options)}", 0

    def counted(request: ApiRequest) -> ApiResponse:
        nonlocal asked
        asked += 1
        return bench.provider(request)

    message = bench.outgoing(ContentSample(draft.content), draft.recipient, options=draft.options)
    try:
        bench.channel.closes_at(draft)
        bench.drive(bench.channel.send(bench.samples.account, message), counted)
    except SendError as error:
        expect(asked == 0, f"{what} was refused by the provider: {error.reason} {error.details or ''}".rstrip())
        pointer = error.pointer if isinstance(error, Unsupported) else "/options"
        expect(pointer.startswith("/options"), f"{what} was refused with the pointer {pointer!r}")
        return False
    except Exception as error:
        fail(f"{what} raised {type(error).__name__}: {error}")
    return True


@check("silver")
def a_conversation_starts_as_declared(bench: Bench) -> None:
    """Of the person's keys, each of a kind in ``capabilities.starts_with`` is enough by itself to send to."""
    to, starts_with = recipient_of(bench), bench.channel.capabilities.starts_with
    expect(starts_with <= set(get_args(IdentityKind)), f"starts_with names kinds that there are not: {starts_with}")
    alone = [one for one in to.identities if one.kind in starts_with]
    if not alone:
        raise NotApplicable("no conversation is started with a key that the person of the samples has")
    for identity in alone:
        first = Recipient(identities=(identity,), window=Window())
        for sample in contents(bench):
            bench.send(sample, first, f"the sample {named(sample)} to somebody with no key but {identity.kind}")


@check("silver")
def profiles_are_as_declared(bench: Bench) -> None:
    """Where ``capabilities.profiles`` is true, ``fetch_profile`` asks for the person by one key of theirs at least, and
    tells of nobody else; else it asks nothing and tells nothing."""
    to, declared = recipient_of(bench), bench.channel.capabilities.profiles
    driven = [profile(bench, key).asked(bench) for key in keys_of(to)]
    made = sum(len(one.requests) for one in driven)
    expect((made > 0) == declared, f"fetch_profile made {made} requests, and capabilities say {declared}")
    told = [one.result for one in driven if one.result is not None]
    expect(declared or not told, f"profiles are not declared, and fetch_profile told {told}")
    if declared:
        expect(any(person.name or person.username for person in told), "fetch_profile told nobody's name")


@check("silver")
def token_care_is_as_declared(bench: Bench) -> None:
    """Where ``capabilities.token_care`` is true, ``look_after_token`` asks about a token of which nothing is known and
    takes a good one for good; else it asks nothing."""
    declared = bench.channel.capabilities.token_care
    driven = token_care(bench).asked(bench)
    made = len(driven.requests)
    expect((made > 0) == declared, f"look_after_token made {made} requests, and capabilities say {declared}")
    if not declared:
        expect(driven.result is None, f"token_care is not declared, and look_after_token gave {driven.result!r}")
    elif driven.result is not None and driven.result.expires_at is not None:
        expect(driven.result.expires_at > NOON, "look_after_token takes a token that has ended for a good one")
