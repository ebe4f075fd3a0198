"""Gold: what is reported of messages, in any order; windows; and what the provider's refusals mean."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

from patchbay.channel import (
    CLOSED,
    Draft,
    MessageEchoed,
    MessageReceived,
    Recipient,
    SendReceipt,
)
from patchbay.errors import (
    WindowClosed,
)
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.receipts import RANK
from patchbay.model.content import Text
from patchbay.model.conversation import Window
from patchbay.model.message import Message
from patchbay.testing.channel_bench import Bench, at
from patchbay.testing.channel_checks import NotApplicable, check, expect, fail
from patchbay.testing.channel_inbox import BenchInbox, open_inbox
from patchbay.testing.channel_silver import contents, named

THUMBS_UP, PARTY = "\N{THUMBS UP SIGN}", "\N{PARTY POPPER}"


def sent(inbox: BenchInbox, text: str = "Three are left.") -> tuple[Message, str]:
    """A message of ours that the provider took, and what it calls it."""
    message = inbox.write(text)
    for error in inbox.work():
        if error is not None:
            fail(f"a text was refused: {type(error).__name__}: {error.reason}")
    message = inbox.fresh(message)
    expect(bool(message.external_refs), "a text was sent, and no id of the provider is known")
    return message, message.external_refs[-1].external_id


def ours(inbox: BenchInbox) -> list[Message]:
    return [message for message in inbox.messages() if message.direction == "outbound"]


@check("gold")
def an_echo_of_our_send_is_our_message(bench: Bench) -> None:
    """An echo with the id of our message, or with our reference, merges into it: after the answer and before it."""
    bench.need("echo")
    for before in (False, True):
        for with_reference in (False, True) if bench.has("echo_reference") else (False,):
            inbox = open_inbox(bench)
            message = inbox.write("Three are left.")
            departed = inbox.depart(inbox.entries()[0])
            if not isinstance(departed.outcome, SendReceipt):
                fail(f"a text was refused: {departed.outcome}")
            id, given = departed.outcome.external_id, reference(message.id, 0, 1) if with_reference else None
            echo = bench.sample("echo", id, "Three are left.", at(61), given)
            event = bench.only(echo, MessageEchoed, "echo")
            expect(event.external_id == id, f"the echo of {id!r} is called {event.external_id!r}")
            expect(event.reference == given, f"the echo's reference {given!r} became {event.reference!r}")
            if before:
                inbox.deliver(echo)
                inbox.conclude(departed)
            else:
                inbox.conclude(departed)
                inbox.deliver(echo)
            how = f"{'before' if before else 'after'} the answer, {'with' if with_reference else 'without'} reference"
            count = len(ours(inbox))
            expect(count == 1, f"our message and its echo {how} are {count} messages")
            state = inbox.fresh(message).delivery.state
            expect(RANK[state] >= RANK["accepted"], f"after its echo {how} our message is {state}")


@check("gold")
def what_was_written_elsewhere_is_shown_and_not_sent(bench: Bench) -> None:
    """An echo that is not ours is an outbound message from the provider's own app, on the person's thread."""
    bench.need("echo")
    inbox = open_inbox(bench)
    thread = inbox.thread.id
    inbox.deliver(bench.sample("echo", bench.samples.id(901), "From the phone", at(20), None))
    made = ours(inbox)
    expect(len(made) == 1, f"an echo of what was written elsewhere became {len(made)} outbound messages")
    expect(made[0].origin == "native_app", f"its origin is {made[0].origin}")
    expect(made[0].thread_id == thread, "it is not on the thread of the person it was written to")
    inbox.work()
    expect(not inbox.left, "it was sent again")


@check("gold")
def reports_end_in_one_state(bench: Bench) -> None:
    """The reports about a message, in every order and each twice, end in the furthest state."""
    bench.need("receipt")
    states = bench.samples.states
    furthest = max(states, key=lambda state: RANK[state])
    ends = set()
    for order in permutations(states):
        inbox = open_inbox(bench)
        message, id = sent(inbox)
        given = reference(message.id, 0, 1) if bench.has("receipt_reference") else None
        for number, state in enumerate((*order, *order)):
            at_ = at(100 + 10 * states.index(state))
            inbox.deliver(bench.sample("receipt", id, state, at_, given if number % 2 else None))
        end = inbox.fresh(message).delivery
        told = ", ".join(order)
        expect(end.state == furthest, f"after the reports {told} the message is {end.state}, not {furthest}")
        ends.add((end.delivered_at, end.read_at))
    expect(len(ends) == 1, f"the times of delivery and reading depend on the order of the reports: {ends}")


@check("gold")
def a_send_carries_our_reference(bench: Bench) -> None:
    """Where reports or echoes return our reference, the request by which the person sees a content carries it whole,
    for each content and each part: only then can the provider return it."""
    if not any(bench.has(kind) and bench.has(f"{kind}_reference") for kind in ("receipt", "echo")):
        raise NotApplicable("neither reports nor echoes return our reference")
    to = open_inbox(bench).recipient
    for sample in contents(bench):
        what = f"the sample {named(sample)}"
        for number, driven in enumerate(bench.send(sample, to, what)):
            given = reference("msg_1", number, 1)
            shown = [request for request in driven.requests if bench.sample("shows", request)]
            held = [(one.path, one.query, one.headers, one.json, one.form) for one in shown]
            expect(any(given in str(each) for each in held), f"{what} was sent without our reference {given!r}")


@check("gold")
def a_reported_failure_says_why(bench: Bench) -> None:
    """A report of failure makes the message ``failed``, with a reason; one after the delivery changes nothing."""
    bench.need("receipt")
    bench.need("failure")
    inbox = open_inbox(bench)
    message, id = sent(inbox)
    inbox.deliver(bench.sample("receipt", id, "failed", at(100), None))
    end = inbox.fresh(message).delivery
    expect(end.state == "failed", f"after a report of failure the message is {end.state}")
    expect(end.error is not None and bool(end.error.message), "it failed, and nobody says why")
    furthest = max(bench.samples.states, key=lambda state: RANK[state])
    if RANK[furthest] > RANK["failed"]:
        inbox = open_inbox(bench)
        message, id = sent(inbox)
        for state in (furthest, "failed"):
            inbox.deliver(bench.sample("receipt", id, state, at(100), None))
        state = inbox.fresh(message).delivery.state
        expect(state == furthest, f"a report of failure after {furthest} made the message {state}")


@check("gold")
def a_watermark_covers_what_came_before_it(bench: Bench) -> None:
    """A watermark raises every earlier message to the person, and no later one."""
    bench.need("watermark")
    inbox = open_inbox(bench)
    state = bench.samples.states[-1]
    first, _ = sent(inbox, "First")
    inbox.deliver(bench.sample("watermark", state, at(0)))
    early = inbox.fresh(first).delivery.state
    expect(early == "accepted", f"a watermark of before it was sent made the message {early}")
    second, _ = sent(inbox, "Second")
    inbox.deliver(bench.sample("watermark", state, at(120)))
    for message in (first, second):
        reached = inbox.fresh(message).delivery.state
        expect(reached == state, f"after a watermark of {state} an earlier message is {reached}")


@check("gold")
def edits_and_deletions_keep_what_was_said(bench: Bench) -> None:
    """An edit replaces the text and keeps the old one as a revision; a deletion leaves a tombstone."""
    if not (bench.has("edit") or bench.has("delete")):
        raise NotApplicable(bench.samples.lacks["edit"])
    inbox = open_inbox(bench)
    target = bench.samples.id(0)
    if bench.has("edit"):
        inbox.deliver(bench.sample("edit", bench.samples.id(10), target, "Changed", at(10)))
        (message,) = inbox.messages()
        expect(message.text == "Changed", f"after an edit the message says {message.text!r}")
        expect(len(message.revisions) == 1, f"after an edit there are {len(message.revisions)} revisions, not one")
    if bench.has("delete"):
        inbox.deliver(bench.sample("delete", bench.samples.id(11), target, at(20)))
        (message,) = inbox.messages()
        expect(message.deleted is not None, "after a deletion the message is still there")
        expect(message.text == "", f"after a deletion the message says {message.text!r}")


@check("gold")
def the_latest_reaction_wins(bench: Bench) -> None:
    """Of a person's reactions to one message the latest counts, whichever came first; taking it back is one too."""
    bench.need("reaction")
    target, id = bench.samples.id(0), bench.samples.id
    given = [(THUMBS_UP, 10), (PARTY, 11), (None, 12)]
    for count in (1, 2, 3):
        for order in permutations(given[:count]):
            inbox = open_inbox(bench)
            for emoji, seconds in order:
                inbox.deliver(bench.sample("reaction", id(20 + seconds), target, emoji, at(seconds)))
            (message,) = inbox.messages()
            shown = [reaction.emoji for reaction in message.reactions if reaction.emoji is not None]
            latest = [emoji for emoji in (given[count - 1][0],) if emoji is not None]
            told = ", ".join(str(emoji) for emoji, _ in order)
            expect(shown == latest, f"after the reactions {told} the message shows {shown}, not {latest}")


