"""R25: the 24 hours are checked when a reply is written and again, with a margin, when it leaves."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.process import seeded, text_webhook
from tests.faults.simulated import SENDS, replies, simulated, until

DAY_S = 86_400
MARGIN_S = 60


async def test_r25_outside_the_window_nothing_leaves(tmp_path: Path) -> None:
    """Three people: one wrote yesterday, one's window ends within the margin, one's a while after it."""
    dice = seeded("R25")
    closed, closing, open_ = "15550000001", "15550000002", "15550000003"
    async with simulated(tmp_path / "data", seed=dice.randrange(10**6)) as (meta, gateway):
        now = int(time.time())
        wrote = {
            closed: now - DAY_S - dice.randrange(1, 3600),
            closing: now - DAY_S + dice.randrange(20, MARGIN_S - 5),
            open_: now - DAY_S + dice.randrange(MARGIN_S + 30, 3600),
        }
        for phone, timestamp in wrote.items():
            meta.add_customer(phone=phone)
            assert await gateway.webhook(text_webhook((f"wamid.{phone}", phone, "hello"), timestamp=timestamp)) == 200
        meta.configure(window="off")  # what it would say is not the question: nothing may reach it
        await gateway.applied()
        refused, problem = await gateway.post("/messages/send", {"customer_phone": f"+{closed}", "text_content": "1"})
        for phone, text in ((closing, "2"), (open_, "3")):
            body = {"customer_phone": f"+{phone}", "text_content": text}
            assert (await gateway.post("/messages/send", body))[0] == 201
        ends = {"failed", "accepted", "sent", "delivered", "read"}
        await until(lambda: {each["delivery"]["state"] for each in replies(gateway).values()} <= ends, 20, "both ends")
        asked = [str(entry.json()["text"]["body"]) for entry in meta.ledger.find(path=SENDS)]
        stored = replies(gateway)
        late = await gateway.get(f"/api/v1/messages/{stored['2']['id']}")
        kept = gateway.kept()
        tries = {each["message_id"]: each["attempt"] for each in kept.documents("outbox")}
        kept.close()
    error = late["delivery"]["error"]
    print(f"R25: refused {refused} {problem['code']}, late {late['delivery']['state']} {error['code']}, sent {asked}")
    assert (refused, problem["code"]) == (409, "window_closed")
    assert "template" in problem["hint"]
    assert set(stored) == {"2", "3"}
    assert (late["delivery"]["state"], error["code"], error["retryable"]) == ("failed", "window_closed", False)
    assert error["message"]
    assert "template" in error["hint"]
    assert tries[stored["2"]["id"]] == 1
    assert asked == ["3"]
