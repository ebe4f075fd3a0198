"""Every check finds what it is there to find, and nothing in a channel that is right."""

from __future__ import annotations

import pytest

from patchbay.model.content import Text
from patchbay.testing.channel_checks import CHECKS
from patchbay.testing.channel_report import EVERY_CHECK, run_check
from patchbay.testing.channel_samples import ChannelSamples
from tests.core.testing.breaks import BREAKS
from tests.core.testing.broken_channels import Watermarked, broken, in_parts, unchecked, watermarks
from tests.core.testing.broken_hooks import HOOK_BREAKS

ALL = {name: [*BREAKS.get(name, ()), *HOOK_BREAKS.get(name, ())] for name in {**BREAKS, **HOOK_BREAKS}}
CASES = [
    pytest.param(name, samples, id=f"{name}-{number}")
    for name, broken_ones in ALL.items()
    for number, samples in enumerate(broken_ones)
]


def test_every_check_is_tried_with_a_channel_that_it_has_to_find() -> None:
    assert set(ALL) == set(CHECKS)


@pytest.mark.parametrize(("name", "samples"), CASES)
def test_a_broken_channel_fails_its_check(name: str, samples: ChannelSamples) -> None:
    result = run_check(samples, CHECKS[name])
    assert result.outcome == "failed"
    assert result.reason


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.name)
def test_a_channel_with_watermarks_and_without_batches_passes(check: object) -> None:
    result = run_check(broken(Watermarked, parse=watermarks()), check)  # type: ignore[arg-type]
    assert result.outcome in ("passed", "not_applicable"), result.reason


def test_a_channel_that_splits_long_texts_passes() -> None:
    result = run_check(broken(check=unchecked(Text), split=in_parts()), CHECKS["long_texts_are_refused_or_split"])
    assert result.outcome == "passed", result.reason
