"""Provider callbacks."""

from __future__ import annotations

import asyncio
import gzip
import io
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from patchbay.errands.diagnosis import CALLBACK_MARK
from patchbay.web.webhooks import LowerCaseNames, deliver_directly

PATH = "/webhooks/pigeon"
SIGNED = {"X-Signature": "coo"}


@pytest.fixture(params=["directly", "through the application"])
def client(client: Any, gateway: Any, request: pytest.FixtureRequest) -> Any:
    """Webhooks are answered alike on both ways."""
    if request.param == "directly":
        deliver_directly(client.server.runner, gateway)
    return client


async def said(client: Any, *requests: str, body: str = "{}") -> str:
    """What comes over a connection of its own until it is closed, the last request asking for that."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    for head in requests:
        text = f"{head}\r\nHost: x\r\nX-Signature: coo\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        writer.write(text.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer.decode()


async def test_the_handshake_echoes_the_challenge_as_text(client: Any) -> None:
    answer = await client.get(PATH, params={"verify": "coo", "challenge": "12345"})
    assert (answer.status, await answer.text(), answer.content_type) == (200, "12345", "text/plain")
    refused = await client.get(PATH, params={"verify": "moo", "challenge": "12345"})
    assert refused.status == 403
    marks = {"X-Patchbay": "callback"}
    assert [each.headers.get("X-Patchbay") for each in (answer, refused)] == [*marks.values()] * 2
    assert marks == CALLBACK_MARK


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


async def test_the_path_may_name_the_account(client: Any, gateway: Any) -> None:
    assert (await client.post(f"{PATH}/loft%2F7", data=b"{}", headers=SIGNED)).status == 200
    assert (await client.post(PATH, data=b"{}", headers=SIGNED)).status == 200
    assert (await client.post(f"{PATH}/loft-7", data=b"{}", headers={"X-Signature": "moo"})).status == 401
    assert gateway.ingest.named == ["loft/7", None, "loft-7"]
    answer = await client.get(f"{PATH}/loft-7", params={"verify": "coo", "challenge": "12345"})
    assert (answer.status, await answer.text()) == (200, "12345")


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


async def test_an_acknowledgement_has_every_header_and_the_date_of_its_second(client: Any, gateway: Any) -> None:
    refused = await client.post(PATH, data=b"{}")
    began = gateway.clock.now()
    for passed, second in ((0, 0), (0.9, 0), (1.1, 1), (3600, 3600)):
        gateway.clock.moment = began + timedelta(seconds=passed)
        answer = await client.post(PATH, data=b"{}", headers=SIGNED)
        assert answer.status == 200
        (date,) = answer.headers.getall("Date")
        assert parsedate_to_datetime(date) == began + timedelta(seconds=second)
        assert sorted(answer.headers) == sorted(refused.headers)
        assert {**answer.headers, "Date": ""} == {**refused.headers, "Date": ""}


async def test_webhooks_that_share_a_connection_are_each_answered(client: Any, gateway: Any) -> None:
    post = f"POST {PATH} HTTP/1.1"
    answer = await said(client, post, post, f"{post}\r\nConnection: close")
    assert answer.count("HTTP/1.1 200 OK\r\n") == answer.count("\r\n\r\n") == len(gateway.ingest.received) == 3
    assert answer.count("Connection: close\r\n") == 1


async def test_an_old_client_is_told_what_becomes_of_the_connection(client: Any) -> None:
    post = f"POST {PATH} HTTP/1.0"
    answer = await said(client, f"{post}\r\nConnection: keep-alive", post)
    kept, closed = answer.split("\r\n\r\n")[:2]
    assert kept.startswith("HTTP/1.0 200 OK\r\n")
    assert "Connection: keep-alive" in kept
    assert closed.startswith("HTTP/1.0 200 OK\r\n")
    assert "Connection" not in closed


async def test_a_provider_that_asks_first_is_told_to_go_on(client: Any, gateway: Any) -> None:
    answer = await said(client, f"POST {PATH} HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close")
    assert answer.startswith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert len(gateway.ingest.received) == 1


async def test_only_webhooks_pass_the_application_by(gateway: Any, aiohttp_client: Any) -> None:
    seen: list[str] = []

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        seen.append(f"{request.method} {request.path}")
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[note])
    with pytest.raises(RuntimeError):
        deliver_directly(web.AppRunner(app), gateway)
    client = await aiohttp_client(app)
    deliver_directly(client.server.runner, gateway)
    assert (await client.post(PATH, data=b"{}", headers=SIGNED)).status == 200
    assert (await client.post(f"{PATH}?a=b", data=b"{}")).status == 401
    assert seen == []
    for method, path in (("GET", PATH), ("POST", f"{PATH}/"), ("POST", "/webhooks/smoke"), ("PUT", PATH)):
        assert (await client.request(method, path)).status == 404
        assert seen.pop() == f"{method} {path}"
    assert (await client.post(PATH, data=b"{}", headers={**SIGNED, "Expect": "100-continue"})).status == 404
    assert seen == [f"POST {PATH}"]


def test_channels_see_the_names_of_headers_in_lower_case() -> None:
    came = CIMultiDict([("X-Signature", "coo"), ("Host", "x"), ("x-signature", "moo")])
    headers = LowerCaseNames(CIMultiDictProxy(came))
    assert dict(headers) == {"x-signature": "coo", "host": "x"}
    assert (len(headers), list(headers), list(headers.values())) == (2, ["x-signature", "host"], ["coo", "x"])
    assert ("x-signature" in headers, headers.get("host"), headers.get("age"), headers.get("age", "1")) == (
        True,
        "x",
        None,
        "1",
    )
    with pytest.raises(KeyError):
        headers["age"]


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
