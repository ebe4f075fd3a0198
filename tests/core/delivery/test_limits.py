"""What a provider's limit holds up."""

from __future__ import annotations

from pathlib import Path

from patchbay.testing import FakeClock
from tests.core.plain_post import answer, stage


async def test_the_limit_of_an_account_without_an_owner_holds_that_account_alone(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        mine, other = await on.account("1"), await on.account("2")
        on.provider.script["first"] = [answer(429, {"scope": "parent"}, retry_after="30")]
        first = await on.send(await on.writes(mine, 1), "first")
        on.worker()
        await on.entry_becomes(first, "retry")
        same, elsewhere = await on.send(await on.writes(mine, 2), "same"), await on.send(await on.writes(other, 3))
        await on.becomes(elsewhere, "accepted")
        assert (await on.message(same)).delivery.state == "queued"
