"""Any day of two people and an account, and any orders to tell it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hypothesis import strategies as st

from tests.plugins.days.day import Day
from tests.plugins.days.happenings import ARRIVES, FATES, Fate, Send, Telling, steps_of
from tests.plugins.days.line import DAY_S, PEOPLE
from tests.plugins.days.words import Reported, Words

TRY_S = 10  # a try of ours at one send, from queueing to the answer


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
    return Day(words, hellos, steps_of(sends), tuple(tellings), frozenset(known))


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


def interleavings() -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 2**32), min_size=2, max_size=4, unique=True)
