"""R27: an audit entry commits with its action, and every later change to the trail is found."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.faults.process import GatewayProcess, Kept, seeded
from tests.plugins.audit.acts import Copy, judged, trail
from tests.plugins.audit.standalone import standalone
from tests.plugins.audit.tampering import TAMPERINGS, Tampering

KILLS = 5
MANY_KILLS = 30
CLIENTS = 12


def copied(copy: Copy) -> Copy:
    return Copy(list(copy.entries), list(copy.heads), list(copy.anchors), list(copy.file))


def found(tamper: Tampering, dice: random.Random) -> bool:
    """Whether a tampering with a trail of some length is found; it must have changed something."""
    whole = trail(dice.choice((12, 25, 40)), anchor_every=dice.choice((5, 10)), dice=dice)
    assert judged(whole).valid
    changed = copied(whole)
    tamper(changed, dice)
    assert changed != whole, tamper.__name__
    return not judged(changed).valid


def test_r27_500_tamperings_are_all_found() -> None:
    dice = seeded("R27")
    missed = Counter(tamper.__name__ for n in range(500) if not found(tamper := TAMPERINGS[n % len(TAMPERINGS)], dice))
    assert missed == Counter()


@pytest.mark.long
def test_r27_10000_tamperings_are_all_found() -> None:
    dice = seeded("R27 long")
    missed = Counter(
        tamper.__name__ for n in range(10_000) if not found(tamper := TAMPERINGS[n % len(TAMPERINGS)], dice)
    )
    assert missed == Counter()


def test_r27_the_stand_alone_verifier_finds_what_an_export_and_the_anchors_show(tmp_path: Path) -> None:
    """Of what only the store shows (query fields, the head, anchors' documents, spaces in a text), an export knows
    nothing."""
    dice = seeded("R27 stand-alone")
    hidden = {"query_field", "anchor_deleted", "no_head", "another_head", "anchor_changed", "space_in_the_text"}
    for n in range(150):
        tamper = TAMPERINGS[n % len(TAMPERINGS)]
        if tamper.__name__ in hidden:
            continue
        copy = trail(12, anchor_every=5, dice=dice)
        assert standalone(copy, tmp_path) == (0, [])
        tamper(copy, dice)
        status, problems = standalone(copy, tmp_path)
        assert status == 1, tamper.__name__
        assert problems


class Acts:
    """Clients that make, rename and delete tags until the gateway is gone; what was answered and what was tried."""

    def __init__(self, gateway: GatewayProcess, dice: random.Random) -> None:
        self.gateway = gateway
        self.dice = dice
        self.answered: dict[str, int] = {}  # the status by request id
        self.tried: set[str] = set()
        self._made = 0

    async def client(self, end: asyncio.Event) -> None:
        while not end.is_set():
            self._made += 1
            name = f"tag {self._made}"
            try:
                status, answer = await self._ask("POST", "/api/v1/tags", json={"name": name})
                if status == 201 and self.dice.random() < 0.6:
                    path = f"/api/v1/tags/{answer['id']}"
                    await self._ask("PATCH", path, json={"color": "#aa0000"})
                    await self._ask("GET", "/api/v1/tags/none")
                    await self._ask("DELETE", path)
            except (aiohttp.ClientError, ConnectionError, OSError):
                return

    async def _ask(self, method: str, path: str, **options: object) -> tuple[int, dict[str, str]]:
        request_id = f"req-{len(self.tried)}"
        self.tried.add(request_id)
        headers = {"X-Request-Id": request_id}
        reply = await self.gateway.ask(method, path, headers=headers, **options)
        if method != "GET" or reply.status == 404:
            self.answered[request_id] = reply.status
        return reply.status, reply.json() if reply.body else {}


async def kills(folder: Path, name: str, count: int) -> None:
    dice = seeded(name)
    began = time.monotonic()
    gateway = GatewayProcess(
        folder / "data", PATCHBAY_PLUGINS="whatsapp,audit", PATCHBAY_AUDIT__REFUSALS_PER_MINUTE="100000"
    )
    acts = Acts(gateway, dice)
    for _ in range(count):
        await gateway.start()
        end = asyncio.Event()
        clients = [asyncio.create_task(acts.client(end)) for _ in range(CLIENTS)]
        await asyncio.sleep(0.1 + dice.random() * 0.5)
        await gateway.kill()
        end.set()
        await asyncio.gather(*clients)
    await gateway.start()
    status, verdict = await gateway.post("/api/v1/audit/verify", {})
    assert status == 200
    assert verdict["valid"], verdict["problems"]
    assert await gateway.stop() == 0
    kept = gateway.kept()
    judge_kept(kept, acts)
    kept.close()
    duration = time.monotonic() - began
    print(f"{name}: kills {count}, answered {len(acts.answered)}, entries {verdict['entries']}, {duration:.0f} s")


def judge_kept(kept: Kept, acts: Acts) -> None:
    """Each act that was answered has its one entry, and each entry and each document its act."""
    assert kept.sound()
    entries = sorted(kept.documents("audit_entries"), key=lambda each: each["seq"])
    assert [each["seq"] for each in entries] == list(range(1, len(entries) + 1))
    by_request = Counter(each.get("request_id") for each in entries)
    lost = [request_id for request_id in acts.answered if not by_request[request_id]]
    assert len(acts.answered) > 50
    assert lost == []
    assert [request_id for request_id, count in by_request.items() if request_id in acts.tried and count > 1] == []
    made = {id for each in entries if each["action"] == "create_a_tag" for id in each["subject_ids"]}
    deleted = {id for each in entries if each["action"] == "delete_a_tag" for id in each["subject_ids"]}
    assert {each["id"] for each in kept.documents("tags")} == made - deleted


@pytest.mark.timeout(120)
async def test_r27_five_kills_leave_each_act_its_entry(tmp_path: Path) -> None:
    await kills(tmp_path, "R27 kills", KILLS)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_r27_thirty_kills_leave_each_act_its_entry(tmp_path: Path) -> None:
    await kills(tmp_path, "R27 kills long", MANY_KILLS)
