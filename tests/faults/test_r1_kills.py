"""R1: a webhook acknowledged with 200 is never lost or doubled by kill -9."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from tests.faults.process import GatewayProcess, seeded, text_webhook

KILLS = 30
CLIENTS = 16


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r1_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    dice = seeded("R1")
    began = time.monotonic()
    gateway = GatewayProcess(tmp_path / "data")
    acknowledged: set[str] = set()
    attempted: set[str] = set()
    counter = iter(range(10**9))

    async def client(end: asyncio.Event) -> None:
        while not end.is_set():
            first = next(counter)
            batch = [
                (f"wamid.{first}.{n}", f"1555{dice.randrange(400):07d}", "hello") for n in range(dice.choice((1, 1, 3)))
            ]
            attempted.update(wamid for wamid, _, _ in batch)
            try:
                status = await gateway.webhook(text_webhook(*batch))
            except (aiohttp.ClientError, ConnectionError):
                return
            if status == 200:
                acknowledged.update(wamid for wamid, _, _ in batch)

    for _ in range(KILLS):
        await gateway.start()
        end = asyncio.Event()
        clients = [asyncio.create_task(client(end)) for _ in range(CLIENTS)]
        await asyncio.sleep(0.05 + dice.random() * 0.5)
        await gateway.kill()
        end.set()
        await asyncio.gather(*clients)
    await gateway.start()
    await gateway.applied()
    positions = [event["position"] for event in await gateway.log()]
    assert await gateway.stop() == 0
    kept = gateway.kept()
    held = kept.external_ids()
    lost = acknowledged - set(held)
    doubled = {wamid for wamid, count in held.items() if count > 1}
    duration = time.monotonic() - began
    print(
        f"R1: kills {KILLS}, attempted {len(attempted)}, acknowledged {len(acknowledged)}, stored {len(held)}, "
        f"lost {len(lost)}, doubled {len(doubled)}, events {len(positions)}, "
        f"{duration:.0f} s"
    )
    assert len(acknowledged) > KILLS
    assert lost == set()
    assert doubled == set()
    assert set(held) <= attempted
    assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert kept.sound()
    open_threads = [
        conversation["thread_id"]
        for conversation in kept.documents("conversations")
        if conversation.get("status", "open") != "closed"
    ]
    assert len(open_threads) == len(set(open_threads))
    kept.close()
