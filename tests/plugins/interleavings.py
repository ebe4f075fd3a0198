"""A day of two people and an account, as the provider has it, told to us in any order and more than once.

What happened is fixed: what people and the business wrote, changed and took back, what our sends came to, what was
reported. Free is only what the network decides: when each webhook comes, once there is what it tells of, and how often.
Our own steps (to queue, to send, to hear the answer, to retry) keep their order and their times.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from hypothesis import strategies as st

from patchbay.channel import ApiRequest, ApiResponse, Channel, Item, Outgoing, SendReceipt
from patchbay.collections import ACCOUNTS, CONVERSATIONS, IDENTITIES, MESSAGES, OUTBOX, PARKED, THREADS
from patchbay.delivery import outcomes
from patchbay.errors import OutcomeUnknown, SendError, Unavailable
from patchbay.housekeeping import ECHO_WAITS, judge_parked
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.outbox_ids import entry_id, reference
from patchbay.inbox.resending import retry_message
from patchbay.inbox.sending import recipient_of, send_message
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from patchbay.model.conversation import Thread
from patchbay.model.ids import thread_id
from patchbay.model.message import Actor, Message
from patchbay.model.outbox import OutboxEntry
from patchbay.testing.outbound import NOON
from patchbay.testing.world import World
from patchbay.views import message_view
from patchbay.views.conversations import conversation_view
from patchbay.views.messages import revisions_view
from tests.core.inbox.truths import Truths

AGENT = Actor(type="agent", id="usr_1", name="Ann")
PEOPLE = ("7001", "7002")
LEASE_S = 60.0
DAY_S = 400  # seconds of the day in which things happen
TRY_S = 10  # a try of ours at one send, from queueing to the answer

Reported = Literal["delivered", "read"]
Fate = Literal["accepted", "lost", "refused then retried", "busy", "lost before it left", "lost and retried"]
Ending = Literal["take", "lose", "vanish", "refuse", "busy"]
# The tries that a send takes. After "busy" the worker goes again by itself, after the others an agent does.
FATES: Mapping[Fate, tuple[Ending, ...]] = {
    "accepted": ("take",),
    "lost": ("lose",),
    "refused then retried": ("refuse", "take"),
    "busy": ("busy", "take"),
    "lost before it left": ("vanish", "take"),
    "lost and retried": ("lose", "take"),
}
ARRIVES: tuple[Ending, ...] = ("take", "lose")


class Words(Protocol):
    """How a provider tells each thing: one webhook's body each. Times are seconds of the day; ``moment`` dates them."""

    channel: Channel
    account: ChannelAccount
    edits: bool
    unsends: bool
    echoes: bool  # of our own sends
    reactions_end: bool  # a reaction can be taken back

    def mid(self, name: str) -> str: ...

    def said(self, person: str, mid: str, text: str, at: int, parts: int, quoted: str | None) -> bytes: ...

    def echoed(self, person: str, mid: str, text: str, at: int, reference: str | None) -> bytes: ...

    def edited(self, person: str, mid: str, text: str, at: int, number: int) -> bytes: ...

    def unsent(self, person: str, mid: str, at: int) -> bytes: ...

    def reacted(self, person: str, mid: str, emoji: str | None, at: int) -> bytes: ...

    def reported(self, person: str, state: Reported, mids: Sequence[str], at: int, given: Mapping[str, str]) -> bytes:
        """These messages of ours, all that the person had by then, came so far. ``given`` are our references by mid."""

    def reference_in(self, request: ApiRequest) -> str | None:
        """What the provider will give back of a send."""

    def taken(self, person: str, mid: str) -> ApiResponse: ...

    def refused(self) -> ApiResponse: ...

    def busy(self) -> ApiResponse: ...


def moment(at: int) -> datetime:
    return NOON + timedelta(seconds=at)


@dataclass(frozen=True)
class Telling:
    """One webhook: from when on it can come, and its body, given the references of what has left by mid."""

    since: int
    what: str
    body: Callable[[Mapping[str, str]], bytes]

    def __repr__(self) -> str:
        return f"{self.what}@{self.since}"


@dataclass(frozen=True)
class Step:
    """One thing that we do ourselves, at its time."""

    at: int
    what: str
    run: Callable[[Line], None]

    def __repr__(self) -> str:
        return f"<{self.what}@{self.at}>"


