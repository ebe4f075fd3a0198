"""What a gateway answers to those who ask too often."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.outside import outside, problem


async def test_who_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with outside(tmp_path / "data", PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE="20") as client:
        replies = [await client.ask("GET", "/tags") for _ in range(40)]
        refused = [reply for reply in replies if reply.status != 200]
        assert 10 <= len(refused) <= 25
        for reply in refused:
            problem(reply, 429, "rate_limited")
            assert 1 <= int(reply.headers["Retry-After"]) <= 60
