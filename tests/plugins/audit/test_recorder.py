"""Entries commit with what they tell of, many at a time, and nothing is done that cannot be written down."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from patchbay.collections import TAGS
from patchbay.errors import Conflict, Duplicate, StoreUnavailable
from patchbay.gateway import Gateway
from patchbay.inbox.tags import change_tag, create_tag
from patchbay.inbox.unit import UnitOfWork
from patchbay.ports import Batch, Query
from patchbay.testing import FakeClock
from patchbay_audit.entry import AUDIT_ENTRIES, AUDIT_HEAD, AuditEntry
from patchbay_audit.floods import RefusalLimit
from patchbay_audit.recorder import TrailRecorder, read_tip
from patchbay_audit.trail import Trail
from tests.plugins.audit.acts import MARA, act, cause, nothing, trail

MAKE = cause("create_a_tag")


async def entries(gateway: Gateway) -> list[AuditEntry]:
    return await gateway.inbox.find_all(Query(AUDIT_ENTRIES, limit=200))


async def make(gateway: Gateway, name: str) -> None:
    await gateway.inbox.run(partial(create_tag, name=name), actor=MARA, cause=MAKE)


async def test_an_entry_is_in_the_batch_of_its_act(gateway: Gateway) -> None:
    batches: list[Batch] = []
    commit = gateway.store.commit

    async def seen(batch: Batch) -> list[int]:
        batches.append(batch)
        return await commit(batch)

    gateway.store.commit = seen  # type: ignore[method-assign]
    await make(gateway, "VIP")
    (batch,) = batches
    assert [put.collection.name for put in batch.puts] == ["tags", "audit_entries", "audit_head"]


async def test_many_at_once_share_flushes_and_lose_no_round(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "First")
    rounds = 0
    record = trail.recorder.record

    def counted(uow: UnitOfWork, act: Any) -> Any:
        nonlocal rounds
        rounds += 1
        return record(uow, act)

    trail.recorder.record = counted  # type: ignore[method-assign]
    await asyncio.gather(*[make(gateway, f"Tag {n}") for n in range(200)])
    assert rounds == 200
    assert [each.seq for each in await entries(gateway)] == list(range(1, 202))
    assert (await trail.verify()).valid


async def test_a_unit_that_loses_a_race_takes_no_place_and_comes_again(gateway: Gateway, trail: Trail) -> None:
    """Ten of twenty change one tag at the same moment: one at a time wins, and the others of their line follow."""
    await make(gateway, "VIP")
    await make(gateway, "Other")

    def touch(uow: UnitOfWork, n: int) -> None:
        change_tag(uow, "vip" if n % 2 else "other", {"color": f"#{n:06x}"})

    changes = [gateway.inbox.run(partial(touch, n=n), actor=MARA, cause=cause(f"n{n}")) for n in range(20)]
    await asyncio.gather(*changes)
    kept = await entries(gateway)
    assert sorted(each.action for each in kept[2:]) == sorted(f"n{n}" for n in range(20))
    assert (await trail.verify()).valid


async def test_what_a_refused_command_did_leaves_no_entry_and_no_gap(gateway: Gateway, trail: Trail) -> None:
    def fails(uow: UnitOfWork) -> None:
        create_tag(uow, "Never")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await gateway.inbox.run(fails, actor=MARA, cause=MAKE)
    await make(gateway, "VIP")
    assert [each.seq for each in await entries(gateway)] == [1]
    assert await gateway.store.get(TAGS, "never") is None


async def test_without_a_trail_nothing_is_done(gateway: Gateway) -> None:
    recorder = TrailRecorder(RefusalLimit(60))  # never opened: as if the store of the trail were away
    gateway.inbox.recorders = [recorder]
    with pytest.raises(StoreUnavailable):
        await make(gateway, "VIP")
    with pytest.raises(StoreUnavailable):
        await gateway.inbox.record(act(outcome="forbidden", status=403))
    assert await gateway.store.get(TAGS, "vip") is None


async def test_a_commit_that_fails_fails_the_act_and_the_next_one_goes_on(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "First")
    commit, fail = gateway.store.commit, True

    async def sometimes(batch: Batch) -> list[int]:
        if fail:
            raise StoreUnavailable("The disk is full.")
        return await commit(batch)

    gateway.store.commit = sometimes  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await make(gateway, "Second")
    fail = False
    await make(gateway, "Third")
    assert [each.subject_ids for each in await entries(gateway)] == [("first",), ("third",)]
    assert (await trail.verify()).valid


async def test_a_second_gateway_on_the_same_store_takes_turns(gateway: Gateway, trail: Trail) -> None:
    other = TrailRecorder(RefusalLimit(60))
    other.open(gateway.store, gateway.clock)
    for n in range(6):
        gateway.inbox.recorders = [other if n % 2 else trail.recorder]
        await make(gateway, f"Tag {n}")
    assert [each.seq for each in await entries(gateway)] == [1, 2, 3, 4, 5, 6]
    assert (await trail.verify()).valid


async def test_what_was_built_on_a_place_that_another_took_cannot_land(gateway: Gateway) -> None:
    """The version of a document would not tell: the other's head has the same number of changes."""
    mine = TrailRecorder(RefusalLimit(60))
    mine.open(gateway.store, gateway.clock)
    await mine.ready()
    units = []
    for _ in range(2):
        unit = gateway.inbox.unit(gateway.inbox.loaded())
        mine.record(unit, act(occurred_at=gateway.clock.now()))
        units.append(unit)
    await make(gateway, "Quicker")  # takes the place of the first
    for unit in units:
        with pytest.raises((Conflict, Duplicate)):
            await gateway.inbox.commit(unit)
    assert [each.seq for each in await entries(gateway)] == [1]


