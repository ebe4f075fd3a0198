"""Entries that were paused with their account, and whose account works: nothing that is missed keeps them paused."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from patchbay.collections import ACCOUNTS, OUTBOX
from patchbay.delivery import worker as worker_module
from patchbay.delivery.policy import PAUSED_LOOK
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.message import Message
from patchbay.testing import FakeClock
from tests.core.delivery.test_worker import flowing
from tests.core.plain_post import Stage, stage


async def pauses(on: Stage, *messages: Message) -> None:
    """As a process leaves them that ended after the account worked again, and before it let them go."""
    for message in messages:
        entry = await on.entry(message)
        await on.inbox.run(partial(_pause, entry_id=entry.id))


def _pause(uow: UnitOfWork, entry_id: str) -> None:
    uow.put(OUTBOX, uow.need(OUTBOX, entry_id), state="paused")


async def test_what_an_earlier_process_left_paused_goes_on_in_its_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        one, two = await on.writes(account, 1), await on.writes(account, 2)
        messages = [await on.send(one, "1"), await on.send(one, "2"), await on.send(two, "3")]
        await pauses(on, *messages)
        on.worker(alone=True)
        for message in messages:
            await on.becomes(message, "accepted")
        assert [text for text in on.provider.texts() if text != "3"] == ["1", "2"]


async def test_what_is_missed_while_a_worker_runs_is_found_a_page_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        broken, works = await on.account("1"), await on.account("2")
        stuck = [await on.send(await on.writes(broken, person)) for person in range(3)]
        missed = await on.send(await on.writes(works, 9), "missed")
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, broken.id), status="reauth_required"))
        await pauses(on, *stuck, missed)
        monkeypatch.setattr(worker_module, "DUE_AT_ONCE", 2)
        on.worker()
        async with flowing(clock, PAUSED_LOOK.total_seconds() / 10):
            await on.becomes(missed, "accepted")
        assert [(await on.entry(message)).state for message in stuck] == ["paused"] * 3
        assert on.provider.texts() == ["missed"]


async def test_a_paused_head_is_let_go_by_whoever_takes_the_turn(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        head = await on.send(conversation, "head")
        await pauses(on, head)
        on.worker()
        following = await on.send(conversation, "following")
        await on.becomes(following, "accepted")
        assert on.provider.texts() == ["head", "following"]
