"""R12: reports in every order, doubled, and before the answer of the send: one end, and nobody sees a step back."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

from patchbay_simulator import Fault, GraphSimulator
from tests.faults.process import PHONE_NUMBER_ID, envelope, seeded
from tests.faults.simulated import NEVER, SENDS, greeted, replies, reply_to, simulated, until
from tests.faults.watching import Watcher

REPORTS = ("sent", "delivered", "read", "played", "failed")
RANK = ("queued", "accepted", "sent", "failed", "delivered", "read", "played")  # as clients see them, one after another
SENT_AT = 1_790_000_000
ANSWER_AFTER_S = 0.7
AT_ONCE = 30


def report(wamid: str, phone: str, state: str, reference: str | None) -> dict[str, Any]:
    """A status as Meta reports it, at the same moment whenever it comes."""
    status: dict[str, Any] = {
        "id": wamid,
        "status": state,
        "timestamp": str(SENT_AT + REPORTS.index(state)),
        "recipient_id": phone,
    }
    if state == "failed":
        status["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
    if reference is not None:
        status["biz_opaque_callback_data"] = reference
    metadata = {"display_phone_number": "15550009999", "phone_number_id": PHONE_NUMBER_ID}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    return {"field": "messages", "value": value}


async def test_r12_every_order_of_reports_has_one_end(tmp_path: Path) -> None:
    dice = seeded("R12")
    orders: list[tuple[str, ...]] = [*itertools.permutations(REPORTS), *itertools.permutations(("sent", "failed"))]
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6), delays=NEVER) as (meta, gateway):
        customers = await greeted(meta, gateway, len(orders))
        meta.faults.add(Fault(kind="late_reply", path=SENDS, probability=0.5, delay_s=ANSWER_AFTER_S))
        watcher = Watcher(gateway)
        await watcher.connect()
        listening = asyncio.create_task(watcher.listen())
        slots = asyncio.Semaphore(AT_ONCE)

        async def follow(n: int, order: tuple[str, ...]) -> None:
            text = f"reply {n}"
            async with slots:
                status, _ = await gateway.post("/messages/send", reply_to(customers[n], text))
                assert status == 201
                wamid, reference = await arrival(meta, text)
                doubled = [state for state in order for _ in range(2)] + [dice.choice(order) for _ in range(2)]
                phone, names = customers[n].person.phone, (reference, None)
                changes = [report(wamid, phone, state, dice.choice(names)) for state in doubled]
                if dice.random() < 0.5:
                    assert await gateway.webhook(envelope(*changes)) == 200
                else:
                    for change in changes:
                        assert await gateway.webhook(envelope(change)) == 200

        await asyncio.gather(*(follow(n, order) for n, order in enumerate(orders)))
        await gateway.applied()
        await until(
            lambda: all(each["delivery"].get("accepted_at") for each in replies(gateway).values()), 15, "answers"
        )
        found = {text: await gateway.get(f"/api/v1/messages/{each['id']}") for text, each in replies(gateway).items()}
        await watcher.heard((await gateway.log())[-1]["position"])
        await watcher.close()
        await listening
        early = sum(entry.fault == "late_reply" for entry in meta.ledger.sends())
    back = steps_back(watcher)
    ends = {frozen(found[f"reply {n}"]["delivery"]) for n, order in enumerate(orders) if len(order) == len(REPORTS)}
    short = {frozen(found[f"reply {n}"]["delivery"]) for n, order in enumerate(orders) if len(order) == 2}
    print(
        f"R12: orders {len(orders)}, reports before the answer in about {early}, ends {len(ends)} and {len(short)}, "
        f"steps back {len(back)}"
    )
    assert back == []
    assert len(ends) == len(short) == 1
    assert dict(ends.pop())["state"] == "played"
    assert dict(short.pop())["state"] == "failed"


async def arrival(meta: GraphSimulator, text: str) -> tuple[str, str]:
    """The wamid and the reference of a send, once it was carried out: before its answer, where that is late."""
    async with asyncio.timeout(20):
        while True:
            for entry in meta.ledger.sends():
                if entry.json()["text"]["body"] == text and entry.wamid and entry.reference:
                    return entry.wamid, entry.reference
            await asyncio.sleep(0.02)


def steps_back(watcher: Watcher) -> list[str]:
    """What a client saw of a message that was further before."""
    seen: dict[str, int] = {}
    back = []
    for frame in watcher.transcript:
        if frame["type"].startswith("message.") and frame["data"].get("direction") == "outbound":
            id, state = frame["data"]["id"], frame["data"]["delivery"]["state"]
            rank = RANK.index(state)
            if rank < seen.get(id, 0):
                back.append(f"{id}: {state} after {RANK[seen[id]]}")
            seen[id] = rank
    return back


def frozen(delivery: dict[str, Any]) -> frozenset[tuple[str, str]]:
    """What must be the same whatever the order: all but when we were answered."""
    return frozenset((name, str(value)) for name, value in delivery.items() if name != "accepted_at")
