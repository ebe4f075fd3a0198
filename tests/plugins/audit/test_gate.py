"""The gate: wide open while all goes well, one by one after a failure, and it never stays shut."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest

from patchbay.gateway import Gateway
from patchbay.inbox.tags import change_tag, create_tag
from patchbay.inbox.unit import UnitOfWork
from patchbay_audit import gate as module
from patchbay_audit.gate import Gate
from patchbay_audit.trail import Trail
from tests.plugins.audit.acts import MARA, cause


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def entering(gate: Gate, count: int, gone: list[int]) -> list[asyncio.Task[None]]:
    async def enter(n: int) -> None:
        await gate.enter()
        gate.passed()
        gone.append(n)

    tasks = [asyncio.create_task(enter(n)) for n in range(count)]
    await turns()
    return tasks


async def test_all_go_at_once_while_nothing_fails() -> None:
    gate, gone = Gate(), list[int]()
    await entering(gate, 200, gone)
    assert gone == list(range(200))


async def test_no_more_than_its_width() -> None:
    gate, gone = Gate(3), list[int]()
    tasks = await entering(gate, 5, gone)
    assert gone == [0, 1, 2]
    gate.landed()
    await turns()
    assert gone == [0, 1, 2, 3]
    gate.landed()
    await asyncio.gather(*tasks)
    assert gone == [0, 1, 2, 3, 4]


async def test_after_a_failure_one_goes_then_two_then_four() -> None:
    gate, gone = Gate(), list[int]()
    gate.narrow()
    await entering(gate, 20, gone)
    sizes = [len(gone)]
    for _ in range(3):
        for _ in range(gate.under_way):
            gate.landed()
        await turns()
        sizes.append(len(gone))
    assert sizes == [1, 3, 7, 15]


async def test_one_that_goes_away_gives_its_place_to_the_next() -> None:
    gate, gone = Gate(1), list[int]()
    tasks = await entering(gate, 4, gone)
    tasks[1].cancel()
    await turns()
    gate.landed()
    await turns()
    assert gone == [0, 2]
    gate.landed()  # the last one is called, and goes away before it hears
    tasks[3].cancel()
    await turns()
    await gate.enter()
    assert gate.admitted == 1


async def test_one_that_was_admitted_and_does_not_go_gives_its_place_back() -> None:
    gate, gone = Gate(1), list[int]()
    await gate.enter()
    await entering(gate, 1, gone)
    assert gone == []
    gate.leave()
    await turns()
    assert gone == [0]


async def test_it_opens_when_nobody_says_that_anything_landed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)
    gate = Gate(1)
    for _ in range(3):
        await gate.enter()
        gate.passed()


async def test_who_has_nothing_to_do_with_a_contended_document_is_not_kept_from_the_store(
    gateway: Gateway, trail: Trail
) -> None:
    """Forty change one tag at the same moment: each of them may lose to each other one, the forty others to few."""
    await gateway.inbox.run(partial(create_tag, name="hot"), actor=MARA, cause=cause("create_a_tag"))
    runs: Counter[str] = Counter()

    def change(uow: UnitOfWork, n: int) -> None:
        runs[f"hot {n}"] += 1
        change_tag(uow, "hot", {"color": f"#{n:06x}"})

    def make(uow: UnitOfWork, n: int) -> None:
        runs[f"free {n}"] += 1
        create_tag(uow, f"Free {n}")

    commands = [partial(each, n=n) for n in range(40) for each in (change, make)]
    async with asyncio.timeout(30):
        await asyncio.gather(*[gateway.inbox.run(each, actor=MARA, cause=cause("tags")) for each in commands])
    assert max(count for name, count in runs.items() if name.startswith("free")) <= 30  # without the gate 70 and more
    assert (await trail.verify()).entries == 81