async def test_a_flood_of_refusals_is_counted(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    for _ in range(100):
        await gateway.inbox.record(act("auth.login", occurred_at=clock.now(), outcome="unauthenticated", status=401))
    assert len(await entries(gateway)) == 60
    await clock.advance(60)
    await trail.look()
    *_, last = await entries(gateway)
    assert (last.action, last.outcome, last.actor_type, last.address) == (
        "refusals.left_out",
        "done",
        "system",
        "203.0.113.7",
    )
    assert '"left_out":40' in last.entry
    assert (await trail.verify()).valid


async def test_the_end_tells_what_was_left_out_and_anchors(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    for _ in range(100):
        await gateway.inbox.record(act("auth.login", occurred_at=clock.now(), outcome="unauthenticated", status=401))
    await clock.advance(60)
    await trail.stop()
    assert (await entries(gateway))[-1].action == "refusals.left_out"
    assert (await trail.verify()).anchors["entries_since"] == 0


async def test_a_head_that_somebody_took_away_does_not_stop_the_work(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "First")
    (head,) = await gateway.inbox.find_all(Query(AUDIT_HEAD))
    await gateway.inbox.run(lambda uow: uow.remove(AUDIT_HEAD, head))
    assert not (await trail.verify()).valid
    await make(gateway, "Second")
    assert [each.seq for each in await entries(gateway)] == [1, 2]
    assert (await trail.verify()).valid  # the place was right; that it was gone is in the log


async def test_a_head_set_back_is_found_and_the_work_goes_on(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "First")
    (old,) = await gateway.inbox.find_all(Query(AUDIT_HEAD))
    await make(gateway, "Second")
    (new,) = await gateway.inbox.find_all(Query(AUDIT_HEAD))

    def set_back(uow: UnitOfWork) -> None:
        uow.remove(AUDIT_HEAD, new)
        uow.add(AUDIT_HEAD, old)

    await gateway.inbox.run(set_back)
    assert {each.kind for each in (await trail.verify()).problems} == {"head"}
    assert (await read_tip(gateway.store)).seq == 2
    await make(gateway, "Third")
    assert (await trail.verify()).valid


async def test_the_recorder_says_what_it_lost_to(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "First")
    unit = gateway.inbox.unit(gateway.inbox.loaded())
    ticket = trail.recorder.record(unit, act())
    (head,) = await gateway.inbox.find_all(Query(AUDIT_HEAD))
    await gateway.inbox.run(lambda uow: uow.remove(AUDIT_HEAD, head))
    with pytest.raises(Conflict, match="audit_head"):
        await gateway.inbox.commit(unit)
    trail.recorder.settled(ticket, committed=False)
    await trail.recorder.load()
    await gateway.inbox.run(nothing, actor=MARA, cause=cause("export"), about={"format": "csv"})
    assert [each.action for each in await entries(gateway)] == ["create_a_tag", "export"]


def test_the_trail_helper_makes_what_the_recorder_would() -> None:
    assert [each.seq for each in trail(3).entries] == [1, 2, 3]
