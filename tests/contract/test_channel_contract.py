"""The suite itself, run by pytest as an author runs it: what passes, what fails and how it says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITES = """
from patchbay.testing.channel_contract import ChannelContract
from patchbay.testing.channel_samples import ChannelSamples
from patchbay_whatsapp.certification import WhatsAppSamples


class Impatient(WhatsAppSamples):
    retry_after_s = 8.0
    edit = ChannelSamples.edit


class TestBronze(ChannelContract):
    samples = Impatient()
    level = "bronze"


class TestGold(ChannelContract):
    samples = Impatient()
    level = "gold"
"""


def test_a_suite_has_a_test_for_each_check_up_to_its_level(tmp_path: Path) -> None:
    (tmp_path / "test_suites.py").write_text(SUITES, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rA",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    told = [
        line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "SKIPPED"))
    ]
    bronze = [line for line in told if "TestBronze" in line]
    failed = [line.partition("[")[2].rstrip("]") for line in told if line.startswith("FAILED")]
    assert bronze
    assert all(line.startswith("PASSED") for line in bronze)
    assert not [line for line in told if "interleavings_end_in_one_state" in line], "platinum is not claimed"
    assert sorted(failed) == ["a_rate_limit_is_waited_for", "edits_and_deletions_keep_what_was_said"]
    assert "the provider said to wait 8.0 s, and retry_after_s is 7.0" in done.stdout
    assert "missing: edit" in done.stdout
    assert done.returncode == 1
