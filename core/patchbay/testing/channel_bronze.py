"""Bronze: whatever comes is read without harm, once, and only from the provider."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from patchbay.channel import Item, Malformed, MessageReceived, Unrecognised
from patchbay.errors import BadPayload, BadSignature
from patchbay.model.content import Text, Unsupported
from patchbay.testing.channel_bench import Bench, at, dice
from patchbay.testing.channel_checks import check, expect, fail
from patchbay.testing.channel_damage import damaged, noise
from patchbay.testing.channel_inbox import BenchInbox

SHOWN = 200  # bytes of a body that a failure shows
NOISE, DAMAGE = 400, 100


@check("bronze")
def any_bytes_are_items_or_a_bad_payload(bench: Bench) -> None:
    """``parse`` of random bytes and random JSON gives items or raises ``BadPayload``, and nothing else."""
    for body in noise(dice(1), NOISE):
        _survives(bench, body)


@check("bronze")
def damaged_webhooks_are_items_or_a_bad_payload(bench: Bench) -> None:
    """So does ``parse`` of every sample, with each of its values in turn missing or of another type."""
    for name, body in bench.bodies().items():
        for spoilt in damaged(dice(2), body, DAMAGE):
            _survives(bench, spoilt, f" (made of the sample {name})")


def _survives(bench: Bench, body: bytes, of: str = "") -> None:
    shown = f"{body[:SHOWN]!r}{of}"
    try:
        parsed = tuple(bench.channel.parse(body))
    except BadPayload:
        return
    except Exception as error:
        fail(f"parse raised {type(error).__name__}: {error}, for {shown}")
    _well_formed(parsed, shown)


def _well_formed(parsed: Sequence[Item | Malformed], shown: str) -> None:
    for index, one in enumerate(parsed):
        expect(isinstance(one, Item | Malformed), f"parse gave {one!r}, for {shown}")
        expect(one.index == index, f"item {index} has the index {one.index}, for {shown}")
        expect(bool(one.key), f"item {index} has no key, for {shown}")
        if isinstance(one, Item):
            try:
                same = msgspec.json.decode(msgspec.json.encode(one), type=Item) == one
            except (ValueError, msgspec.ValidationError) as error:
                fail(f"item {index} cannot be stored: {error}, for {shown}")
            expect(same, f"item {index} is not the same after it was stored, for {shown}")
            expect(one.event.occurred_at.tzinfo is not None, f"item {index} has a time without a zone, for {shown}")


@check("bronze")
def a_message_says_who_wrote_what_when(bench: Bench) -> None:
    """The sample ``message`` is one ``MessageReceived`` for the account, with its id, text and time."""
    id = bench.samples.id(1)
    body = bench.message(1, "Is the kettle there?")
    event = bench.only(body, MessageReceived, "message")
    expect(event.external_id == id, f"the message {id!r} is called {event.external_id!r}")
    said = event.content.text if isinstance(event.content, Text) else repr(event.content)
    expect(said == "Is the kettle there?", f"the text became {said!r}")
    expect(event.occurred_at == at(0), f"it was written at {at(0)}, not {event.occurred_at}")
    expect(bool(event.sender.keys), "nobody is named as its sender")
    (item,) = bench.items(body)
    expect(bench.is_ours(item.account), f"it is for {item.account}, not for the account of the samples")


@check("bronze")
def keys_are_the_same_at_every_delivery(bench: Bench) -> None:
    """Each sample parsed again has the same keys; beside others in one webhook, too."""
    for name, body in bench.bodies().items():
        first, again = ([one.key for one in bench.parse(body)] for _ in range(2))
        expect(first == again, f"the sample {name} has the keys {first}, then {again}")
    if bench.has("batch"):
        one, other = bench.message(1), bench.message(2)
        alone = [item.key for body in (other, one) for item in bench.items(body)]
        together = [item.key for item in bench.items(bench.sample("batch", (other, one)))]
        expect(alone == together, f"two messages have the keys {alone}, in one webhook {together}")


@check("bronze")
def different_updates_have_different_keys(bench: Bench) -> None:
    """Two messages, and all samples of different kinds, have different keys."""
    seen: dict[str, str] = {}
    bodies = {**bench.bodies(), "another message": bench.message(2), "the same text again": bench.message(3, "Text 1")}
    for name, body in bodies.items():
        for one in bench.parse(body):
            known = seen.setdefault(one.key, name)
            expect(known == name, f"{known} and {name} have the same key {one.key!r}")


@check("bronze")
def the_same_again_is_one_message(bench: Bench) -> None:
    """A webhook delivered three times is one message in one conversation."""
    inbox = BenchInbox(bench)
    for _ in range(3):
        inbox.deliver(bench.message(1))
    count = len(inbox.messages())
    expect(count == 1, f"one message delivered three times became {count}")


@check("bronze")
def an_unknown_kind_is_kept(bench: Bench) -> None:
    """The sample ``unknown`` becomes ``Unrecognised`` with a reason, or a message whose content is ``unsupported``."""
    items = bench.items(bench.sample("unknown"))
    expect(bool(items), "the unknown update was dropped")
    for item in items:
        event = item.event
        content = event.content if isinstance(event, MessageReceived) else None
        kept = (isinstance(event, Unrecognised) and bool(event.reason)) or isinstance(content, Unsupported)
        expect(kept, f"the unknown update became {event!r}")


@check("bronze")
def an_item_that_cannot_be_read_is_malformed(bench: Bench) -> None:
    """The sample ``broken`` becomes one ``Malformed`` that says why."""
    parsed = bench.parse(bench.sample("broken"))
    told = [one.error for one in parsed if isinstance(one, Malformed) and one.error]
    expect(len(parsed) == 1 and len(told) == 1, f"the broken update became {parsed!r}")


@check("bronze")
def one_bad_item_of_many_costs_itself(bench: Bench) -> None:
    """In one webhook with two messages, the broken update between them is malformed and they are as alone."""
    bench.need("batch")
    one, other, broken = bench.message(1), bench.message(2), bench.sample("broken")
    parsed = bench.parse(bench.sample("batch", (one, broken, other)))
    expect(len(parsed) == 3, f"three updates became {len(parsed)} items")
    expect(isinstance(parsed[1], Malformed), f"the broken update became {parsed[1]!r}")
    for place, body in ((0, one), (2, other)):
        told, alone = parsed[place], bench.items(body)[0]
        same = isinstance(told, Item) and (told.key, told.event) == (alone.key, alone.event)
        expect(same, f"beside the broken update, a message became {told!r}")


@check("bronze")
def only_the_provider_is_believed(bench: Bench) -> None:
    """``verify`` takes the samples as they are signed, and raises ``BadSignature`` where the signature is absent or
    wrong."""
    body = bench.message(1)
    secrets = bench.samples.secrets
    signed = dict(bench.sample("sign", body))
    expect(all(name == name.lower() for name in signed), "the sample sign gives header names that are not lower case")
    try:
        bench.channel.verify(bench.request(body), secrets)
    except BadSignature as error:
        fail(f"a webhook as the provider signs it was refused: {error.detail}")
    forgeries = {
        "without headers": (body, {}),
        **{f"without {name}": (body, _without(signed, name)) for name in signed if len(signed) == 1},
        **{f"with an empty {name}": (body, {**signed, name: ""}) for name in signed},
        **{f"with another {name}": (body, {**signed, name: _other(value)}) for name, value in signed.items()},
        **{f"with a {name} that is not ASCII": (body, {**signed, name: "\xe9\udcff"}) for name in signed},
    }
    if bench.has("signed_body"):
        forgeries["with another body"] = (body + b" ", signed)
        forgeries["with the signature of another body"] = (body, dict(bench.sample("sign", body + b" ")))
    for how, (forged, headers) in forgeries.items():
        try:
            bench.channel.verify(bench.request(forged, headers), secrets)
        except BadSignature:
            continue
        except Exception as error:
            fail(f"verify raised {type(error).__name__} for a webhook {how}")
        fail(f"a webhook {how} was believed")


def _without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {known: value for known, value in headers.items() if known != name}


def _other(value: str) -> str:
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


@check("bronze")
def strangers_cannot_take_the_callback(bench: Bench) -> None:
    """``handshake`` answers nothing to a request without the token, or with another."""
    queries: tuple[dict[str, str], ...] = (
        {},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "another"},
        {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": "\xe9\udcff"},
        {"challenge": "1"},
    )
    for query in queries:
        try:
            told = bench.channel.handshake(query).text
        except Exception as error:
            fail(f"handshake raised {type(error).__name__} for a stranger that asked with {query}")
        expect(told is None, f"a stranger that asked with {query} was answered {told!r}")
