"""Silver and gold: what a channel needs of an account, and what it finds out when it asks."""

from __future__ import annotations

from pydantic import ValidationError

from patchbay.channel import MessageEchoed, MessageReceived
from patchbay.errors import AccountBroken, PluginError, SendError
from patchbay.model.content import Unsupported as UnsupportedContent
from patchbay.plugins.offers import channels
from patchbay.testing.channel_answers import failing
from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_questions import (
    Question,
    questions,
    token_care,
    withheld,
    withheld_in,
)
from patchbay.testing.channel_silver import recipient_of


@check("silver")
def what_an_account_needs_is_said(bench: Bench) -> None:
    """The loader takes the channel. Its ``account_settings`` fit the sample account; ``credential_names`` are each
    there once, the required ones first; ``token`` is one of the credentials, or None, and made up of nothing."""
    channel, account = bench.channel, bench.samples.account
    try:
        channels("bench", [channel])
        channel.account_settings.model_validate(dict(account.settings))
    except PluginError as error:
        fail(f"the loader refuses the channel: {error.detail}")
    except ValidationError as error:
        fail(f"account_settings do not fit the sample account: {error.error_count()} errors in {account.settings}")
    expect(bool(channel.title.strip()), "the title is empty")
    names = [name.rstrip("?") for name in channel.credential_names]
    expect(all(names) and len(set(names)) == len(names), f"a credential has no name, or has it twice: {names}")
    optional = [name.endswith("?") for name in channel.credential_names]
    expect(optional == sorted(optional), f"required credentials come after optional ones: {channel.credential_names}")
    given = {name: f"a {name} of the bench" for name in names}
    token = channel.token(given)
    expect(token is None or token in given.values(), f"token made {token!r} of the credentials")
    expect(channel.token({}) is None, "token made one up where there are no credentials")
    expect(all(gap.strip() for gap in channel.gaps()), "a gap is told without a word")


@check("silver")
def what_was_withheld_is_asked_for(bench: Bench) -> None:
    """``fetch_message`` of every message that the samples announce without its content tells what is in it."""
    ids = withheld_in(bench)
    if not ids:
        raise NotApplicable("no sample announces a message without its content")
    for id in ids:
        told = withheld(bench, id).asked(bench).result
        contents = [event.content for event in told if isinstance(event, MessageReceived | MessageEchoed)]
        known = bool(contents) and not any(isinstance(one, UnsupportedContent) for one in contents)
        expect(known, f"the message {id!r} was withheld, and fetch_message told {told!r}")


@check("silver")
def a_diagnosis_says_what_to_do(bench: Bench) -> None:
    """``diagnose`` of the sample account finds something, no problem in it, and shows nobody anything."""
    driven = _diagnosis(bench).asked(bench)
    problems = [one.told for one in driven.result if one.state == "problem"]
    expect(not problems, f"the provider takes the sample account, and diagnose found {problems}")
    expect(
        any(one.state == "ok" for one in driven.result),
        "the provider takes the account, and diagnose found nothing good",
    )


@check("gold")
def an_expired_token_is_found(bench: Bench) -> None:
    """The answer ``token_expired`` is a problem that ``diagnose`` finds, with what to do, or ``AccountBroken`` with a
    hint; ``look_after_token``, where it asks, raises ``AccountBroken``."""
    bench.need("token_expired")
    try:
        found = bench.drive(_diagnosis(bench).start(), failing(bench, "token_expired")).result
    except AccountBroken as error:
        expect(bool(error.hint), "diagnose raised AccountBroken for an expired token without a hint")
    except SendError as error:
        fail(f"diagnose raised {type(error).__name__} for an expired token")
    else:
        _diagnosis(bench).judge(found, ", with an expired token,")
        expect(any(one.state == "problem" for one in found), f"an expired token is no problem to diagnose: {found}")
    if not bench.channel.capabilities.token_care:
        return
    try:
        state = bench.drive(token_care(bench).start(), failing(bench, "token_expired")).result
    except AccountBroken:
        return
    except SendError as error:
        fail(f"look_after_token raised {type(error).__name__} for an expired token")
    fail(f"look_after_token found nothing wrong with an expired token: {state!r}")


def _diagnosis(bench: Bench) -> Question:
    return next(one for one in questions(bench, recipient_of(bench)) if one.name == "diagnose")
