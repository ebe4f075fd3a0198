from collections.abc import Mapping
from pathlib import Path

import pytest

from patchbay.testing.channel_checks import CHECKS
from patchbay.testing.channel_contract import ChannelContract
from patchbay.testing.channel_report import run_check
from patchbay_instagram.certification import InstagramSamples, LinkedPageSamples


class TestInstagramLogin(ChannelContract):
    samples = InstagramSamples()
    level = "platinum"


class TestLinkedPage(ChannelContract):
    samples = LinkedPageSamples()
    level = "platinum"


class RecordedSamples(InstagramSamples):
    """With all payloads that the tests have, but for one that is not Instagram's."""

    def others(self) -> Mapping[str, bytes]:
        folder = Path(__file__).parents[1] / "payloads" / "instagram"
        found = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}
        return {name: body for name, body in found.items() if name != "wrong_object"}


@pytest.mark.parametrize("name", ["damaged_webhooks_are_items_or_a_bad_payload", "keys_are_the_same_at_every_delivery"])
def test_every_payload_survives_damage_and_has_the_same_keys_again(name: str) -> None:
    samples = RecordedSamples()
    assert len(samples.others()) > 60
    result = run_check(samples, CHECKS[name])
    assert result.outcome == "passed", result.reason
