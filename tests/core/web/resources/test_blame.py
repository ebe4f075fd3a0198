"""A plugin that brought something unusable is named, and the others are not."""

from __future__ import annotations

from tests.core.web.resources.conftest import House


async def test_only_the_plugin_that_is_to_blame_is_failed(house: House) -> None:
    before = {report.name: report.state for report in house.gateway.reports}
    assert set(before.values()) == {"loaded"}
    house.gateway.blame([("whatsapp", "GET /api/v1/channels is declared twice.")])
    after = {report.name: (report.state, report.error) for report in house.gateway.reports}
    assert after.pop("whatsapp") == ("failed", "GET /api/v1/channels is declared twice.")
    assert set(after.values()) == {("loaded", None)}