@dataclass(frozen=True)
class Send:
    """A message of ours: to whom, how each try ends, and when each begins."""

    name: str
    person: str
    endings: tuple[Ending, ...]
    begins: tuple[int, ...]

    def attempt(self, number: int) -> str:
        return f"{self.name}.try{number}"


@dataclass
class Line:
    """An inbox in memory with the provider's account, and the sends that are under way."""

    words: Words
    world: World = field(default_factory=lambda: World(now=NOON))
    references: dict[str, str] = field(default_factory=dict)
    under_way: dict[str, tuple[OutboxEntry, Generator[ApiRequest, ApiResponse, SendReceipt]]] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        self.world.put(ACCOUNTS, self.words.account)

    # what comes

    def deliver(self, *tellings: Telling) -> None:
        """Webhooks come; several are applied in one commit, as the gateway does with what waits."""
        items = [item for telling in tellings for item in self.words.channel.parse(telling.body(self.references))]

        def command(uow: UnitOfWork) -> None:
            account = self.world.get(ACCOUNTS, self.words.account.id)
            for item in items:
                assert isinstance(item, Item), item
                assert item.account.external_id in (account.external_id, account.parent_external_id)
                apply_event(uow, Arrival(account, self.words.channel, key=item.key), item.event)

        self.world.run(command)

    # what we do

    def thread(self, person: str) -> Thread:
        (identity,) = (
            one for one in self.world.all(IDENTITIES) if one.value.endswith(person) and one.line_id == one.id
        )
        return self.world.get(THREADS, thread_id(self.words.account.id, identity.line_id))

    def ours(self, send: Send) -> Message:
        return next(one for one in self.world.all(MESSAGES) if one.client_ref == send.name)

    def queue(self, send: Send) -> None:
        conversation = self.thread(send.person).open_conversation_id
        assert conversation is not None
        channels = {self.words.channel.name: self.words.channel}
        content = Text(text=f"text {send.name}")
        self.world.run(
            lambda uow: send_message(uow, channels, conversation, content, author=AGENT, client_ref=send.name),
            actor=AGENT,
        )

    def retry(self, send: Send) -> None:
        self.world.run(lambda uow: retry_message(uow, self.ours(send).id), actor=AGENT)

    def leave(self, send: Send, number: int) -> None:
        """The bytes leave, and the provider has what it may give back."""
        id = entry_id(self.ours(send).id, 0)
        claimed = self.world.run(lambda uow: outcomes.claim(uow, id, f"{send.name}.{number}", LEASE_S, "claimed"))
        assert claimed is not None, f"{send.name} could not be sent"
        message = self.ours(send)
        thread = self.thread(send.person)
        outgoing = Outgoing(
            message_id=message.id,
            reference=reference(message.id, 0, message.attempt),
            content=message.content,
            recipient=self.world.run(lambda uow: recipient_of(uow, thread)),
        )
        flow = self.words.channel.send(self.words.account, outgoing)
        request = next(flow)
        assert request.effect
        held = self.world.run(lambda uow: outcomes.begin_sending(uow, claimed))
        self.under_way[send.name] = (held, flow)
        given = self.words.reference_in(request)
        if given is not None:
            self.references[self.words.mid(send.attempt(number))] = given

    def conclude(self, send: Send, number: int, ending: Ending) -> None:
        """The answer comes, or it does not."""
        entry, flow = self.under_way.pop(send.name)
        channel = self.words.channel
        outcome = _outcome(flow, self._answer(send, number, ending))
        match outcome:
            case SendReceipt():
                self.world.run(lambda uow: outcomes.accepted(uow, entry, channel, outcome))
            case OutcomeUnknown():
                self.world.run(lambda uow: outcomes.failed(uow, entry, channel, outcome, "unknown"))
            case Unavailable():
                self.world.run(lambda uow: outcomes.put_off(uow, entry, channel, outcome, uow.now))
            case SendError():
                self.world.run(lambda uow: outcomes.failed(uow, entry, channel, outcome, "failed"))

    def _answer(self, send: Send, number: int, ending: Ending) -> ApiResponse | SendError:
        match ending:
            case "take":
                return self.words.taken(send.person, self.words.mid(send.attempt(number)))
            case "refuse":
                return self.words.refused()
            case "busy":
                return self.words.busy()
            case _:
                return OutcomeUnknown("The request left and no answer came.")

    # how it ends

    def evening(self) -> None:
        """Nothing comes any more: echoes that still wait are what they seem."""
        self.world.now = moment(DAY_S) + ECHO_WAITS
        channels = {self.words.channel.name: self.words.channel}
        for parked in self.world.all(PARKED):
            if parked.thread_id is not None:
                self.world.run(lambda uow, id=parked.id: judge_parked(uow, parked_id=id, channels=channels))  # type: ignore[misc]

    def state(self) -> dict[str, Any]:
        """All that REST shows and that the order of arrival may not change.

        Not the order itself (seq, ids, versions), when we heard of something, and ``message_id`` of actors. Of the
        times of delivery only whether there is one: where two reports say the same of a message, the first that
        comes gives the time.
        """
        people = {self.thread(person).id: person for person in PEOPLE}
        found: dict[str, Any] = {"messages": {}, "people": {}}
        for message in self.world.all(MESSAGES):
            name = message.client_ref or message.external_refs[0].external_id
            assert name not in found["messages"], f"{name} is there twice"
            found["messages"][name] = {"person": people[message.thread_id], **_shown(message)}
        for conversation in self.world.all(CONVERSATIONS):
            thread = self.world.get(THREADS, conversation.thread_id)
            view = conversation_view(conversation, None, thread)
            assert people[thread.id] not in found["people"], "a second conversation"
            found["people"][people[thread.id]] = {
                **{name: view[name] for name in ("status", "unread_count", "window")},
                "last_inbound_at": thread.last_inbound_at,
                "last_outbound_at": thread.last_outbound_at,
                "last_seq": thread.last_seq,
            }
        found["parked"] = sorted(parked.external_id for parked in self.world.all(PARKED))
        found["outbox"] = sorted(entry.state for entry in self.world.all(OUTBOX))
        return found


