"""Running the checks of a channel, and what is told of it. Needs nothing but Patchbay itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from patchbay.plugins.contain import contained, said
from patchbay.testing import (  # noqa: F401 - they list their checks
    channel_answers,
    channel_bronze,
    channel_care,
    channel_declared,
    channel_files,
    channel_gold,
    channel_platinum,
    channel_silver,
)
from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_checks import (
    CHECKS,
    LEVELS,
    Check,
    CheckFailed,
    Level,
    NotApplicable,
)
from patchbay.testing.channel_samples import ChannelSamples, SampleMissing

EVERY_CHECK: tuple[Check, ...] = tuple(sorted(CHECKS.values(), key=lambda check: LEVELS.index(check.level)))
Outcome = Literal["passed", "failed", "missing", "not_applicable"]
CHECK_DEADLINE_S = 300.0  # a parser that hangs on a damaged body fails its check
REASON_AT_MOST = 2_000  # characters


@dataclass(frozen=True)
class Result:
    """How one check ended. ``reason`` says what failed, which sample is missing, or why it does not apply."""

    check: Check
    outcome: Outcome
    reason: str = ""

    @property
    def blocks(self) -> bool:
        """Whether its level, and those above it, are not reached."""
        return self.outcome in ("failed", "missing")


@dataclass(frozen=True)
class Report:
    """What the checks found of one channel."""

    channel: str
    results: tuple[Result, ...]

    @property
    def level(self) -> Level | None:
        """The highest level that is reached with all below it; None below bronze."""
        reached = None
        for level in LEVELS:
            if any(result.blocks for result in self.results if result.check.level == level):
                break
            reached = level
        return reached

    def reaches(self, level: Level) -> bool:
        """Whether the channel is of this level, or a higher one."""
        return self.level is not None and LEVELS.index(self.level) >= LEVELS.index(level)

    def of(self, outcome: Outcome) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.outcome == outcome)


def run_checks(samples: ChannelSamples, checks: Iterable[Check] | None = None) -> Report:
    """Run all checks, or these, one after the other. What a check raises is its result, never an error."""
    chosen = EVERY_CHECK if checks is None else tuple(checks)
    return Report(samples.channel.name, tuple(run_check(samples, check) for check in chosen))


def run_check(samples: ChannelSamples, check: Check, deadline_s: float = CHECK_DEADLINE_S) -> Result:
    """Run one check."""
    try:
        contained(lambda: check.run(Bench(samples)), deadline_s)
    except CheckFailed as failure:
        return Result(check, "failed", _short(str(failure)))
    except NotApplicable as none:
        return Result(check, "not_applicable", _short(str(none)))
    except SampleMissing as missing:
        return Result(check, "missing", _short(str(missing)))
    except Exception as error:
        return Result(check, "failed", said(error, "it", deadline_s))
    return Result(check, "passed")


def _short(reason: str) -> str:
    return reason if len(reason) <= REASON_AT_MOST else reason[: REASON_AT_MOST - 1] + "\u2026"


MARKS: dict[Outcome, str] = {"passed": "ok", "failed": "FAIL", "missing": "MISSING", "not_applicable": "n/a"}


def lines(report: Report) -> Iterator[str]:
    """The report for a person: a line per check, and under it why it did not pass."""
    for level in LEVELS:
        found = [result for result in report.results if result.check.level == level]
        if not found:
            continue
        yield f"{level}"
        for result in found:
            yield f"  {MARKS[result.outcome]:<7}  {result.check.name.replace('_', ' ')}"
            if result.reason:
                what = "the sample is not supplied: " if result.outcome == "missing" else ""
                yield f"           {what}{' '.join(result.reason.split())}"
    yield ""
    counts = (("passed", "passed"), ("failed", "failed"), ("missing", "lacking samples"), ("not_applicable", "n/a"))
    told = ", ".join(f"{len(report.of(outcome))} {word}" for outcome, word in counts)  # type: ignore[arg-type]
    yield f"{report.channel}: {report.level or 'below bronze'} ({told})"
