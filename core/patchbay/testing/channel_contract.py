"""What every ``patchbay.channel.Channel`` has to do, as tests to inherit: one for each check.

A plugin that brings a channel proves it with::

    class TestMyChannel(ChannelContract):
        samples = MySamples()
        level = "gold"

There are tests up to ``level`` and none above it. A sample that is missing fails its tests. A check that does not apply
passes, and says so in the report's properties; ``patchbay plugins certify`` lists those with their reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import pytest

from patchbay.testing.channel_checks import LEVELS, Check, Level
from patchbay.testing.channel_report import EVERY_CHECK, run_check
from patchbay.testing.channel_samples import ChannelSamples


class ChannelContract:
    """Inherit, name the class ``Test...`` and give ``samples``, and the level that is claimed."""

    samples: ClassVar[ChannelSamples]
    level: ClassVar[Level] = "platinum"

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """The checks of the levels up to the one that is claimed."""
        if "check" in metafunc.fixturenames:
            claimed = LEVELS[: LEVELS.index(self.level) + 1]
            chosen = [check for check in EVERY_CHECK if check.level in claimed]
            metafunc.parametrize("check", chosen, ids=[check.name for check in chosen])

    def test_channel(self, check: Check, record_property: Callable[[str, object], None]) -> None:
        result = run_check(self.samples, check)
        if result.outcome == "not_applicable":
            record_property("not_applicable", result.reason)
            return
        assert result.outcome == "passed", f"{check.meaning}\n{result.outcome}: {result.reason}"