def _outcome(
    flow: Generator[ApiRequest, ApiResponse, SendReceipt], answer: ApiResponse | SendError
) -> SendReceipt | SendError:
    try:
        flow.throw(answer) if isinstance(answer, SendError) else flow.send(answer)
    except StopIteration as end:
        receipt: SendReceipt = end.value
        return receipt
    except SendError as error:
        return error
    raise AssertionError("a text took a second request")


def _shown(message: Message) -> dict[str, Any]:
    view = message_view(message)
    delivery = view["delivery"]
    reply = view["reply_to"]
    named = ("direction", "origin", "content", "text_content", "context", "edited", "deleted", "account_id")
    return {
        **{name: view[name] for name in named},
        "occurred_at": view["occurred_at"],
        "refs": sorted((ref.external_id, ref.part, ref.attempt, ref.state) for ref in message.external_refs),
        "revisions": revisions_view(message),
        "reactions": sorted((one["actor"]["type"], one["emoji"], one["occurred_at"]) for one in view["reactions"]),
        "reply_to": reply
        and reply["external_id"],  # not yet by our id: that is there only if the quoted one came first
        "state": delivery["state"],
        "times": {name: delivery[name] is not None for name in ("delivered_at", "read_at", "failed_at")},
        "error": delivery["error"] and delivery["error"]["code"],
        "author": view["author"]["type"],
    }


# the day


