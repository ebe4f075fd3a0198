"""R22: what cannot be applied is set aside after three tries, and holds nobody else up."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.plugins import patchbay_deadly as deadly
from tests.faults.process import SECRET, GatewayProcess, envelope, running, seeded, text_webhook
from tests.faults.test_r5_conservation import change, text

MESSAGES = 2_000
POISON_EVERY = 100
TRIES = 3
NUMBER = "402000000000002"


async def test_r22_one_poisoned_message_in_a_hundred_is_set_aside(tmp_path: Path) -> None:
    dice = seeded("R22")
    poisons: tuple[Any, ...] = (
        None,
        5,
        {},
        {"id": "wamid.x"},
        text("wamid.y", timestamp="tomorrow"),
        text("wamid.z", text=[]),
    )
    changes = [
        change([dice.choice(poisons) if n % POISON_EVERY == 0 else text(f"wamid.{n}", f"1555{n % 50:07d}")])
        for n in range(MESSAGES)
    ]
    dice.shuffle(changes)
    async with running(tmp_path / "data") as gateway:
        bodies = [envelope(*changes[at : at + 20]) for at in range(0, MESSAGES, 20)]
        assert set(await asyncio.gather(*map(gateway.webhook, bodies))) == {200}
        await gateway.applied()
        raws = await gateway.every("/api/v1/ingest/events")
        kept = gateway.kept()
        held = kept.external_ids()
        kept.close()
    outcomes = Counter(item["outcome"] for raw in raws for item in raw["items"])
    tries = max(raw["attempts"] for raw in raws)
    print(f"R22: messages {MESSAGES}, {dict(outcomes)}, most tries {tries}")
    poisoned = MESSAGES // POISON_EVERY
    assert outcomes == {"applied": MESSAGES - poisoned, "quarantined": poisoned}
    assert sorted(held.values()) == [1] * (MESSAGES - poisoned)
    assert tries <= TRIES


@pytest.mark.long
async def test_r22_a_webhook_that_kills_the_process_is_set_aside_and_its_neighbours_are_applied(tmp_path: Path) -> None:
    dice = seeded("R22")
    gateway = GatewayProcess(
        tmp_path / "data",
        PYTHONPATH=os.pathsep.join([str(installed(tmp_path)), os.environ.get("PYTHONPATH", "")]),
        PATCHBAY_PLUGINS="whatsapp,deadly",
        PATCHBAY_DEADLY__APP_SECRET=SECRET,
        PATCHBAY_DEADLY__VERIFY_TOKEN="fault-suite-verify-token",
        PATCHBAY_DEADLY__ACCESS_TOKEN="simulated-access-token",
        PATCHBAY_DEADLY__PHONE_NUMBER_ID=NUMBER,
        PATCHBAY_DEADLY__BUSINESS_ID="302000000000002",
    )
    posts = [("whatsapp", text_webhook((f"wamid.{n}", f"1555{n % 5:07d}", "hello"))) for n in range(40)]
    posts += [
        ("deadly", envelope(change([text(f"wamid.deadly.{n}", f"1555{n % 5:07d}")], number=NUMBER))) for n in range(40)
    ]
    dice.shuffle(posts)
    fatal = ("deadly", envelope(change([text("wamid.fatal", text={"body": deadly.DEADLY.decode()})], number=NUMBER)))
    posts.insert(dice.randrange(len(posts)), fatal)
    acknowledged: set[tuple[str, bytes]] = set()

    async def post(channel: str, body: bytes) -> None:
        try:
            if (await gateway.deliver(body, channel=channel)).status == 200:
                acknowledged.add((channel, body))
        except (aiohttp.ClientError, ConnectionError):
            pass  # it died first; the provider would come again

    await gateway.start()
    await asyncio.gather(*(post(*each) for each in posts))
    assert await gateway.ended() == deadly.STATUS
    deaths = 1
    while deaths < 10:
        try:
            await gateway.start()
            await gateway.applied(20)
            break
        except (RuntimeError, aiohttp.ClientError, ConnectionError):
            assert await gateway.ended() == deadly.STATUS
            deaths += 1
    await asyncio.gather(*(post(*each) for each in posts if each not in acknowledged))
    await gateway.applied()
    raws = await gateway.every("/api/v1/ingest/events")
    (quarantined,) = [raw for raw in raws if raw["state"] == "quarantined"]
    most = max(raw["attempts"] for raw in raws if raw is not quarantined)
    outcomes = await gateway.outcomes()
    assert await gateway.stop() == 0
    kept = gateway.kept()
    held = set(kept.external_ids())
    kept.close()
    print(f"R22: deaths {deaths}, {dict(outcomes)}, most tries of others {most}, set aside: {quarantined['error']}")
    assert held == {f"wamid.{n}" for n in range(40)} | {f"wamid.deadly.{n}" for n in range(40)}
    assert quarantined["channel"] == "deadly"
    assert deaths == TRIES
    assert quarantined["attempts"] == TRIES + 1  # the last one set it aside
    assert most <= TRIES
    assert f"ended {TRIES} times" in quarantined["error"]


def installed(folder: Path) -> Path:
    """A folder for the path of Python modules in which the deadly plugin is installed."""
    site = folder / "site"
    info = site / "patchbay_deadly-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patchbay-deadly\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[patchbay.plugins]\ndeadly = patchbay_deadly\n")
    source = Path(deadly.__file__)
    (site / source.name).write_text(source.read_text())
    return site
