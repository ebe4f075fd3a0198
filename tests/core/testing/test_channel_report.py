"""What comes of a run of the checks: outcomes, levels, and what a person reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_checks import Check, Level, fail
from patchbay.testing.channel_report import Report, lines


def passes(bench: Bench) -> None:
    """It passes."""


def fails(bench: Bench) -> NoReturn:
    fail("it became a fish")


def lacks_a_sample(bench: Bench) -> None:
    bench.sample("watermark", "read", None)


def does_not_apply(bench: Bench) -> None:
    bench.need("echo_reference")


def raises(bench: Bench) -> None:
    raise LookupError("nothing there")


def leaves(bench: Bench) -> None:
    raise SystemExit(7)


def checks(runs: dict[Level, Callable[[Bench], None]]) -> list[Check]:
    """One check of each level."""
    return [Check(level, run.__name__, "", run) for level, run in runs.items()]
    assert list(lines(Report("fish", tuple(made)))) == [
        "bronze",
        "  ok       it reads",
        "  FAIL     it keeps",
        "           it became a fish",
        "silver",
        "  MISSING  it sends",
        "           the sample is not supplied: contents: content text",
        "gold",
        "  n/a      it echoes",
        "           there are none",
        "",
        "fish: below bronze (1 passed, 1 failed, 1 lack samples, 1 n/a)",
    ]