@dataclass(frozen=True)
class Day:
    """What happened, and the webhooks that tell of it."""

    words: Words
    hellos: tuple[Telling, ...]  # come before everything: somebody has to write before we can
    steps: tuple[Step, ...]
    tellings: tuple[Telling, ...]
    known: frozenset[str]  # the ids of what has to be there in the end

    def lived(self, seed: int | None, *, together: bool = False) -> dict[str, Any]:
        """The state in the evening; in the order of things, or with a seed in another order, repeated.

        ``together`` means that some are applied in one commit.
        """
        line = Line(self.words)
        for telling in self.hellos:
            line.deliver(telling)
        truths = Truths(line.world)
        dice, waiting = random.Random(seed), list[Telling]()
        for happening in self.order(seed):
            if isinstance(happening, Telling):
                waiting.append(happening)
            if waiting and (not together or isinstance(happening, Step) or dice.random() < 0.6):
                line.deliver(*waiting)
                waiting.clear()
            if isinstance(happening, Step):
                line.world.now = moment(happening.at)
                happening.run(line)
            truths.hold()
        line.deliver(*waiting)
        line.evening()
        truths.hold()
        return line.state()

    def order(self, seed: int | None) -> list[Step | Telling]:
        """A webhook comes once what it tells of has happened; how much later, and how often, is by chance."""
        times = [step.at for step in self.steps]
        placed: list[tuple[float, Step | Telling]] = [(number, step) for number, step in enumerate(self.steps)]
        dice = random.Random(seed)
        for number, telling in enumerate((*self.tellings, *self.hellos)):
            earliest = sum(time <= telling.since for time in times)  # steps that were before it
            if seed is None:
                # between the last step that was before and the next, by the time of the telling
                placed.append((earliest - 1 + (telling.since + 1) / (DAY_S * 4) + number / 1e6, telling))
                continue
            for _ in range(dice.choice((1, 1, 2, 3))):
                # half of the time at once, as most webhooks are
                slot = earliest if dice.random() < 0.5 else dice.randint(earliest, len(self.steps))
                placed.append((slot - 1 + 0.01 + 0.98 * dice.random(), telling))
        return [happening for _, happening in sorted(placed, key=lambda one: one[0])]


