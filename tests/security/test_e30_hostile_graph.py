"""E30: what a provider answers is as foreign as what anybody sends: bounded, typed, and never believed or rendered."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from patchbay.channel import ApiRequest, ApiResponse
from patchbay.delivery.runner import MAX_ANSWER, Runner
from patchbay.errors import OutcomeUnknown, SendError
from patchbay.media.disk import DiskMediaStore
from patchbay.settings import DeliverySettings
from tests.faults.process import signature, text_webhook
from tests.security.edge_world import Edge, edge

DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
SCRIPT = "<script>alert(document.domain)</script>"


def said(body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 " + status + b"\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n" + more
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def error(**members: object) -> bytes:
    return json.dumps({"error": members}).encode()


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-x\r\n",
    "html": said(b"<html>" + SCRIPT.encode() + b"</html>", kind=b"text/html"),
    "html that says it is json": said(b"<html></html>"),
    "half a document": said(b'{"messages":[{"id":"wamid'),
    "a list": said(b'[{"id":"x"}]'),
    "a text": said(b'"ok"'),
    "null": said(b"null"),
    "a number": said(b"1" * 10_000),
    "deep": said(DEEP),
    "deep lists": said(b"[" * 200_000),
    "NaN": said(b'{"messages":[{"id":NaN}]}'),
    "bytes": said(bytes(range(256)) * 10),
    "UTF-16": said('{"messages":[]}'.encode("utf-16")),
    "half a surrogate pair": said(b'{"messages":[{"id":"\\ud800"}]}'),
    "no messages": said(b"{}"),
    "messages of another type": said(b'{"messages":"x"}'),
    "no message in it": said(b'{"messages":[]}'),
    "an id of another type": said(b'{"messages":[{"id":{"$ne":1}}]}'),
    "an id that is a number": said(b'{"messages":[{"id":5}]}'),
    "an id of a megabyte": said(b'{"messages":[{"id":"' + b"x" * 1_000_000 + b'"}]}'),
    "an id with a script": said(json.dumps({"messages": [{"id": SCRIPT}]}).encode()),
    "a hundred thousand messages": said(b'{"messages":[' + b'{"id":"x"},' * 100_000 + b'{"id":"x"}]}'),
    "an error that is a text": said(b'{"error":"x"}', b"400 Bad"),
    "an error that is a list": said(b'{"error":[1]}', b"400 Bad"),
    "a code that is a text": said(error(code="x190", message="x"), b"400 Bad"),
    "a code that is an object": said(error(code={}, message=[]), b"400 Bad"),
    "a code beyond 64 bits": said(b'{"error":{"code":' + b"9" * 400 + b"}}", b"400 Bad"),
    "a message with a script": said(error(code=100, message=SCRIPT, error_data={"details": SCRIPT}), b"400 Bad"),
    "a message of a megabyte": said(error(code=100, message="x" * 1_000_000), b"400 Bad"),
    "a message with new lines": said(error(code=100, message="a\r\nlevel=critical forged\x1b[2J"), b"400 Bad"),
    "a redirect": said(b"", b"302 Found", more=b"Location: http://127.0.0.1:9/\r\n"),
    "a redirect for ever": said(b"", b"307 Again", more=b"Location: /\r\n"),
    "an unknown status": said(b"{}", b"799 What"),
    "a hint of a status": b"HTTP/1.1 103 Early\r\n\r\n" * 50,
    "a retry that never comes": said(error(code=4), b"429 Slow", more=b"Retry-After: 99999999999999999999\r\n"),
    "a retry that is a text": said(error(code=4), b"429 Slow", more=b"Retry-After: soon\r\n"),
    "a compressed bomb": said(b"\x1f\x8b\x08\x00", more=b"Content-Encoding: gzip\r\n"),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 200\r\n\r\n{}",
    "a header of a megabyte": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n{}",
    "too much": said(b'{"a":"' + b"x" * (MAX_ANSWER + 10) + b'"}'),
    "a cookie": said(b"{}", more=b"Set-Cookie: a=b\r\n"),
}


HOLDING = {"a retry that never comes", "a retry that is a text"}  # they are believed: the account waits


class Graph:
    """Answers every request with these bytes."""

    def __init__(self) -> None:
        self.answer = b""
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked += b"/messages" in head.splitlines()[0]
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def graph() -> AsyncIterator[tuple[Graph, str]]:
    made = Graph()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    try:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


async def test_the_runner_makes_an_error_or_a_plain_answer_of_anything(tmp_path: Path) -> None:
    runner = Runner(DeliverySettings(total_timeout_s=5), DiskMediaStore(tmp_path / "media"))
    await runner.open()
    try:
        async with graph() as (provider, url):
            for word, provider.answer in HOSTILE.items():
                for effect in (True, False):
                    request = ApiRequest("POST", "/messages", json={}, effect=effect)
                    answer = await answered(runner, request, url)
                    if isinstance(answer, SendError):
                        assert len(str(answer)) < 300, word
                        assert SCRIPT not in str(answer)
                    else:
                        assert isinstance(answer.body, dict), word
                        assert "set-cookie" not in answer.headers
    finally:
        await runner.close()


async def answered(runner: Runner, request: ApiRequest, url: str) -> ApiResponse | SendError:
    """The answer, or the error that was made of it; anything else goes through."""
    try:
        return await runner.request(request, base_url=url, token="a-token")
    except SendError as failed:
        return failed


async def test_an_answer_without_an_end_takes_its_limit_of_memory_and_no_more(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 65536)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    runner = Runner(DeliverySettings(total_timeout_s=20), DiskMediaStore(tmp_path / "media"))
    await runner.open()
    tracemalloc.start()
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(OutcomeUnknown):
            await runner.request(ApiRequest("POST", "/x", effect=True), base_url=url, token=None)
        assert tracemalloc.get_traced_memory()[1] < 6 * MAX_ANSWER
    finally:
        tracemalloc.stop()
        await runner.close()
        server.close()
        await server.wait_closed()


async def test_no_answer_to_a_send_breaks_the_gateway_or_reaches_a_browser_as_more_than_text(tmp_path: Path) -> None:
    async with (
        graph() as (provider, url),
        edge(
            tmp_path,
            PATCHBAY_WHATSAPP__GRAPH_URL=url,
            PATCHBAY_DELIVERY__BASE_DELAY_S="600",
            PATCHBAY_DELIVERY__TOTAL_TIMEOUT_S="5",
        ) as world,
    ):
        ids = {}
        for number, (word, provider.answer) in enumerate(HOSTILE.items()):
            if word in HOLDING:
                continue
            conversation, asked = await met(world, number), provider.asked
            body = {"content": {"type": "text", "text": word}}
            sent = await world.json("POST", f"/api/v1/conversations/{conversation}/messages", body)
            ids[word] = sent["message"]["id"]
            async with asyncio.timeout(20):
                while provider.asked == asked:  # each has a conversation of its own: none waits for another
                    await asyncio.sleep(0.01)
        assert (await world.json("GET", "/health"))["checks"]["store"]["status"] == "ok"
        for word, id in ids.items():
            heard = await world.ask("GET", f"/api/v1/messages/{id}")
            assert (heard.status, heard.headers["Content-Type"]) == (200, "application/json"), word
            assert len(heard.body) < (20_000 if word != "an id of a megabyte" else MAX_ANSWER), word
        assert (await account(world))["status"] == "active"
        provider.answer = said(b'{"messages":[{"id":"wamid.good"}]}')
        body = {"content": {"type": "text", "text": "and now a good one"}}
        sent = await world.json("POST", f"/api/v1/conversations/{await met(world, 99)}/messages", body)
        async with asyncio.timeout(20):
            while not (await world.json("GET", f"/api/v1/messages/{sent['message']['id']}"))["delivery"]["accepted_at"]:
                await asyncio.sleep(0.01)


async def met(world: Edge, number: int) -> str:
    """A conversation that may be answered."""
    now = int(world.gateway.clock.now().timestamp())
    body = text_webhook((f"wamid.E30.{number}", f"155500003{number:02}", "hello"), timestamp=now)
    headers = {"X-Hub-Signature-256": signature(body)}
    assert (await world.ask("POST", "/webhooks/whatsapp", data=body, headers=headers, token=None)).status == 200
    async with asyncio.timeout(20):
        while True:
            found = (await world.json("GET", "/api/v1/conversations?sort=-number&limit=1"))["data"]
            if found and found[0]["contact"]["display_name"] == f"Person 155500003{number:02}":
                return str(found[0]["id"])
            await asyncio.sleep(0.01)


async def account(world: Edge) -> dict[str, object]:
    (found,) = (await world.json("GET", "/api/v1/channels"))["data"]
    return dict(found)
