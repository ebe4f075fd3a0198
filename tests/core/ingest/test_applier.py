"""The applier over a real store that refuses on purpose: what cannot be applied costs nobody else anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace

from patchbay.bus.local import LocalBus
from patchbay.collections import ACCOUNTS, CONTACTS, CORE_COLLECTIONS
from patchbay.errors import Duplicate, StoreUnavailable
from patchbay.ingest.applier import RETRY_S, Applier
from patchbay.ingest.directory import AccountDirectory
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import account_id
from patchbay.model.raw import NewRaw, RawEvent
from patchbay.ports import Batch, Query, RawQuery
from patchbay.secrets import SecretKey, Vault
from patchbay.service import Inbox
from patchbay.storage.sqlite import SqliteStore
from patchbay.system import SystemClock, SystemIds
from patchbay_whatsapp import WhatsAppChannel, WhatsAppSettings
from tests.faults.process import PHONE_NUMBER_ID, text_webhook

TRIES = 3


class RefusingStore(SqliteStore):
    """``loses`` names raw events whose settlement always meets a key that is taken, ``fails`` how many commits of one
    raw event alone find the disk full. Groups that hold any of them lose every race as a whole."""

    loses: frozenset[str] = frozenset()
    fails = 0
    refused = 0

    async def commit(self, batch: Batch) -> list[int]:
        settled = {settlement.raw_id for settlement in batch.settlements if settlement.items}
        if len(settled) > 1 and (self.fails or settled & self.loses):
            raise Duplicate("key", "external_ref", "wamid.1")
        if settled & self.loses:
            self.refused += 1
            raise Duplicate("key", "external_ref", "wamid.1")
        if settled and self.fails:
            self.fails -= 1
            raise StoreUnavailable("the disk is full")
        return await super().commit(batch)


@asynccontextmanager
async def journal(folder: Path, count: int) -> AsyncIterator[tuple[RefusingStore, Applier, list[str]]]:
    """A store whose journal holds this many webhooks, its applier, and the ids of the webhooks."""
    store, clock = RefusingStore(folder / "patchbay.db"), SystemClock()
    await store.open(CORE_COLLECTIONS)
    inbox = Inbox(store, LocalBus(), clock, SystemIds())
    directory = AccountDirectory(Vault([SecretKey("k" * 32)]))
    account = ChannelAccount(
        id=account_id("whatsapp", PHONE_NUMBER_ID),
        created_at=clock.now(),
        updated_at=clock.now(),
        channel="whatsapp",
        name="Support",
        external_id=PHONE_NUMBER_ID,
    )
    await inbox.run(lambda uow: uow.add(ACCOUNTS, account))
    directory.learn([account])
    channels = {"whatsapp": WhatsAppChannel(WhatsAppSettings())}
    applier = Applier(
        inbox, channels, directory, owner="gw", max_attempts=TRIES, reopen_after=timedelta(0), max_pending=1000
    )
    bodies = [text_webhook((f"wamid.{n}", f"1555{n:07d}", "hello")) for n in range(count)]
    ids = [
        await store.append(
            NewRaw(
                channel="whatsapp",
                received_at=clock.now(),
                headers={},
                body=body,
                sha256=sha256(body).hexdigest(),
            )
        )
        for body in bodies
    ]
    try:
        yield store, applier, ids
    finally:
        await store.close()


async def applied(store: RefusingStore, applier: Applier) -> dict[str, RawEvent]:
    """Run until nothing is pending; the raw events by id."""
    running = asyncio.create_task(applier.run())
    async with asyncio.timeout(60 * RETRY_S):
        while await store.pending():
            await asyncio.sleep(0.01)
    applier.stop()
    await running
    return {raw.id: raw for raw in (await store.raws(RawQuery(limit=200))).items}


async def test_a_webhook_that_loses_every_race_is_set_aside_and_holds_nobody_up(tmp_path: Path) -> None:
    async with journal(tmp_path, 5) as (store, applier, ids):
        store.loses = frozenset({ids[1]})
        raws = await applied(store, applier)
        stored = await store.count(Query(CONTACTS))
    assert [raws[id].state for id in ids] == ["applied", "quarantined", "applied", "applied", "applied"]
    assert "wamid.1" in str(raws[ids[1]].error)
    assert stored == 4
    assert store.refused > TRIES


async def test_a_store_that_fails_between_two_webhooks_leaves_none_behind(tmp_path: Path) -> None:
    async with journal(tmp_path, 6) as (store, applier, ids):
        store.fails = 3
        raws = await applied(store, applier)
    assert [raws[id].state for id in ids] == ["applied"] * 6


async def test_what_may_have_ended_the_process_is_applied_before_anything_else_goes_on(tmp_path: Path) -> None:
    async with journal(tmp_path, 100) as (store, applier, ids):
        held = [raw.id for raw in await store.claim("gw", 20, 10**6)]
        await store.close()  # as if it had ended while these were held
        await store.open(CORE_COLLECTIONS)
        await applier.clear_suspects()
        raws = {raw.id: raw for raw in (await store.raws(RawQuery(limit=200))).items}
        pending = [id for id in ids if raws[id].state == "pending"]
        assert held == ids[:20]
        assert {raws[id].state for id in held} == {"applied"}
        assert {raws[id].attempts for id in held} == {2}
        assert 0 < len(pending) < 80
        raws = await applied(store, applier)
    assert {raw.state for raw in raws.values()} == {"applied"}


async def test_a_store_that_refuses_does_not_stop_the_start(tmp_path: Path) -> None:
    async with journal(tmp_path, 5) as (store, applier, ids):
        await store.claim("gw", 3, 10**6)
        await store.close()
        await store.open(CORE_COLLECTIONS)
        store.fails = 1
        await applier.clear_suspects()
        assert await store.pending() == 5
        raws = await applied(store, applier)
    assert {raws[id].state for id in ids} == {"applied"}
    assert [raws[id].attempts for id in ids] == [2, 2, 2, 0, 0]


async def test_a_webhook_that_may_have_ended_the_process_too_often_is_not_tried_again(tmp_path: Path) -> None:
    async with journal(tmp_path, 2) as (store, applier, ids):
        claimed = await store.claim("gw", 10, 10**6)
        for raw, attempts in zip(claimed, (TRIES, TRIES + 1), strict=True):
            await applier.apply([replace(raw, attempts=attempts)])
        raws = {raw.id: raw for raw in (await store.raws(RawQuery(limit=200))).items}
    assert [raws[id].state for id in ids] == ["applied", "quarantined"]
    assert f"{TRIES} times" in str(raws[ids[1]].error)
