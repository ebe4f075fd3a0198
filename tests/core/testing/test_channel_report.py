"""What comes of a run of the checks: outcomes, levels, and what a person reads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any, NoReturn

import pytest

from patchbay.model.content import Interactive, Location, Text
from patchbay.testing.channel_bench import Bench
from patchbay.testing.channel_checks import CHECKS, LEVELS, Check, Level, fail
from patchbay.testing.channel_report import EVERY_CHECK, Report, Result, lines, run_check, run_checks
from patchbay.testing.channel_samples import ChannelSamples, SampleMissing
from patchbay_whatsapp.certification import WhatsAppSamples
from tests.core.testing.broken_channels import contents_without, samples


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


UP_TO_SILVER = [check for check in EVERY_CHECK if check.level in ("bronze", "silver")]
UP_TO_GOLD = [check for check in EVERY_CHECK if check.level != "platinum"]
WATERMARKS_FORGOTTEN = samples(lacks={"echo_reference": "none"})


@pytest.mark.parametrize(
    ("run", "outcome", "reason"),
    [
        (passes, "passed", ""),
        (fails, "failed", "it became a fish"),
        (lacks_a_sample, "missing", "watermark"),
        (does_not_apply, "not_applicable", "none"),
        (raises, "failed", "it raised LookupError: nothing there."),
        (leaves, "failed", "it tried to end the process with SystemExit 7."),
    ],
)
def test_however_a_check_ends_it_is_a_result(run: Callable[[Bench], None], outcome: str, reason: str) -> None:
    result = run_check(WATERMARKS_FORGOTTEN, Check("bronze", "it", "", run))
    assert (result.outcome, result.reason) == (outcome, reason)


def test_a_check_that_hangs_fails() -> None:
    released = Event()

    def hangs(bench: Bench) -> None:
        released.wait()

    result = run_check(WATERMARKS_FORGOTTEN, Check("bronze", "it", "", hangs), deadline_s=0.05)
    assert result.reason == "it did not return within 0.05 s."
    released.set()


@pytest.mark.parametrize(
    ("runs", "level"),
    [
        ({}, "platinum"),
        ({"bronze": fails}, None),
        ({"silver": fails}, "bronze"),
        ({"gold": lacks_a_sample}, "silver"),
        ({"bronze": lacks_a_sample, "platinum": fails}, None),
        ({"platinum": does_not_apply}, "platinum"),
        ({"platinum": raises}, "gold"),
    ],
)
def test_a_level_is_reached_when_nothing_blocks_it_or_one_below(runs: dict[Level, Any], level: Level | None) -> None:
    checks = [Check(one, one, "", runs.get(one, passes)) for one in LEVELS]
    report = run_checks(WATERMARKS_FORGOTTEN, checks)
    assert report.level == level
    assert [one for one in LEVELS if report.reaches(one)] == list(LEVELS[: LEVELS.index(level) + 1] if level else ())


@pytest.mark.parametrize("name", ["message", "unknown", "broken", "sign", "contents", "provider", "shows"])
def test_a_sample_that_every_channel_needs_cannot_be_lacking(name: str) -> None:
    bare = samples(**{name: getattr(ChannelSamples, name)}, lacks={**WhatsAppSamples.lacks, name: "we have none"})
    report = run_checks(bare, UP_TO_SILVER)
    assert not report.reaches("silver")
    assert any(result.reason.startswith(name) for result in report.of("missing"))


@pytest.mark.parametrize("name", ["receipt", "echo", "edit", "delete", "reaction"])
def test_a_sample_that_is_not_supplied_blocks_gold_and_is_named(name: str) -> None:
    report = run_checks(samples(**{name: getattr(ChannelSamples, name)}), UP_TO_GOLD)
    assert report.level == "silver"
    assert {result.reason for result in report.of("missing")} == {name}
    assert report.of("failed") == ()


@pytest.mark.parametrize(
    ("type", "missing"),
    [
        (Text, "contents: content text"),
        (Location, "contents: content location"),
        (Interactive, "contents: content interactive, interactive address, "),
    ],
)
def test_a_declared_content_without_a_sample_is_named(type: type[Any], missing: str) -> None:
    result = run_check(samples(contents=contents_without(type)), CHECKS["what_is_declared_is_sent"])
    assert result.outcome == "missing"
    assert result.reason.startswith(missing)


def test_a_fault_that_the_provider_does_not_know_is_named() -> None:
    def provider(self: Any, request: Any, fault: Any) -> Any:
        if fault == "rate_limited":
            raise SampleMissing(f"provider, fault {fault}")
        return WhatsAppSamples.provider(self, request, fault)

    result = run_check(samples(provider=provider), CHECKS["a_rate_limit_is_waited_for"])
    assert (result.outcome, result.reason) == ("missing", "provider, fault rate_limited")


def test_every_check_says_what_it_means() -> None:
    for check in EVERY_CHECK:
        assert check.meaning.endswith("."), check.name


def test_the_report_is_a_line_for_each_check_and_why_it_did_not_pass() -> None:
    made = [
        Result(Check("bronze", "it_reads", "", passes), "passed"),
        Result(Check("bronze", "it_keeps", "", passes), "failed", "it became\na fish"),
        Result(Check("silver", "it_sends", "", passes), "missing", "contents: content text"),
        Result(Check("gold", "it_echoes", "", passes), "not_applicable", "there are none"),
    ]
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
        "fish: below bronze (1 passed, 1 failed, 1 lacking samples, 1 n/a)",
    ]
