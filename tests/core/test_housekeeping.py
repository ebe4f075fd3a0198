"""Chores that come with time: each does its work, and one that fails costs the others nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from patchbay.channel import MessageEchoed, ReceiptReceived
from patchbay.collections import CONVERSATIONS, MESSAGES, PARKED
from patchbay.delivery import claims
from patchbay.errands.templates import Templates
from patchbay.errors import StoreUnavailable
from patchbay.housekeeping import Housekeeping
from patchbay.inbox import lifecycle
from patchbay.inbox.apply import apply_event
from patchbay.inbox.outbox_ids import entry_id
from patchbay.model.content import Text
from patchbay.ports import Query
from patchbay.settings import Settings
from patchbay.testing import FakeClock
from tests.core.plain_post import Stage, answer, person, stage


async def arrives(on: Stage, event: Any) -> None:
    account = on.directory.all()[0]
    await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), event))


async def test_time_wakes_judges_and_gives_up(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        chores = Housekeeping(on.inbox, on.channels, Settings())
        conversation = await on.writes(await on.account())
        message = await on.send(conversation)
        await on.inbox.run(lambda uow: claims.claim(uow, entry_id(message.id, 0), "gone", 60, "sending"))
        echo = MessageEchoed(
            occurred_at=clock.now(), external_id="echo", recipient=person(1), content=Text(text="typed on the phone")
        )
        await arrives(on, echo)
        await arrives(on, ReceiptReceived(occurred_at=clock.now(), external_id="echo", state="delivered"))
        await arrives(on, ReceiptReceived(occurred_at=clock.now(), external_id="never", state="sent"))
        await on.inbox.run(lambda uow: lifecycle.snooze(uow, conversation.id, clock.now() + timedelta(hours=3)))
        await chores.tick()
        assert await on.inbox.store.count(Query(PARKED)) == 2
        clock.jump(130)
        await chores.tick()
        assert await on.inbox.store.count(Query(PARKED)) == 1
        typed = {found.text: found for found in await on.inbox.find_all(Query(MESSAGES))}["typed on the phone"]
        assert typed.delivery.state == "delivered"
        clock.jump(4 * 3600)
        await chores.tick()
        woken = await on.inbox.get(CONVERSATIONS, conversation.id)
        assert woken is not None
        assert woken.status == "open"
        clock.jump(48 * 3600)
        await chores.tick()
        assert await on.inbox.store.count(Query(PARKED)) == 0


async def test_a_chore_that_fails_costs_the_others_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        await on.account()
        await arrives(on, ReceiptReceived(occurred_at=clock.now(), external_id="never", state="sent"))
        clock.jump(49 * 3600)
        chores = Housekeeping(on.inbox, on.channels, Settings())
        find = on.inbox.store.find
        failures: list[Exception] = [KeyError("a bug"), StoreUnavailable("away")]

        async def fails(query: Query[Any]) -> Any:
            if failures:
                raise failures.pop()
            return await find(query)

        on.inbox.store.find = fails  # type: ignore[method-assign]
        running = asyncio.create_task(chores.run())
        await on.once(lambda: on.inbox.store.count(Query(PARKED)), lambda count: count == 0, 15)
        chores.stop()
        await running


async def test_hundreds_of_templates_are_synced_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        listed = [{"name": f"template_{number}", "language": "en", "status": "APPROVED"} for number in range(400)]
        on.provider.files["/templates"] = answer(200, {"data": listed})
        templates = Templates(on.inbox, on.providers())
        assert await templates.sync(account.id) == {"listed": 400, "created": 400, "updated": 0, "deleted": 0}
        on.provider.files["/templates"] = answer(200, {"data": listed[:399]})
        assert await templates.sync(account.id) == {"listed": 399, "created": 0, "updated": 0, "deleted": 1}
