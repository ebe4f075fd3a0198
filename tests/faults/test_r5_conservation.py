"""R5: what was received is stored, known already, refused with a reason, or kept for a replay: nothing vanishes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.process import PHONE_NUMBER_ID, GatewayProcess, envelope, running, seeded, text_webhook

ITEMS = 1_000


def text(wamid: str, phone: str = "15550000001", **more: Any) -> dict[str, Any]:
    return {"from": phone, "id": wamid, "timestamp": "1790000000", "type": "text", "text": {"body": wamid}, **more}


def change(messages: list[Any], *, number: str = PHONE_NUMBER_ID, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "15550009999", "phone_number_id": number}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": messages, **value}
    return {"field": "messages", "value": value}


async def test_r5_one_bad_message_of_a_thousand_costs_only_itself(tmp_path: Path) -> None:
    dice = seeded("R5")
    messages: list[Any] = [text(f"wamid.{n}", f"1555{n % 40:07d}") for n in range(ITEMS)]
    bad = dice.randrange(ITEMS)
    spoiled = dice.choice(({"timestamp": {"no": "time"}}, {"id": None}, {"text": 7}))
    messages[bad] |= spoiled
    async with running(tmp_path / "data") as gateway:
        assert await gateway.webhook(envelope(change(messages))) == 200
        await gateway.applied()
        (raw,) = await gateway.every("/api/v1/ingest/events")
        held = stored(gateway)
    outcomes = Counter(item["outcome"] for item in raw["items"])
    print(f"R5: items {ITEMS}, spoiled no. {bad} by {spoiled}, stored {len(held)}, {dict(outcomes)}")
    assert held == {f"wamid.{n}": 1 for n in range(ITEMS) if n != bad}
    assert outcomes == {"applied": ITEMS - 1, "quarantined": 1}
    assert [item["index"] for item in raw["items"] if item["outcome"] == "quarantined"] == [bad]
    assert next(item["error"] for item in raw["items"] if item["outcome"] == "quarantined")


async def test_r5_received_is_stored_or_known_or_accounted_for(tmp_path: Path) -> None:
    dice = seeded("R5")
    fresh = [change([text(f"wamid.{n}", f"1555{n % 7:07d}")]) for n in range(60)]
    again = [dice.choice(fresh) for _ in range(40)]
    malformed = [change([dice.choice((None, 5, "x", [], {}, {"id": "wamid.no-sender"}))]) for _ in range(20)]
    strangers = [change([text(f"wamid.stranger.{n}")], number="409999999999999") for n in range(20)]
    early = {"id": "wamid.early", "status": "sent", "timestamp": "1790000000", "recipient_id": "15550000001"}
    parked = [change([], statuses=[{**early, "id": f"wamid.early.{n}"}]) for n in range(10)]
    everything = [*fresh, *again, *malformed, *strangers, *parked]
    dice.shuffle(everything)
    unreadable = [b"{", b"", b"\xff\xfe", b'"text"', b"[1,2]", b"[" * 50_000, b'{"object":"whatsapp_business_account"']
    posted = 0
    async with running(tmp_path / "data") as gateway:
        while everything:
            batch = [everything.pop() for _ in range(min(dice.randint(1, 12), len(everything)))]
            assert await gateway.webhook(envelope(*batch)) == 200
            posted += 1
        for body in unreadable:
            assert await gateway.webhook(body) == 200
        await gateway.applied()
        outcomes = await gateway.outcomes()
        raws = await gateway.every("/api/v1/ingest/events")
        quarantined = await gateway.every("/api/v1/ingest/events", state="quarantined")
        held = stored(gateway)
    received = len(fresh) + len(again) + len(malformed) + len(strangers) + len(parked)
    print(f"R5: received {received} items and {len(unreadable)} unreadable bodies, {dict(outcomes)}")
    assert len(raws) == posted + len(unreadable)
    assert held == {f"wamid.{n}": 1 for n in range(60)}
    assert outcomes == {
        "applied": len(fresh),
        "duplicate": len(again),
        "quarantined": len(malformed),
        "unroutable": len(strangers),
        "parked": len(parked),
        "unreadable": len(unreadable),
    }
    assert len(quarantined) == len(unreadable)
    assert all(raw["error"] for raw in quarantined)


async def test_r5_a_bad_signature_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    seeded("R5")
    body = text_webhook(("wamid.forged", "15550000001", "hello"))
    async with running(tmp_path / "data") as gateway:
        answers = [
            await gateway.deliver(body, secret="not-the-secret"),
            await gateway.ask("POST", "/webhooks/whatsapp", data=body),
            await gateway.ask("POST", "/webhooks/whatsapp", data=body, headers={"X-Hub-Signature-256": "sha256=é"}),
        ]
        listed = await gateway.every("/api/v1/ingest/events")
        held = stored(gateway)
    print(f"R5: forged {len(answers)}, journalled {len(listed)}, stored {len(held)}")
    assert [(answer.status, answer.body) for answer in answers] == [(401, b"")] * len(answers)
    assert (listed, held) == ([], {})


def stored(gateway: GatewayProcess) -> dict[str, int]:
    """How many messages hold each external id."""
    kept = gateway.kept()
    try:
        return dict(kept.external_ids())
    finally:
        kept.close()


def test_the_corpus_is_json() -> None:
    assert json.loads(envelope(change([text("wamid.1")])))["entry"][0]["changes"][0]["field"] == "messages"
