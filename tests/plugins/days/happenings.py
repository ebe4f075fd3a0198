"""What happens in a day: webhooks that tell of something, steps of our own, and the tries that a send takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.plugins.days.line import Line

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


def steps_of(sends: Sequence[Send]) -> tuple[Step, ...]:
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