@check("gold")
def the_window_opens_and_closes(bench: Bench) -> None:
    """A message opens the reply window and an older one that comes late shortens nothing; a text is sent until it
    ends, and refused from then on."""
    inbox = open_inbox(bench)
    thread, closes_at = inbox.thread, bench.channel.closes_at
    now, none = inbox.recipient, Recipient(identities=inbox.recipient.identities, window=Window())
    text = Text(text="Three are left.")
    open_until, shut = closes_at(Draft(text, now)), closes_at(Draft(text, none))
    if open_until is None and shut is None:
        raise NotApplicable("a text may be sent at any time")
    expect(shut is not None, "a text to somebody who never wrote may be sent at any time, one to others may not")
    expect(shut == CLOSED or shut <= at(0), f"who never wrote may be written to until {shut}")
    expect(open_until is not None and open_until > at(0), f"after a message the window is open until {open_until}")
    older = bench.only(bench.message(5, seconds=-3600), MessageReceived, "message")
    kept = bench.channel.window(thread.window, older, "msg_5").expires_at
    expect(kept == thread.window.expires_at, f"an older message moved the end of the window to {kept}")
    inbox.world.now = open_until - timedelta(seconds=1)
    inbox.write("Just in time")
    inbox.world.now = open_until
    try:
        inbox.write("Too late")
    except WindowClosed:
        return
    fail("a text was queued at the end of the window")
