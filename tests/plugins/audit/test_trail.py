"""The service: anchors when they are due, and a retention that keeps what remains provable."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from functools import partial

import pytest

from patchbay.errors import PatchbayError
from patchbay.gateway import Gateway
from patchbay.inbox.tags import create_tag
from patchbay.ports import Query
from patchbay.testing import FakeClock
from patchbay_audit import retention
from patchbay_audit.anchors import is_genuine, line_of
from patchbay_audit.entry import AUDIT_ANCHORS, AUDIT_ENTRIES, AuditAnchor, AuditEntry
from patchbay_audit.health import TrailHealth
from patchbay_audit.trail import Trail
from tests.plugins.audit.acts import MARA, cause

DAY_S = 86_400


@pytest.fixture
def more() -> dict[str, str]:
    return {"PATCHBAY_AUDIT__RETENTION_DAYS": "30", "PATCHBAY_AUDIT__ANCHOR_AFTER_ENTRIES": "20"}


async def make(gateway: Gateway, *names: str) -> None:
    for name in names:
        await gateway.inbox.run(partial(create_tag, name=name), actor=MARA, cause=cause("create_a_tag"))


async def entries(gateway: Gateway) -> list[AuditEntry]:
    return await gateway.inbox.find_all(Query(AUDIT_ENTRIES, limit=200))


async def anchors(gateway: Gateway) -> list[AuditAnchor]:
    return await gateway.inbox.find_all(Query(AUDIT_ANCHORS))


async def test_every_ten_minutes_what_is_new_is_anchored(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await make(gateway, "One", "Two")
    await clock.advance(599)
    await trail.look()
    assert await anchors(gateway) == []
    await clock.advance(1)
    await trail.look()
    (made,) = await anchors(gateway)
    newest = (await entries(gateway))[-1]
    assert (made.number, made.kind, made.seq, made.hash) == (1, "anchor", 2, newest.hash)
    assert is_genuine(line_of(made), trail.host.keys("audit anchor"))
    await clock.advance(600)
    await trail.look()
    assert len(await anchors(gateway)) == 1  # nothing was new
    lines = trail.file.path.read_text().splitlines()
    assert [json.loads(line)["mac"] for line in lines] == [made.mac]


async def test_it_looks_by_itself(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    looking = asyncio.create_task(trail._live())
    await make(gateway, "One")
    async with asyncio.timeout(10):
        while not await anchors(gateway):
            await clock.advance(60)
    looking.cancel()


async def test_so_many_entries_are_anchored_at_once(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, *[f"Tag {n}" for n in range(19)])
    await trail.look()
    assert await anchors(gateway) == []
    await make(gateway, "Twentieth")
    await trail.look()
    assert [each.seq for each in await anchors(gateway)] == [20]


async def test_a_disk_that_fails_costs_the_second_copy_alone(gateway: Gateway, trail: Trail) -> None:
    await make(gateway, "One")
    trail.file.path.mkdir()
    assert await trail.anchor() is not None
    assert len(await anchors(gateway)) == 1
    with pytest.raises(PatchbayError, match=r"audit-anchors\.jsonl: Is a directory"):
        await TrailHealth(trail).check()
    trail.file.path.rmdir()
    await make(gateway, "Two")
    await trail.anchor()
    assert await TrailHealth(trail).check() == {"added": 2, "unanchored": 0}
    assert (await trail.verify()).valid


async def test_anchors_that_are_late_are_unhealthy(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await clock.advance(1801)
    assert await TrailHealth(trail).check() == {"added": 0, "unanchored": 0}
    await make(gateway, "One")
    with pytest.raises(PatchbayError, match="last anchored 1801 s ago"):
        await TrailHealth(trail).check()
    await trail.look()
    assert await TrailHealth(trail).check() == {"added": 1, "unanchored": 0}


async def test_the_retention_says_what_it_would_remove(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await make(gateway, "One", "Two")
    assert (await trail.plan()).entries == 0
    clock.jump(31 * DAY_S)
    await make(gateway, "Three")
    planned = await trail.plan()
    assert (planned.entries, planned.from_seq, planned.before) == (2, 1, clock.now() - timedelta(days=30))
    assert planned.last is not None
    assert planned.last.seq == 2
    assert len(await entries(gateway)) == 3


async def test_the_retention_cuts_and_the_rest_is_proved(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await make(gateway, *[f"Tag {n}" for n in range(450)])
    await trail.anchor()
    clock.jump(31 * DAY_S)
    await make(gateway, "New")
    await trail.keep()
    kept = await entries(gateway)
    assert [(each.seq, each.action) for each in kept] == [(451, "create_a_tag"), (452, "audit.retention")]
    assert '"about":{"entries":450,"from_seq":1,"to_seq":450}' in kept[-1].entry
    assert [(each.kind, each.seq) for each in await anchors(gateway)][-1] == ("cut", 450)
    verdict = await trail.verify()
    assert verdict.valid, verdict.problems
    assert (verdict.from_seq, verdict.to_seq, verdict.anchors["cut_seq"]) == (451, 452, 450)
    await make(gateway, "Newer")
    assert (await trail.verify()).valid


async def test_the_service_does_it_by_itself(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await make(gateway, "One", "Two")
    clock.jump(31 * DAY_S)
    await trail.look()
    assert [each.seq for each in await entries(gateway)] == [2, 3]  # the newest of them stays with the cut's own
    assert (await trail.verify()).valid


async def test_a_cut_that_was_broken_off_is_finished_later(gateway: Gateway, trail: Trail, clock: FakeClock) -> None:
    await make(gateway, *[f"Tag {n}" for n in range(10)])
    clock.jump(31 * DAY_S)
    await make(gateway, "New")
    planned = await trail.plan()
    assert planned.last is not None
    command = partial(retention.cut, last=planned.last, key=trail.host.key("audit anchor"))
    await trail.host.run(command)  # and then the process ends
    assert (await trail.verify()).valid
    await trail.host.run(partial(retention.remove_some, upto=3))
    assert (await trail.verify()).valid
    await trail.keep(retention.Plan(None))
    assert [each.seq for each in await entries(gateway)] == [11]
    assert (await trail.verify()).valid


async def test_a_clock_set_back_removes_nothing_that_is_not_at_the_beginning(
    gateway: Gateway, trail: Trail, clock: FakeClock
) -> None:
    await make(gateway, "One")
    clock.jump(60 * DAY_S)
    await make(gateway, "Two")
    clock.jump(-60 * DAY_S)
    await make(gateway, "Three")
    clock.jump(40 * DAY_S)
    await make(gateway, "Four")
    planned = await trail.plan()
    assert planned.last is not None
    assert planned.last.seq == 1


async def test_what_is_removed_was_all_there_is_but_the_newest(
    gateway: Gateway, trail: Trail, clock: FakeClock
) -> None:
    await make(gateway, "One", "Two", "Three")
    clock.jump(100 * DAY_S)
    planned = await trail.plan()
    assert planned.entries == 2


async def test_two_services_on_one_store_number_their_anchors_as_one(
    gateway: Gateway, trail: Trail, clock: FakeClock
) -> None:
    other = Trail(gateway.settings.model_copy())
    other._host = trail.host
    await make(gateway, "One")
    assert await trail.anchor() is not None
    assert await other.anchor() is None
    await make(gateway, "Two")
    assert await other.anchor() is not None
    assert [each.number for each in await anchors(gateway)] == [1, 2]