def _steps(sends: Sequence[Send]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for send in sends:
        for number, (ending, at) in enumerate(zip(send.endings, send.begins, strict=True)):
            if number == 0:
                steps.append(Step(at, f"queue {send.name}", lambda line, s=send: line.queue(s)))  # type: ignore[misc]
            elif send.endings[number - 1] != "busy":
                steps.append(Step(at, f"retry {send.name}", lambda line, s=send: line.retry(s)))  # type: ignore[misc]
            steps.append(
                Step(at + 1, f"leave {send.name}", lambda line, s=send, n=number: line.leave(s, n))  # type: ignore[misc]
            )
            steps.append(
                Step(
                    at + 4,
                    f"{ending} {send.name}",
                    lambda line, s=send, n=number, e=ending: line.conclude(s, n, e),  # type: ignore[misc]
                )
            )
    return tuple(sorted(steps, key=lambda step: step.at))


@st.composite
def days(draw: st.DrawFn, words: Words, fates: Sequence[Fate] = tuple(FATES)) -> Day:
    """Any day. ``fates`` are those that a send may have."""
    sends = _sends(draw, fates)
    tellings: list[Telling] = []
    written: list[tuple[str, str, int]] = []  # (person, mid, when) of everything that can be spoken of
    seconds = st.integers(1, DAY_S // 2)

    def tell(since: int, what: str, body: Callable[[Mapping[str, str]], bytes]) -> None:
        tellings.append(Telling(since, what, body))

    def const(body: bytes) -> Callable[[Mapping[str, str]], bytes]:
        return lambda given: body

    had: dict[str, list[tuple[int, str]]] = {person: [] for person in PEOPLE}  # what of ours each has, since when
    for send in sends:
        for number, ending in enumerate(send.endings):
            if ending not in ARRIVES:
                continue
            at = send.begins[number] + 1
            mid, person, text = words.mid(send.attempt(number)), send.person, f"text {send.name}"
            written.append((person, mid, at))
            # an agent retries what was lost because nothing had told yet that it was not
            retried = send.begins[number + 1] if number + 1 < len(send.begins) else 0
            had[person].append((max(at, retried), mid))
            if words.echoes:
                tell(
                    max(at, retried),
                    f"echo {mid}",
                    lambda given, person=person, mid=mid, text=text, at=at: words.echoed(  # type: ignore[misc]
                        person, mid, text, at, given.get(mid)
                    ),
                )
    inbound = [words.mid(f"in.{number}") for number in range(draw(st.integers(0, 3)))]
    for mid in inbound:
        person, at = draw(st.sampled_from(PEOPLE)), draw(seconds)
        before = [mid for whose, mid, when in written if whose == person and when < at]
        quoted = draw(st.sampled_from([None, *before]))
        parts = draw(st.sampled_from((1, 1, 2)))
        tell(at, f"said {mid}", const(words.said(person, mid, f"text {mid}", at, parts, quoted)))
        written.append((person, mid, at))
    for mid in [words.mid(f"app.{number}") for number in range(draw(st.integers(0, 2)))]:
        person, at = draw(st.sampled_from(PEOPLE)), draw(seconds)
        tell(at, f"echo {mid}", const(words.echoed(person, mid, f"text {mid}", at, None)))
        written.append((person, mid, at))
        had[person].append((at, mid))
    theirs = [told for told in written if told[1] in inbound]
    if theirs:
        for number in range(draw(st.integers(0, 3)) if words.edits else 0):
            person, mid, at = draw(st.sampled_from(theirs))
            then = at + draw(st.integers(1, 60))
            body = words.edited(person, mid, f"{mid} edited {number}", then, number + 1)
            tell(then, f"edit {number} of {mid}", const(body))
        if words.unsends and draw(st.booleans()):
            person, mid, at = draw(st.sampled_from(theirs))
            tell(at + 61, f"unsend {mid}", const(words.unsent(person, mid, at + 61)))
    if written:
        for _ in range(draw(st.integers(0, 4))):
            person, mid, at = draw(st.sampled_from(written))
            then = at + draw(st.integers(1, 60))
            since = max([then, *(since for since, known in had[person] if known == mid)])
            emoji = draw(st.sampled_from(("👍", "❤️", None) if words.reactions_end else ("👍", "❤️")))
            tell(since, f"reaction {emoji} to {mid}", const(words.reacted(person, mid, emoji, then)))
    known = {mid for _, mid, _ in written}
    if not words.echoes:  # nothing but a report, if there is one, tells of what was lost
        known -= {words.mid(send.attempt(n)) for send in sends for n, one in enumerate(send.endings) if one == "lose"}
    for _ in range(draw(st.integers(0, 3))):
        person, at = draw(st.sampled_from(PEOPLE)), draw(st.integers(1, DAY_S - 1))
        state: Reported = draw(st.sampled_from(("delivered", "read")))
        mids = [mid for since, mid in sorted(had[person]) if since <= at]
        if mids:
            tell(
                at,
                f"{state} {mids}",
                lambda given, person=person, state=state, mids=mids, at=at: words.reported(  # type: ignore[misc]
                    person, state, mids, at, given
                ),
            )
    hellos = tuple(
        Telling(0, f"hello {person}", const(words.said(person, words.mid(f"hello.{person}"), "Hello", 0, 1, None)))
        for person in PEOPLE
    )
    return Day(words, hellos, _steps(sends), tuple(tellings), frozenset(known))


def _sends(draw: st.DrawFn, fates: Sequence[Fate]) -> list[Send]:
    """Some sends, their tries one after the other on each thread, as a thread has one send on its way at a time."""
    wanted = [
        (f"out.{number}", draw(st.sampled_from(PEOPLE)), FATES[draw(st.sampled_from(fates))])
        for number in range(draw(st.integers(0, 4)))
    ]
    tries = [name for name, _, endings in wanted for _ in endings]
    order = draw(st.permutations(tries))
    people = {name: person for name, person, _ in wanted}
    free = dict(zip(PEOPLE, (10, 12), strict=True))  # the threads' sends overlap
    begins: dict[str, list[int]] = {name: [] for name in people}
    for name in order:
        begins[name].append(free[people[name]])
        free[people[name]] += TRY_S
    return [Send(name, person, endings, tuple(begins[name])) for name, person, endings in wanted]


def check_day(day: Day, seeds: Sequence[int], *, together: bool) -> None:
    """Every order ends as the order of things does."""
    expected = day.lived(None)
    ids = [id for message in expected["messages"].values() for id, *_ in message["refs"]]
    assert len(ids) == len(set(ids))
    assert day.known <= set(ids), f"{day.order(None)}\nlost {day.known - set(ids)}"
    assert not expected["parked"] or not day.words.echoes, expected["parked"]
    for seed in seeds:
        found = day.lived(seed, together=together)
        told = f"{day.order(None)}\nended otherwise as\n{day.order(seed)}:\n{_differing(expected, found)}"
        assert found == expected, told


def _differing(one: Any, other: Any, path: str = "") -> str:
    """Where two states are not the same."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return "" if one == other else f"{path}: {one!r} or {other!r}\n"
    return "".join(_differing(one.get(name), other.get(name), f"{path}/{name}") for name in {**one, **other})


def interleavings() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2**32), min_size=2, max_size=4, unique=True)
