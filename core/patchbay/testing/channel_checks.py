"""The checks of a channel: how they are listed, and the ways in which one ends. No IO."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, get_args

if TYPE_CHECKING:
    from patchbay.testing.channel_bench import Bench

Level = Literal["bronze", "silver", "gold", "platinum"]
LEVELS: tuple[Level, ...] = get_args(Level)


class CheckFailed(AssertionError):
    """The channel does not do what it has to; the text says what it did instead."""


class NotApplicable(Exception):
    """The check is about something that the channel or its provider does not have; the text says why."""


@dataclass(frozen=True)
class Check:
    """One thing that a channel of this level does. ``meaning`` is a sentence, ``run`` raises unless it holds."""

    level: Level
    name: str
    meaning: str
    run: Callable[[Bench], None]


CHECKS: dict[str, Check] = {}


def check(level: Level) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """List a function as a check of this level: its name is the check's, its docstring the meaning."""

    def listed(run: Callable[[Bench], None]) -> Callable[[Bench], None]:
        CHECKS[run.__name__] = Check(level, run.__name__, " ".join((run.__doc__ or "").split()), run)
        return run

    return listed


def fail(told: str) -> NoReturn:
    """The check does not hold."""
    raise CheckFailed(told)


def expect(holds: bool, told: str) -> None:
    """Fail unless it holds."""
    if not holds:
        raise CheckFailed(told)
