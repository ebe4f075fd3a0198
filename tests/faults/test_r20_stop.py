"""R20, in part: told to stop under load, it ends soon, says goodbye to sockets, and loses nothing."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest

from patchbay_simulator import Fault
from tests.faults.process import seeded, text_webhook
from tests.faults.simulated import SENDS, executed, greeted, replies, reply_to, simulated, states, until
from tests.faults.watching import Watcher

STOPS = 3
CLIENTS = 8
SOCKETS = 5
ENDS_WITHIN_S = 30.0
SENT = {"accepted", "sent", "delivered", "read"}


@pytest.mark.long
@pytest.mark.timeout(200)
async def test_r20_a_stop_under_load_loses_nothing_and_says_goodbye(tmp_path: Path) -> None:
    dice = seeded("R20")
    acknowledged: set[str] = set()
    accepted: set[str] = set()
    counter = iter(range(10**9))
    took: list[float] = []
    codes: list[int] = []
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6)) as (meta, gateway):
        customers = await greeted(meta, gateway, 10)
        meta.faults.add(Fault(kind="late_reply", path=SENDS, probability=0.3, delay_s=1.0))

        async def client(end: asyncio.Event) -> None:
            while not end.is_set():
                n = next(counter)
                try:
                    if n % 4:
                        if await gateway.webhook(text_webhook((f"wamid.{n}", f"1666{n % 40:07d}", "hello"))) == 200:
                            acknowledged.add(f"wamid.{n}")
                    elif (await gateway.post("/messages/send", reply_to(dice.choice(customers), f"reply {n}")))[
                        0
                    ] == 201:
                        accepted.add(f"reply {n}")
                except (aiohttp.ClientError, ConnectionError):
                    return

        for _ in range(STOPS):
            watchers = [Watcher(gateway) for _ in range(SOCKETS)]
            for watcher in watchers:
                await watcher.connect()
            listening = [asyncio.create_task(watcher.listen()) for watcher in watchers]
            end = asyncio.Event()
            clients = [asyncio.create_task(client(end)) for _ in range(CLIENTS)]
            await asyncio.sleep(0.5 + dice.random())
            began = time.monotonic()
            assert await gateway.stop() == 0
            took.append(time.monotonic() - began)
            end.set()
            await asyncio.gather(*clients)
            codes.extend(await asyncio.gather(*listening))
            assert all(json.loads(watcher.reason)["position"] >= watcher.position for watcher in watchers)
            await gateway.start()
            for watcher in watchers:  # it goes on where the goodbye said
                assert watcher.position == json.loads(watcher.reason)["position"]
        await gateway.applied()
        await until(lambda: set(states(gateway)) <= SENT | {"unknown"}, 60, "the end of every reply")
        await meta.idle()
        await gateway.applied()
        sent, found, ended = executed(meta), replies(gateway), states(gateway)
        kept = gateway.kept()
        held = kept.external_ids()
        kept.close()
    lost = acknowledged - set(held)
    missing = accepted - set(found)
    print(
        f"R20: stops {STOPS} within {max(took):.1f} s, acknowledged {len(acknowledged)}, lost {len(lost)}, "
        f"replies {len(accepted)}, missing {len(missing)}, {dict(ended)}, "
        f"sent twice {sum(count > 1 for count in sent.values())}, close codes {sorted(set(codes))}"
    )
    assert max(took) <= ENDS_WITHIN_S
    assert set(codes) == {1001}
    assert lost == missing == set()
    assert set(sent.values()) == {1}
    assert set(sent) == {text for text, each in found.items() if each["delivery"]["state"] in SENT}
