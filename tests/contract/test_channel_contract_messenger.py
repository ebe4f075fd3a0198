from collections.abc import Mapping
from pathlib import Path

import pytest

from patchbay.testing.channel_checks import CHECKS
from patchbay.testing.channel_contract import ChannelContract
from patchbay.testing.channel_report import run_check
from patchbay_messenger.certification import MessengerSamples


class TestMessenger(ChannelContract):
    samples = MessengerSamples()
    level = "platinum"


class RecordedSamples(MessengerSamples):
    """With all payloads that the tests have."""

    def others(self) -> Mapping[str, bytes]:
        folder = Path(__file__).parents[1] / "payloads" / "messenger"
        return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}


@pytest.mark.parametrize("name", ["damaged_webhooks_are_items_or_a_bad_payload", "keys_are_the_same_at_every_delivery"])
def test_every_payload_survives_damage_and_has_the_same_keys_again(name: str) -> None:
    samples = RecordedSamples()
    assert len(samples.others()) > 70
    result = run_check(samples, CHECKS[name])
    assert result.outcome == "passed", result.reason
