"""R9 and R10: a reply that was accepted is sent once, fails with a reason, or is shown as unknown; never twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from patchbay_simulator import Fault
from tests.faults.process import seeded
from tests.faults.simulated import SENDS, executed, greeted, replies, reply_to, simulated, states, until

KILLS = 20
CUSTOMERS = 30
CLIENTS = 6
SENT = {"accepted", "sent", "delivered", "read"}
ENDED = SENT | {"failed", "unknown"}

LOST = 500
LOSSES = (  # a fifth of all sends are carried out and their answer is lost
    Fault(kind="drop_reply", path=SENDS, probability=0.1, how="reset"),
    Fault(kind="drop_reply", path=SENDS, probability=0.06, how="hang"),
    Fault(kind="late_reply", path=SENDS, probability=0.06, delay_s=1.5),
)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r9_kills_while_replies_leave_lose_none_and_send_none_twice(tmp_path: Path) -> None:
    dice = seeded("R9")
    began = time.monotonic()
    accepted: dict[str, str] = {}  # text by message id
    counter = iter(range(10**9))
    async with simulated(
        tmp_path / "data",
        seed=dice.randrange(10**6),
        PATCHBAY_DELIVERY__UNKNOWN_HOLD_S="0.2",
        PATCHBAY_DELIVERY__BASE_DELAY_S="0.05",
    ) as (meta, gateway):
        customers = await greeted(meta, gateway, CUSTOMERS)
        meta.faults.add(Fault(kind="late_reply", path=SENDS, probability=0.3, delay_s=0.1))
        meta.faults.add(Fault(kind="error", path=SENDS, probability=0.02, code=131051))

        async def client(end: asyncio.Event) -> None:
            while not end.is_set():
                text = f"reply {next(counter)}"
                body = reply_to(dice.choice(customers), text)
                try:
                    status, answer = await gateway.post("/messages/send", body, **{"Idempotency-Key": text[6:]})
                except (aiohttp.ClientError, ConnectionError):
                    return
                assert status == 201
                accepted[answer["message"]["id"]] = text

        for _ in range(KILLS):
            end = asyncio.Event()
            clients = [asyncio.create_task(client(end)) for _ in range(CLIENTS)]
            await asyncio.sleep(0.05 + dice.random() * 0.4)
            await gateway.kill()
            end.set()
            await asyncio.gather(*clients)
            await gateway.start()
        await until(lambda: set(states(gateway)) <= ENDED, 60, "the end of every reply")
        await meta.idle()
        await gateway.applied()
        await until(lambda: settled(executed(meta), replies(gateway)), 30, "the settling of what was carried out")
        found, sent = replies(gateway), executed(meta)
        shown = [await gateway.get(f"/api/v1/messages/{each['id']}") for each in found.values()]
    ended = Counter(each["delivery"]["state"] for each in shown)
    missing = [text for text in accepted.values() if text not in found]
    doubled = [text for text, count in sent.items() if count > 1]
    unexplained = [
        each["id"]
        for each in shown
        if each["delivery"]["state"] in ("failed", "unknown") and not each["delivery"]["error"]["message"]
    ]
    print(
        f"R9: kills {KILLS}, replies {len(accepted)} accepted and {len(found)} stored, "
        f"sent {sum(ended[state] for state in SENT)}, "
        f"failed {ended['failed']}, unknown {ended['unknown']}, missing {len(missing)}, doubled {len(doubled)}, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert len(accepted) > KILLS
    assert missing == doubled == unexplained == []
    assert {each["text_content"]: each["delivery"]["state"] in SENT for each in shown} == {
        text: sent[text] == 1 for text in found
    }


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r10_lost_answers_double_nothing_and_are_settled_by_the_reports(tmp_path: Path) -> None:
    dice = seeded("R10")
    began = time.monotonic()
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6), PATCHBAY_DELIVERY__TOTAL_TIMEOUT_S="1") as (
        meta,
        gateway,
    ):
        customers = await greeted(meta, gateway, LOST // 5)
        for fault in LOSSES:
            meta.faults.add(fault)
        bodies = [reply_to(customers[n % len(customers)], f"reply {n}") for n in range(LOST)]

        async def client() -> None:
            while bodies:
                status, _ = await gateway.post("/messages/send", bodies.pop(0))
                assert status == 201

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await until(lambda: sum(executed(meta).values()) >= LOST, 40, "every reply at the provider")
        await meta.idle()
        reported = time.monotonic()
        await until(lambda: set(states(gateway)) <= SENT | {"unknown"}, 10, "the end of every reply")
        await gateway.applied()
        settled_s = time.monotonic() - reported
        ended, sent = states(gateway), executed(meta)
        lost = sum(fault["hit"] for fault in meta.faults.report() if isinstance(fault["hit"], int))
        metrics = (await gateway.ask("GET", "/metrics")).body.decode()
    unknown = next(
        float(line.split()[1]) for line in metrics.splitlines() if line.startswith("patchbay_outbox_unknown")
    )
    settled = sum(ended[state] for state in SENT)
    print(
        f"R10: sends {LOST}, answers lost {lost}, unknown at first {unknown:.0f}, settled {settled} within "
        f"{settled_s:.1f} s of the reports, doubled {sum(count > 1 for count in sent.values())}, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert sent == {f"reply {n}": 1 for n in range(LOST)}
    assert lost > LOST * 0.12
    assert unknown > 0
    assert settled >= 0.99 * LOST


def settled(sent: Counter[str], found: dict[str, dict[str, Any]]) -> bool:
    """Whether the gateway knows of everything that was carried out."""
    return all(found[text]["delivery"]["state"] in SENT for text in sent)
