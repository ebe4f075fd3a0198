"""R13: replies of one conversation leave in the order they were written, whatever the provider answers."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import pytest

from patchbay_simulator import Fault
from tests.faults.process import seeded
from tests.faults.simulated import SENDS, executed, greeted, reply_to, simulated, states, until

CONVERSATIONS = 20
REPLIES = 25
FAULTS = (
    Fault(kind="error", path=SENDS, probability=0.05, code=130429, http_status=429),
    Fault(kind="error", path=SENDS, probability=0.05, code=131056, http_status=429, retry_after_s=1),
    Fault(kind="error", path=SENDS, probability=0.05, code=131016, http_status=500),
    Fault(kind="hang", path=SENDS, probability=0.025),
    Fault(kind="drop_reply", path=SENDS, probability=0.025, how="hang"),
)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r13_throttles_errors_and_timeouts_turn_no_two_replies_round(tmp_path: Path) -> None:
    dice = seeded("R13")
    began = time.monotonic()
    async with simulated(
        tmp_path / "data",
        seed=dice.randrange(10**6),
        PATCHBAY_DELIVERY__BASE_DELAY_S="0.05",
        PATCHBAY_DELIVERY__MAX_DELAY_S="0.5",
        PATCHBAY_DELIVERY__TOTAL_TIMEOUT_S="0.7",
        PATCHBAY_DELIVERY__UNKNOWN_HOLD_S="1",
    ) as (meta, gateway):
        customers = await greeted(meta, gateway, CONVERSATIONS)
        for fault in FAULTS:
            meta.faults.add(fault)

        async def talk(n: int) -> None:
            for turn in range(REPLIES):
                status, _ = await gateway.post("/messages/send", reply_to(customers[n], f"{n}:{turn}"))
                assert status == 201

        await asyncio.gather(*(talk(n) for n in range(CONVERSATIONS)))
        done = {"accepted", "sent", "delivered", "read", "unknown"}
        await until(lambda: set(states(gateway)) <= done, 120, "the end of every reply")
        await meta.idle()
        await gateway.applied()
        ended, sent = states(gateway), executed(meta)
        hits = {str(fault["kind"]): fault["hit"] for fault in meta.faults.report()}
        order: dict[str, list[int]] = {}
        for entry in meta.ledger.sends():
            conversation, turn = entry.json()["text"]["body"].split(":")
            order.setdefault(conversation, []).append(int(turn))
    inversions = sum(later < earlier for turns in order.values() for earlier, later in itertools.pairwise(turns))
    total = CONVERSATIONS * REPLIES
    print(
        f"R13: replies {total} in {CONVERSATIONS} conversations, faults {hits}, sent {total - ended['unknown']}, "
        f"unknown {ended['unknown']}, inversions {inversions}, doubled {sum(count > 1 for count in sent.values())}, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert inversions == 0
    assert set(sent.values()) == {1}
    assert len(sent) == total - ended["unknown"]
    assert ended["unknown"] <= total * 0.1
