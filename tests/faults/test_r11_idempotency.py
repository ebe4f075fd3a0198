"""R11: an Idempotency-Key has one effect, whatever the number of requests, and through a crash."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.process import GatewayProcess, Reply, seeded
from tests.faults.simulated import executed, greeted, replies, reply_to, simulated, states, until

KEYS = 10
AT_ONCE = 100
KILLS = 4
KEYS_PER_KILL = 30
SETTLED = {"accepted", "sent", "delivered", "read", "failed", "unknown"}


async def send(gateway: GatewayProcess, key: str, body: dict[str, Any]) -> Reply:
    return await gateway.ask("POST", "/messages/send", json=body, headers={"Idempotency-Key": key})


async def test_r11_a_hundred_requests_with_one_key_are_one_message(tmp_path: Path) -> None:
    dice = seeded("R11")
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6)) as (meta, gateway):
        customers = await greeted(meta, gateway, 4)
        kinds: Counter[str] = Counter()
        for n in range(KEYS):
            body = reply_to(dice.choice(customers), f"reply {n}")
            answers = await asyncio.gather(*(send(gateway, f"key-{n}", body) for _ in range(AT_ONCE)))
            assert {answer.status for answer in answers} == {201}
            assert len({answer.body for answer in answers}) == 1
            assert len({(answer.headers["ETag"], answer.headers["Location"]) for answer in answers}) == 1
            kinds.update(answer.headers.get("Idempotency-Replayed", "first") for answer in answers)
            other = await send(gateway, f"key-{n}", {**body, "text_content": "something else"})
            assert (other.status, other.json()["code"]) == (422, "idempotency_mismatch")
        await until(lambda: sum(executed(meta).values()) >= KEYS, 20, "every reply")
        await meta.idle()
        stored, sent = replies(gateway), executed(meta)
    print(f"R11: keys {KEYS} x {AT_ONCE}, answers {dict(kinds)}, messages {len(stored)}, sent {sum(sent.values())}")
    assert kinds == {"first": KEYS, "true": KEYS * (AT_ONCE - 1)}
    assert set(stored) == {f"reply {n}" for n in range(KEYS)}
    assert sent == {f"reply {n}": 1 for n in range(KEYS)}


@pytest.mark.long
async def test_r11_a_key_holds_through_a_crash(tmp_path: Path) -> None:
    """Whoever saw no answer asks again with the same key, after the crash; who saw one gets the same."""
    dice = seeded("R11")
    unanswered = 0
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6), PATCHBAY_DELIVERY__UNKNOWN_HOLD_S="0.2") as (
        meta,
        gateway,
    ):
        customers = await greeted(meta, gateway, 10)
        for kill in range(KILLS):
            bodies = {
                f"key-{kill}-{n}": reply_to(dice.choice(customers), f"reply {kill}-{n}") for n in range(KEYS_PER_KILL)
            }
            first: dict[str, bytes] = {}

            async def ask(key: str) -> None:
                try:
                    answer = await send(gateway, key, bodies[key])  # noqa: B023 - awaited in this round
                except (aiohttp.ClientError, ConnectionError):
                    return
                assert answer.status == 201
                first.setdefault(key, answer.body)  # noqa: B023

            asked = [asyncio.create_task(ask(key)) for key in bodies for _ in range(3)]
            await asyncio.sleep(0.02 + dice.random() * 0.3)
            await gateway.kill()
            await asyncio.gather(*asked)
            unanswered += len(bodies) - len(first)
            await gateway.start()
            again = {key: await send(gateway, key, body) for key, body in bodies.items()}
            assert {answer.status for answer in again.values()} == {201}
            assert {key: again[key].body for key in first} == first
            assert all(again[key].headers.get("Idempotency-Replayed") == "true" for key in first)
        keys = KILLS * KEYS_PER_KILL
        await until(lambda: set(states(gateway)) <= SETTLED, 60, "the end of every reply")
        stored, sent = replies(gateway), executed(meta)
    print(
        f"R11: kills {KILLS}, keys {keys}, unanswered before the crash {unanswered}, messages {len(stored)}, "
        f"sent {sum(sent.values())}, sent twice {sum(count > 1 for count in sent.values())}"
    )
    assert len(stored) == keys
    assert set(sent.values()) <= {1}
