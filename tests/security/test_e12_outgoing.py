"""E12, E30: what is asked of an address that somebody gave us is bounded, follows nothing and brings nothing along."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from patchbay.outgoing import OutgoingClient, Policy, Unreachable
from tests.security.tls_server import HOST, Names, Serve, client, replying, tls_server

ALLOWED = (ip_network("127.0.0.2/32"),)
THERE = Names("127.0.0.2")


def policy(*ports: int) -> Policy:
    return Policy(frozenset(ports), ALLOWED)


@asynccontextmanager
async def talking(serve: Serve, **options: Any) -> AsyncIterator[tuple[OutgoingClient, int]]:
    """A client and the port of the server that it may talk to."""
    async with tls_server(serve) as (port, trust), client(policy(port), THERE, tls=trust, **options) as made:
        yield made, port


async def test_a_reply_comes_back_as_it_was_sent() -> None:
    heard: list[bytes] = []
    head = b"Content-Type: text/plain\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Encoding: gzip\r\n"
    async with talking(replying(b"\x1f\x8bnot unpacked", head=head, heard=heard)) as (made, port):
        reply = await made.request("POST", f"https://{HOST}:{port}/hook?a=1#b", headers={"X-A": "1"}, body=b"{}")
    assert (reply.status, reply.body) == (200, b"\x1f\x8bnot unpacked")
    assert (reply.headers["content-type"], reply.headers["x-two"]) == ("text/plain", "1")
    assert heard[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert b"Accept-Encoding: identity\r\n" in heard[0]


async def test_a_redirect_is_a_reply_and_is_not_followed() -> None:
    heard: list[bytes] = []
    for status in ("301 Moved", "302 Found", "303 See", "307 Again", "308 Gone"):
        head = b"Location: https://127.0.0.1/secret\r\n"
        async with talking(replying(b"", status=status, head=head, heard=heard)) as (made, port):
            assert (await made.request("GET", f"https://{HOST}:{port}/")).status == int(status[:3])
    assert len(heard) == 5


async def test_a_reply_may_have_its_limit_and_not_one_byte_more() -> None:
    for size in (1000, 1001, 50_000):
        async with talking(replying(b"x" * size), max_reply=1000) as (made, port):
            if size <= 1000:
                assert len((await made.request("GET", f"https://{HOST}:{port}/")).body) == size
            else:
                with pytest.raises(Unreachable):
                    await made.request("GET", f"https://{HOST}:{port}/")


async def test_who_does_not_answer_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)  # slow on purpose: this is the fault
        except ConnectionError:
            pass

    for serve in (silent, dripping):
        async with talking(serve, total_s=0.3) as (made, port):
            began = time.monotonic()
            with pytest.raises(Unreachable):
                await made.request("GET", f"https://{HOST}:{port}/")
            assert time.monotonic() - began < 5


async def test_a_certificate_of_somebody_else_is_nobodys() -> None:
    heard: list[bytes] = []
    for host, trusting in (("other.example.org", True), (HOST, False)):
        async with tls_server(replying(b"", heard=heard), host) as (port, trust):
            options = {"tls": trust} if trusting else {}
            async with client(policy(port), THERE, **options) as made:
                with pytest.raises(Unreachable):
                    await made.request("GET", f"https://{HOST}:{port}/")
    assert heard == []


async def test_the_environment_names_no_proxy_and_a_cookie_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, address)
    heard: list[bytes] = []
    async with talking(replying(b"", head=b"Set-Cookie: a=b\r\n", heard=heard)) as (made, port):
        for _ in range(2):
            await made.request("GET", f"https://{HOST}:{port}/")
    server.close()
    await server.wait_closed()
    assert (asked, len(heard)) == ([], 2)
    assert b"cookie" not in heard[1].lower()


async def test_what_is_no_http_is_one_more_refusal() -> None:
    for said in (
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n",
    ):

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytes = said) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            writer.close()

        async with talking(serve) as (made, port):
            with pytest.raises(Unreachable, match=r"^The address cannot be reached\.$"):
                await made.request("GET", f"https://{HOST}:{port}/")


async def test_a_client_that_was_not_opened_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await OutgoingClient().request("GET", "https://example.com/")
