"""R4: many first messages of one person at once make one contact and one conversation."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.faults.process import GatewayProcess, running, seeded, text_webhook

ROUNDS = 20
MESSAGES = 20
TEMPLATE = {"type": "template", "name": "hello_world", "language": "en_US"}


async def test_r4_twenty_first_messages_at_once_are_one_person_and_one_conversation(tmp_path: Path) -> None:
    dice = seeded("R4")
    async with running(tmp_path / "data") as gateway:
        for round in range(ROUNDS):
            bodies = [
                text_webhook((f"wamid.{round}.{n}", f"1555{round:07d}", f"message {n}"), timestamp=1_790_000_000 + n)
                for n in range(MESSAGES)
            ]
            dice.shuffle(bodies)
            assert set(await asyncio.gather(*map(gateway.webhook, bodies))) == {200}
        await gateway.applied()
        found = judged(gateway)
        outcomes = await gateway.outcomes()
    print(f"R4: rounds {ROUNDS} x {MESSAGES}, {found}, {dict(outcomes)}")
    assert found == {"contacts": ROUNDS, "open": ROUNDS, "messages": ROUNDS * MESSAGES, "disorder": 0}
    assert outcomes == {"applied": ROUNDS * MESSAGES}


async def test_r4_a_first_message_and_an_agents_first_template_meet_in_one_conversation(tmp_path: Path) -> None:
    """The application of webhooks and the API make the same person at the same time."""
    dice = seeded("R4")
    async with running(tmp_path / "data") as gateway:

        async def write(round: int, n: int) -> int:
            return await gateway.webhook(text_webhook((f"wamid.{round}.{n}", f"1555{round:07d}", f"message {n}")))

        async def send(round: int) -> int:
            body = {"customer_phone": f"+1555{round:07d}", "content": TEMPLATE}
            return (await gateway.post("/messages/send", body))[0]

        statuses: list[int] = []
        for round in range(ROUNDS):
            work = [*(write(round, n) for n in range(MESSAGES // 2)), *(send(round) for _ in range(MESSAGES // 2))]
            dice.shuffle(work)
            statuses.extend(await asyncio.gather(*work))
        await gateway.applied()
        found = judged(gateway)
    half = ROUNDS * MESSAGES // 2
    print(f"R4: rounds {ROUNDS} with an agent, {found}, 200 {statuses.count(200)}, 201 {statuses.count(201)}")
    assert (statuses.count(200), statuses.count(201)) == (half, half)
    assert found == {"contacts": ROUNDS, "open": ROUNDS, "messages": 2 * half, "disorder": 0}


def judged(gateway: GatewayProcess) -> dict[str, int]:
    """How many contacts, open conversations and messages there are, and threads whose order has a gap."""
    kept = gateway.kept()
    threads: dict[str, list[int]] = {}
    for collection in ("messages", "activities"):
        for item in kept.documents(collection):
            threads.setdefault(item["thread_id"], []).append(item["seq"])
    found = {
        "contacts": len(kept.documents("contacts")),
        "open": sum(each.get("status", "open") != "closed" for each in kept.documents("conversations")),
        "messages": len(kept.documents("messages")),
        "disorder": sum(sorted(seqs) != list(range(1, len(seqs) + 1)) for seqs in threads.values()),
    }
    kept.close()
    return found
