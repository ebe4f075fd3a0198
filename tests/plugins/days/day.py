"""A day of two people and an account, as the provider has it, told to us in any order and more than once.

What happened is fixed: what people and the business wrote, changed and took back, what our sends came to, what was
reported. Free is only what the network decides: when each webhook comes, once there is what it tells of, and how often.
Our own steps (to queue, to send, to hear the answer, to retry) keep their order and their times.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.core.inbox.truths import Truths
from tests.plugins.days.happenings import Step, Telling
from tests.plugins.days.line import DAY_S, Line
from tests.plugins.days.words import Words, moment


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
