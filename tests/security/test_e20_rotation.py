"""E20: refresh tokens, played at random: one current token, no honest client signed out, no thief who stays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from patchbay.testing import FakeClock
from patchbay_rbac.credentials.refresh import (
    GRACE,
    LIFETIME,
    Expired,
    Family,
    Outcome,
    Replayed,
    Reused,
    Revoked,
    Rotated,
    parse,
    revoke,
    rotate,
    start,
)

START = FakeClock().now()
INTERLEAVINGS = 10_000
FEW = 400


class Rotation(RuleBasedStateMachine):
    """The automaton beside a model that keeps every token in the clear, in the order they were given out."""

    def __init__(self) -> None:
        super().__init__()
        self.dice = random.Random(20)
        self.now = START
        self.family, first = start(START, self.dice.randbytes)
        self.tokens = [first]
        self.rotated_at: datetime | None = None
        self.is_revoked = False

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.dice.seed(seed)

    def expected(self, place: int | None) -> type[Outcome]:
        """By the model; ``place`` is which of the tokens it is, None one that never was."""
        if self.is_revoked:
            return Revoked
        if self.now >= START + LIFETIME:
            return Expired
        if place == len(self.tokens) - 1:
            return Rotated
        is_previous = place is not None and place == len(self.tokens) - 2
        if is_previous and self.rotated_at is not None and abs(self.now - self.rotated_at) <= GRACE:
            return Replayed
        return Reused

    def show(self, text: str, place: int | None) -> None:
        expected = self.expected(place)
        presented = parse(text)
        assert presented is not None
        outcome = rotate(self.family, presented, self.now, self.dice.randbytes(32))
        assert type(outcome) is expected
        match outcome:
            case Rotated(family, token):
                assert token not in self.tokens
                self.family, self.rotated_at = family, self.now
                self.tokens.append(token)
            case Replayed(token):
                assert token == self.tokens[-1]
            case Reused(family):
                self.family, self.is_revoked = family, True

    @rule()
    def present_the_current_one(self) -> None:
        self.show(self.tokens[-1], len(self.tokens) - 1)

    @precondition(lambda self: len(self.tokens) > 1)
    @rule()
    def present_the_previous_one(self) -> None:
        self.show(self.tokens[-2], len(self.tokens) - 2)

    @precondition(lambda self: len(self.tokens) > 2)
    @rule(data=st.data())
    def present_an_older_one(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.tokens) - 3))
        self.show(self.tokens[place], place)

    @rule()
    def present_a_guess(self) -> None:
        self.show(self.tokens[0][:-43] + start(self.now, self.dice.randbytes)[1][-43:], None)

    @rule(seconds=st.sampled_from([0, 0.001, 29.999, 30, 30.001, 600, 86_400, 10 * 86_400, -10, -31]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def sign_out(self) -> None:
        self.family = revoke(self.family, self.now)
        self.is_revoked = True

    @invariant()
    def what_is_kept_agrees(self) -> None:
        assert (self.family.revoked_at is not None) == self.is_revoked
        assert self.family.rotations == len(self.tokens) - 1
        assert self.family.expires_at == START + LIFETIME


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@dataclass
class Server:
    """Keeps one family with a version, reads and writes in two steps, and lets others run between them."""

    dice: random.Random
    now: datetime = START
    family: Family = field(init=False)
    first: str = field(init=False)
    version: int = 0
    answers: dict[str, set[str]] = field(default_factory=dict)  # the tokens that each token was exchanged for

    def __post_init__(self) -> None:
        self.family, self.first = start(self.now, self.dice.randbytes)

    def refresh(self, text: str) -> Iterator[Outcome | None]:
        """Yields None where others may run, and the outcome at last."""
        presented = parse(text)
        assert presented is not None
        while True:
            family, version = self.family, self.version
            yield None
            outcome = rotate(family, presented, self.now, self.dice.randbytes(32))
            if isinstance(outcome, Rotated | Reused):
                if version != self.version:
                    continue  # somebody else wrote meanwhile
                self.family, self.version = outcome.family, version + 1
            if isinstance(outcome, Rotated | Replayed):
                self.answers.setdefault(text, set()).add(outcome.token)
            yield outcome
            return

    def refresh_all(self, texts: list[str], within_s: float) -> list[Outcome]:
        """All at once, their steps in random order, time passing between them up to the bound."""
        running = [self.refresh(text) for text in texts]
        outcomes = list[Outcome]()
        end = self.now + timedelta(seconds=within_s)
        while running:
            one = self.dice.choice(running)
            outcome = next(one)
            if outcome is not None:
                outcomes.append(outcome)
                running.remove(one)
            self.now += (end - self.now) * (self.dice.random() / 4)
        return outcomes

    def wait(self, least_s: float, most_s: float) -> None:
        self.now += timedelta(seconds=self.dice.uniform(least_s, most_s))


def honest(dice: random.Random) -> None:
    """Tabs refresh at once, answers are lost, and the client goes on with whichever answer came last."""
    server = Server(dice)
    token = server.first
    for _ in range(dice.randint(1, 8)):
        arrived = list[str]()
        began = server.now
        while not arrived:
            outcomes = server.refresh_all([token] * dice.randint(1, 4), within_s=3)
            assert all(isinstance(outcome, Rotated | Replayed) for outcome in outcomes), outcomes
            given = [outcome.token for outcome in outcomes if isinstance(outcome, Rotated | Replayed)]
            is_last_chance = server.now - began > timedelta(seconds=20)
            arrived = given if is_last_chance else [one for one in given if dice.random() < 0.5]
        token = dice.choice(arrived)
        server.wait(1, 900)
    assert all(len(tokens) == 1 for tokens in server.answers.values()), "one token has one successor"
    assert server.family.rotations == len(server.answers)


def stolen(dice: random.Random) -> None:
    """A thief copies the current token, and both go on. The first token that both bring ends it for both."""
    server = Server(dice)
    held = {"owner": server.first}
    for _ in range(dice.randint(0, 4)):
        server.wait(31, 900)
        [outcome] = server.refresh_all([held["owner"]], 1)
        assert isinstance(outcome, Rotated)
        held["owner"] = outcome.token
    held["thief"] = held["owner"]
    seen = set[str]()
    has_ended = False
    for who in dice.choices(["owner", "thief"], k=dice.randint(2, 12)):
        server.wait(31, 900)
        presented = held[who]
        [outcome] = server.refresh_all([presented], 1)
        if has_ended:
            assert outcome == Revoked()
        elif presented in seen:
            assert isinstance(outcome, Reused), "a copy came back"
            has_ended = True
        else:
            assert isinstance(outcome, Rotated)
            seen.add(presented)
            held[who] = outcome.token
    assert has_ended == (server.family.revoked_at is not None)


def quick_thief(dice: random.Random) -> None:
    """Within the grace a thief gets the owner's token, none of his own; who then comes later ends it for both."""
    server = Server(dice)
    outcomes = server.refresh_all([server.first] * dice.randint(2, 5), within_s=29)
    given = {outcome.token for outcome in outcomes if isinstance(outcome, Rotated | Replayed)}
    assert len(given) == 1
    assert sum(isinstance(outcome, Rotated) for outcome in outcomes) == 1
    [shared] = given
    server.wait(31, 900)
    [outcome] = server.refresh_all([shared], 1)
    assert isinstance(outcome, Rotated)
    server.wait(31, 900)
    at_once = server.refresh_all([shared, outcome.token], 1)
    ends = [one for one in at_once if isinstance(one, Reused)]
    assert len(ends) == 1, "the copy is found, before or after the other's last rotation"
    assert server.family.revoked_at is not None
    assert all(len(tokens) == 1 for tokens in server.answers.values())


def play(count: int) -> None:
    for seed in range(count):
        for story in (honest, stolen, quick_thief):
            try:
                story(random.Random(seed))
            except AssertionError as error:
                raise AssertionError(f"{story.__name__} with the seed {seed}: {error}") from error


def test_e20_a_few_hundred_interleavings() -> None:
    play(FEW)


@pytest.mark.long
def test_e20_10_000_interleavings() -> None:
    play(INTERLEAVINGS)
