"""Provider callbacks."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest

PATH = "/webhooks/pigeon"
SIGNED = {"X-Signature": "coo"}


async def test_the_handshake_echoes_the_challenge_as_text(client: Any) -> None:
    answer = await client.get(PATH, params={"verify": "coo", "challenge": "12345"})
    assert (answer.status, await answer.text(), answer.content_type) == (200, "12345", "text/plain")
    assert (await client.get(PATH, params={"verify": "moo", "challenge": "12345"})).status == 403


async def test_a_signed_webhook_is_kept_and_answered_200_with_nothing(client: Any, gateway: Any) -> None:
    answer = await client.post(PATH, data=b'{"a":1,"a":2, NaN', headers=SIGNED)
    assert (answer.status, await answer.read()) == (200, b"")
    ((channel, body, headers),) = gateway.ingest.received
    assert (channel, body, headers["x-signature"]) == ("pigeon", b'{"a":1,"a":2, NaN', "coo")
    assert await gateway.store.pending() == 1


@pytest.mark.parametrize("size", [0, 1, 70_000, 4 * 2**20])
async def test_bodies_of_any_size_up_to_the_limit_arrive_whole(client: Any, gateway: Any, size: int) -> None:
    body = bytes(index % 251 for index in range(min(size, 10_000))) * (size // 10_000 or 1)
    body = body[:size].ljust(size, b"x")
    assert (await client.post(PATH, data=io.BytesIO(body), headers=SIGNED)).status == 200
    assert gateway.ingest.received[0][1] == body


async def test_what_is_too_large_or_encoded_is_refused(client: Any, gateway: Any, settings: Any) -> None:
    limit = settings.http.webhook_max_bytes
    assert (await client.post(PATH, data=io.BytesIO(b"x" * (limit + 1)), headers=SIGNED)).status == 413

    async def endless() -> Any:
        for _ in range(limit // 2**16 + 2):
            yield b"x" * 2**16

    assert (await client.post(PATH, data=endless(), headers=SIGNED)).status == 413
    packed = await client.post(
        PATH, data=gzip.compress(b"{}"), headers={**SIGNED, "Content-Encoding": "gzip", "Connection": "close"}
    )
    assert packed.status == 415
    assert (await client.post(PATH, data=b"{}", headers={**SIGNED, "Content-Encoding": "identity"})).status == 200
    assert len(gateway.ingest.received) == 1


async def test_a_bad_signature_is_401_with_nothing(client: Any, gateway: Any) -> None:
    answer = await client.post(PATH, data=b"{}")
    assert (answer.status, await answer.read()) == (401, b"")
    assert await gateway.store.pending() == 0


async def test_while_nothing_can_be_kept_the_provider_is_told_to_come_back(client: Any, gateway: Any) -> None:
    gateway.ingest.down = True
    answer = await client.post(PATH, data=b"{}", headers=SIGNED)
    assert (answer.status, await answer.read(), answer.headers["Retry-After"]) == (503, b"", "5")
    gateway.ingest.broken = True
    answer = await client.post(PATH, data=b"{}", headers=SIGNED)
    assert (answer.status, await answer.read()) == (503, b"")


async def test_an_unknown_channel_is_not_there(client: Any) -> None:
    assert (await client.get("/webhooks/smoke")).status == 404
    assert (await client.post("/webhooks/smoke", data=b"{}")).status == 404
    assert (await client.delete(PATH)).status == 405


async def test_the_journal_is_listed_shown_and_replayed(client: Any, gateway: Any) -> None:
    for number in range(3):
        await client.post(PATH, data=f"{number}".encode(), headers=SIGNED)
    first = await (await client.get("/api/v1/ingest/events?limit=2")).json()
    assert (len(first["data"]), first["page"]["has_more"]) == (2, True)
    rest = await (await client.get(f"/api/v1/ingest/events?limit=2&cursor={first['page']['next']}")).json()
    events = [*first["data"], *rest["data"]]
    assert len({event["id"] for event in events}) == 3
    assert all(event["state"] == "pending" and "body" not in event for event in events)
    id = events[0]["id"]
    assert (await (await client.get(f"/api/v1/ingest/events/{id}")).json())["size"] == 1
    assert await (await client.post(f"/api/v1/ingest/events/{id}/replay")).json() == {"replayed": 1}
    assert gateway.ingest.replayed == [id]
    assert (await client.get("/api/v1/ingest/events/nope")).status == 404
    assert (await client.post("/api/v1/ingest/events/nope/replay")).status == 404
    assert (await client.get("/api/v1/ingest/events?state=lost")).status == 422
    assert (await (await client.get("/api/v1/ingest/events?state=quarantined")).json())["data"] == []
