"""R3: however often and in whatever order webhooks come, each message is there once."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.faults.process import running, seeded, text_webhook

EVENTS = 2_000
DELIVERIES_AT_MOST = 50
CLIENTS = 12
PEOPLE = 150
BATCH_AT_MOST = 200


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r3_two_thousand_events_delivered_again_and_again_are_two_thousand_messages(tmp_path: Path) -> None:
    dice = seeded("R3")
    began = time.monotonic()
    people = [f"1555{n:07d}" for n in range(PEOPLE)]
    deliveries = [
        (f"wamid.{n}", people[n % PEOPLE], f"message {n}")
        for n in range(EVENTS)
        for _ in range(dice.randint(1, DELIVERIES_AT_MOST))
    ]
    dice.shuffle(deliveries)
    posts: list[bytes] = []
    at = 0
    while at < len(deliveries):
        size = dice.randint(1, BATCH_AT_MOST)
        posts.append(text_webhook(*deliveries[at : at + size]))
        at += size
    statuses: list[int] = []

    async with running(tmp_path / "data") as gateway:

        async def client() -> None:
            while posts:
                statuses.append(await gateway.webhook(posts.pop()))

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        await gateway.applied(120)
        outcomes = await gateway.outcomes()
        kept = gateway.kept()
        held = kept.external_ids()
        threads: dict[str, list[int]] = {}
        for message in kept.documents("messages"):
            threads.setdefault(message["thread_id"], []).append(message["seq"])
        contacts = len(kept.documents("contacts"))
        announced = kept.events()["message.received"]
        kept.close()
    print(
        f"R3: events {EVENTS}, deliveries {len(deliveries)} in {len(statuses)} POSTs, messages {sum(held.values())}, "
        f"announced {announced}, {dict(outcomes)}, {time.monotonic() - began:.0f} s"
    )
    assert set(statuses) == {200}
    assert held == {f"wamid.{n}": 1 for n in range(EVENTS)}
    assert outcomes == {"applied": EVENTS, "duplicate": len(deliveries) - EVENTS}
    assert announced == EVENTS
    assert contacts == len(threads) == PEOPLE
    assert all(sorted(seqs) == list(range(1, len(seqs) + 1)) for seqs in threads.values())
