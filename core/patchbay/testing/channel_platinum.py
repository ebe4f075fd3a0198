"""Platinum: lost answers, repeated and reordered webhooks. One state in the end, and nobody is written to twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from patchbay.channel import ApiRequest, ApiResponse, SendReceipt
from patchbay.errors import OutcomeUnknown, Rejected, SendError
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.receipts import RANK
from patchbay.testing.channel_bench import Bench, at, dice, lost
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_gold import ours
from patchbay.testing.channel_inbox import BenchInbox, open_inbox
from patchbay.testing.channel_silver import contents, named, recipient_of

INTERLEAVINGS = 250
DAYS = 3


def _passing_days(inbox: BenchInbox) -> None:
    """Let the worker look again and again, for longer than it tries anything."""
    for _ in range(DAYS * 24):
        inbox.world.pass_time(hours=1)
        inbox.work()


@check("platinum")
def a_lost_answer_is_never_a_second_message(bench: Bench) -> None:
    """Where the answer to the effect is lost, the message is ``unknown`` and nothing is sent again by itself."""
    inbox = open_inbox(bench)
    message = inbox.write("Three are left.")
    inbox.work(lambda request: lost(request) if bench.sample("shows", request) else bench.provider(request))
    state = inbox.fresh(message).delivery.state
    expect(state == "unknown", f"after a lost answer the message is {state}, not unknown")
    _passing_days(inbox)
    seen = sum(bench.sample("shows", request) for request in inbox.left)
    expect(seen == 1, f"after a lost answer the person was written to {seen} times")


@check("platinum")
def an_answer_without_a_name_is_unknown(bench: Bench) -> None:
    """A good status whose body names no message is ``OutcomeUnknown``: the provider may have taken it. Where by its own
    word it has not (``lacks`` names ``nameless``), it may be ``Rejected``. Nothing is sent again by itself."""
    inbox = open_inbox(bench)
    message = inbox.write("Three are left.")

    def nameless(request: ApiRequest) -> ApiResponse:
        return ApiResponse(200, {}) if bench.sample("shows", request) else bench.provider(request)

    (error,) = inbox.work(nameless)
    told = "a receipt" if error is None else type(error).__name__
    final = not bench.has("nameless") and isinstance(error, Rejected)
    expect(final or isinstance(error, OutcomeUnknown), f"the answer 200 without an id gave {told}, not OutcomeUnknown")
    _passing_days(inbox)
    seen = len(inbox.left)
    expect(seen == 1, f"after an answer without a name the person was written to {seen} times")
    state = inbox.fresh(message).delivery.state
    expect(state == ("failed" if final else "unknown"), f"days after an answer without a name the message is {state}")


@check("platinum")
def what_was_lost_before_the_effect_is_harmless(bench: Bench) -> None:
    """Where a request before the effect (an upload, a look-up) is lost, nothing was seen, and it may be repeated."""
    to, tried = recipient_of(bench), 0
    for sample in (part for content in contents(bench) for part in bench.parts(content)):
        flow = bench.channel.send(bench.samples.account, bench.outgoing(sample, to))
        requests: list[ApiRequest] = []

        def first_lost(request: ApiRequest, requests: list[ApiRequest] = requests) -> ApiResponse:
            requests.append(request)
            return lost(request)

        try:
            bench.drive(flow, first_lost)
        except SendError as error:
            if bench.sample("shows", requests[0]):
                continue
            tried += 1
            what = f"{named(sample)}: its first request was lost"
            expect(error.retryable, f"{what}, which nobody sees, and that raised {type(error).__name__}")
            again = bench.send_part(sample, to, f"{named(sample)}, a second time,")
            expect(again.effects == 1, f"{what}; the second try took {again.effects} effects")
    if not tried:
        raise NotApplicable("every message is one request")


@check("platinum")
def what_proves_the_arrival_settles_a_lost_answer(bench: Bench) -> None:
    """A report or an echo that returns our reference settles a send whose answer was lost, without a second message."""
    kinds = [kind for kind in ("receipt", "echo") if bench.has(kind) and bench.has(f"{kind}_reference")]
    if not kinds:
        raise NotApplicable("neither reports nor echoes return our reference")
    for kind in kinds:
        inbox = open_inbox(bench)
        message = inbox.write("Three are left.")
        inbox.work(lost)
        given, id = reference(message.id, 0, 1), bench.samples.id(700)
        state = bench.samples.states[0]
        told = ("Three are left.", at(61), given) if kind == "echo" else (state, at(61), given)
        inbox.deliver(bench.sample(kind, id, *told))
        settled = inbox.fresh(message).delivery.state
        expect(RANK[settled] >= RANK["accepted"], f"after the {kind} with our reference the message is {settled}")
        _passing_days(inbox)
        expect(len(inbox.left) == 1, f"the person was written to {len(inbox.left)} times")
        expect(len(ours(inbox)) == 1, f"our message and its {kind} are {len(ours(inbox))} messages")


@check("platinum")
def reports_may_come_before_their_message(bench: Bench) -> None:
    """Reports, edits, deletions and reactions that come first wait for their message, and count once it is there."""
    about = bench.samples.id(1)
    early = {
        "edit": (bench.samples.id(10), about, "Changed", at(10)),
        "reaction": (bench.samples.id(11), about, "\N{THUMBS UP SIGN}", at(11)),
        "delete": (bench.samples.id(12), about, at(12)),
    }
    for name, arguments in early.items():
        if bench.has(name):
            ends = []
            for first in (True, False):
                inbox = open_inbox(bench)
                bodies = [bench.sample(name, *arguments), bench.message(1)]
                for body in bodies if first else reversed(bodies):
                    inbox.deliver(body)
                ends.append(inbox.state())
            expect(
                ends[0] == ends[1], f"the sample {name} before its message ends in another state: {_differing(ends)}"
            )
    if bench.has("receipt"):
        inbox = open_inbox(bench)
        message = inbox.write("Three are left.")
        departed = inbox.depart(inbox.entries()[0])
        if not isinstance(departed.outcome, SendReceipt):
            fail(f"a text was refused: {departed.outcome}")
        furthest = max(bench.samples.states, key=lambda state: RANK[state])
        inbox.deliver(bench.sample("receipt", departed.outcome.external_id, furthest, at(100), None))
        inbox.conclude(departed)
        state = inbox.fresh(message).delivery.state
        expect(state == furthest, f"a report of {furthest} came before the answer to the send, and it is {state}")


@check("platinum")
def interleavings_end_in_one_state(bench: Bench) -> None:
    """All samples, repeated and in random orders, around a send of ours, end in one state and one message to the
    person: 250 orders, the same at every run."""
    expected = _day(bench, None)
    expect(expected["sent"] == 1, f"the person was written to {expected['sent']} times, not once")
    expect(not expected["reports"], f"reports wait for messages that are there: {expected['reports']}")
    for seed in range(INTERLEAVINGS):
        found = _day(bench, seed)
        if found != expected:
            fail(f"the order {seed} ends in another state: {_differing([expected, found])}")


def _day(bench: Bench, seed: int | None) -> dict[str, Any]:
    """The state after a day: one of everything in order, or, with a seed, again and again in another order."""
    random = dice(seed or 0)
    inbox = open_inbox(bench)
    message = inbox.write("Three are left.")
    departed = inbox.depart(inbox.entries()[0])
    if not isinstance(departed.outcome, SendReceipt):
        fail(f"a text was refused: {departed.outcome}")
    bodies = list(_happenings(bench, departed.outcome.external_id, reference(message.id, 0, 1)))
    answers_after = len(bodies)
    if seed is not None:
        bodies = [body for body in bodies for _ in range(random.randrange(1, 4))]
        random.shuffle(bodies)
        answers_after = random.randrange(len(bodies) + 1)
        if bench.has("batch"):
            together = _batched(bench, random, bodies[:answers_after])
            bodies, answers_after = [*together, *bodies[answers_after:]], len(together)
    before, after = bodies[:answers_after], bodies[answers_after:]
    for body in before:
        inbox.deliver(body)
    inbox.conclude(departed)
    for body in after:
        inbox.deliver(body)
    _passing_days(inbox)
    return {**inbox.state(), "reports": inbox.parked(reports=True), "sent": len(inbox.left)}


def _happenings(bench: Bench, id: str, given: str) -> Iterator[bytes]:
    """Everything that is supplied: about two messages of the person, about ours, and what was written elsewhere."""
    new, about, thumb = bench.samples.id, bench.samples.id(1), "\N{THUMBS UP SIGN}"
    yield bench.message(1, seconds=1)
    yield bench.message(2, seconds=2)
    if bench.has("edit"):
        yield bench.sample("edit", new(10), about, "Changed", at(10))
        yield bench.sample("edit", new(11), about, "Changed again", at(11))
    if bench.has("reaction"):
        yield bench.sample("reaction", new(12), about, thumb, at(12))
        yield bench.sample("reaction", new(13), new(2), thumb, at(13))
        yield bench.sample("reaction", new(14), new(2), None, at(14))
    if bench.has("delete"):
        yield bench.sample("delete", new(15), about, at(15))
    if bench.has("echo"):
        yield bench.sample("echo", new(16), "Elsewhere", at(16), None)
        yield bench.sample("echo", id, "Three are left.", at(61), given if bench.has("echo_reference") else None)
    if bench.has("receipt"):
        for place, state in enumerate(bench.samples.states):
            with_reference = given if bench.has("receipt_reference") and place % 2 == 0 else None
            yield bench.sample("receipt", id, state, at(62 + place), with_reference)
    if bench.has("watermark"):
        yield bench.sample("watermark", bench.samples.states[-1], at(600))
    yield bench.sample("unknown")
    yield from bench.samples.others().values()


def _batched(bench: Bench, random: Random, bodies: list[bytes]) -> list[bytes]:
    """The bodies, some of them two in one webhook."""
    together: list[bytes] = []
    for body in bodies:
        if together and random.random() < 0.3:
            together[-1] = bench.sample("batch", (together[-1], body))
        else:
            together.append(body)
    return together


def _differing(ends: Sequence[object]) -> str:
    one, other = ends[0], ends[1]
    if isinstance(one, dict) and isinstance(other, dict):
        parts = [
            f"{name}: {_only(one, other, name)} or {_only(other, one, name)}"
            for name in one
            if one[name] != other[name]
        ]
        return "; ".join(parts)[:1500]
    return f"{one} or {other}"[:1500]


def _only(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> Any:
    """What one has of this and the other has not."""
    if isinstance(one[name], list):
        return [item for item in one[name] if item not in other[name]]
    return one[name]
