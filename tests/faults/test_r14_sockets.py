"""R14: whoever follows the log misses nothing, whatever happens to lines and servers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from tests.faults.process import GatewayProcess, seeded, text_webhook
from tests.faults.watching import Watcher

CLIENTS = 20
KILLS = 3
MESSAGES = 400
SEATS = {"PATCHBAY_SOCKET__PER_PRINCIPAL": "200"}


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r14_every_transcript_is_the_log_after_cuts_and_kills(tmp_path: Path) -> None:
    dice = seeded("R14")
    began = time.monotonic()
    gateway = GatewayProcess(tmp_path / "data", **SEATS)
    await gateway.start()
    watchers = [Watcher(gateway) for _ in range(CLIENTS)]
    for watcher in watchers:
        await watcher.connect()
    done = asyncio.Event()
    cuts = 0

    async def follow(watcher: Watcher) -> None:
        nonlocal cuts
        while True:
            cutting = asyncio.create_task(cut_later(watcher))
            await watcher.listen()
            cutting.cancel()
            cuts += 1
            while not done.is_set() or watcher.position < head:
                try:
                    await watcher.connect()
                    break
                except (aiohttp.ClientError, OSError, TimeoutError):
                    await asyncio.sleep(0.05)
            else:
                return

    async def cut_later(watcher: Watcher) -> None:
        if not done.is_set():
            await asyncio.sleep(dice.random())
            watcher.cut()

    async def write(first: int, count: int) -> None:
        """Post until the server is gone or all is posted; what was not acknowledged is posted again."""
        for n in range(first, first + count):
            body = text_webhook((f"wamid.{n}", f"1555{n % 25:07d}", f"message {n}"))
            while True:
                try:
                    if await gateway.webhook(body) == 200:
                        break
                except (aiohttp.ClientError, ConnectionError, RuntimeError):
                    await asyncio.sleep(0.05)

    head = 0
    following = [asyncio.create_task(follow(watcher)) for watcher in watchers]
    each = MESSAGES // 4
    writing = [asyncio.create_task(write(n * each, each)) for n in range(4)]
    for _ in range(KILLS):
        await asyncio.sleep(0.3 + dice.random() * 0.7)
        await gateway.kill()
        await gateway.start()
    await asyncio.gather(*writing)
    await gateway.applied()
    log = await gateway.log()
    head = log[-1]["position"]
    done.set()
    await asyncio.gather(*(watcher.heard(head) for watcher in watchers))
    for watcher in watchers:
        await watcher.close()
    await asyncio.gather(*following)
    assert await gateway.stop() == 0
    different = [watcher for watcher in watchers if not same(watcher, log)]
    heard = sum(len(watcher.transcript) for watcher in watchers)
    print(
        f"R14: clients {CLIENTS}, cuts {cuts}, kills {KILLS}, events {len(log)}, heard {heard}, "
        f"transcripts that differ {len(different)}, resyncs {sum(watcher.resyncs for watcher in watchers)}, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert [event["position"] for event in log] == list(range(1, head + 1))
    assert len(log) > 300
    assert different == []
    assert not any(watcher.resyncs for watcher in watchers)


def same(watcher: Watcher, log: list[dict[str, object]]) -> bool:
    """Whether it heard each event after its beginning, once, in order, as the log has it."""
    names = ("position", "type", "occurred_at", "data")
    expected = [{name: event[name] for name in names} for event in log if int(str(event["position"])) > watcher.began]
    return [{name: frame[name] for name in names} for frame in watcher.transcript] == expected
