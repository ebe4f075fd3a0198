"""Messages whose senders' clients wait: acknowledged once each, and kept whatever comes of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from patchbay.channel import ApiRequest, Flow, InboundEvent, MessageEchoed
from patchbay.collections import MESSAGES
from patchbay.errands.acknowledging import Acknowledging
from patchbay.inbox.apply import apply_event
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from tests.core.plain_post import CARRIES, PlainPost, Stage, answer, checked, person, stage, written


class Waiting(PlainPost):
    """People's clients wait until they hear that their message arrived."""

    def acknowledge(self, account: ChannelAccount, external_id: str) -> Flow:
        checked((yield ApiRequest("GET", f"/arrived/{external_id}")))


@asynccontextmanager
async def acknowledging(folder: Path) -> AsyncIterator[tuple[Stage, ChannelAccount]]:
    async with stage(folder) as on:
        on.channel = Waiting(base=on.channel.base, capabilities=replace(CARRIES, acknowledges=True))
        account = await on.account()
        on.directory.learn([account])
        work = Acknowledging(on.providers())
        on.inbox.watch(MESSAGES, work.message_committed)
        running = asyncio.create_task(work.run())
        try:
            yield on, account
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def arrives(on: Stage, account: ChannelAccount, event: InboundEvent) -> None:
    await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), event))


async def told(on: Stage, *ids: str) -> None:
    """Return once exactly these were acknowledged."""

    async def asked() -> list[str]:
        return sorted(path.rpartition("/")[2] for path in on.provider.asked if path.startswith("/arrived/"))

    assert await on.once(asked, lambda found: len(found) >= len(ids), 15) == sorted(ids)


async def test_each_message_is_acknowledged_once(tmp_path: Path) -> None:
    async with acknowledging(tmp_path) as (on, account):
        for number in (1, 2):
            on.provider.files[f"/arrived/in.1.{number}"] = answer(200)
        await arrives(on, account, written(1, 1, on.clock))
        await arrives(on, account, written(1, 1, on.clock))
        await arrives(on, account, written(1, 2, on.clock))
        await told(on, "in.1.1", "in.1.2")


async def test_what_the_business_wrote_is_not(tmp_path: Path) -> None:
    async with acknowledging(tmp_path) as (on, account):
        on.provider.files["/arrived/in.1.1"] = answer(200)
        ours = MessageEchoed(
            occurred_at=on.clock.now(), external_id="out.1", recipient=person(1), content=Text(text="ours")
        )
        await arrives(on, account, ours)
        await arrives(on, account, written(1, 1, on.clock))
        await told(on, "in.1.1")


async def test_one_that_is_refused_costs_the_others_nothing(tmp_path: Path) -> None:
    async with acknowledging(tmp_path) as (on, account):
        on.provider.files["/arrived/in.1.1"] = answer(500)
        on.provider.files["/arrived/in.1.2"] = answer(200)
        await arrives(on, account, written(1, 1, on.clock))
        await told(on, "in.1.1")
        await arrives(on, account, written(1, 2, on.clock))
        await told(on, "in.1.1", "in.1.2")
