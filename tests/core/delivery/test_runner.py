"""What may be said of a request by how its answer came, or did not: over real sockets that misbehave."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.channel import TOKEN_PLACE, ApiRequest, ApiResponse
from patchbay.delivery.runner import MAX_ANSWER, Runner, same_origin
from patchbay.errors import AccountBroken, OutcomeUnknown, SendError, Unavailable
from patchbay.media.disk import DiskMediaStore
from patchbay.settings import DeliverySettings
from tests.core.plain_post import Provider, answer

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SEND = ApiRequest("POST", "/messages", json={"text": "Hi"}, effect=True)
ASK = ApiRequest("GET", "/me")


@asynccontextmanager
async def runner(folder: Path, **settings: Any) -> AsyncIterator[Runner]:
    made = Runner(DeliverySettings(**{"total_timeout_s": 5.0, **settings}), DiskMediaStore(folder / "media"))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def raw_server(respond: Respond) -> AsyncIterator[str]:
    """A server that reads a request's head and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await respond(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def truncated(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id": "ou')
    await writer.drain()


async def cut_json(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"id": "ou')
    await writer.drain()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def oversized(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(MAX_ANSWER // 65536 + 4):
        writer.write(b" " * 65536)
        await writer.drain()


async def not_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-nonsense\r\n\r\n")
    await writer.drain()


async def bad_gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>")
    await writer.drain()


@pytest.mark.parametrize("respond", [reset, truncated, cut_json, drip, oversized, not_http, bad_gateway])
async def test_a_send_without_a_readable_answer_is_of_unknown_outcome(tmp_path: Path, respond: Respond) -> None:
    async with raw_server(respond) as base, runner(tmp_path, total_timeout_s=1.0) as running:
        with pytest.raises(OutcomeUnknown):
            await running.request(SEND, base_url=base, token="t")


@pytest.mark.parametrize("respond", [reset, truncated, drip, oversized, not_http])
async def test_a_question_without_an_answer_may_be_asked_again(tmp_path: Path, respond: Respond) -> None:
    async with raw_server(respond) as base, runner(tmp_path, total_timeout_s=1.0) as running:
        with pytest.raises(Unavailable):
            await running.request(ASK, base_url=base, token="t")


async def test_a_refused_connection_left_nothing(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
    async with runner(tmp_path) as running:
        with pytest.raises(Unavailable):
            await running.request(SEND, base_url=base, token="t")
        with pytest.raises(Unavailable):
            await running.request(SEND, base_url="http://no-such-host.invalid", token="t")


async def test_a_redirect_is_an_answer_and_is_not_followed(tmp_path: Path) -> None:
    async with Provider().listening() as provider, Provider().listening() as elsewhere, runner(tmp_path) as running:

        async def away(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{elsewhere.base}/messages"})

        provider.script["*"] = [away]
        response = await running.request(SEND, base_url=provider.base, token="secret")
        assert response.status == 307
        assert elsewhere.asked == []


async def test_the_token_goes_to_its_own_origin_only(tmp_path: Path) -> None:
    async with Provider().listening() as home, Provider().listening() as elsewhere, runner(tmp_path) as running:
        for provider in (home, elsewhere):
            provider.files["/x"] = answer(200, {})
        await running.request(ApiRequest("GET", "/x"), base_url=home.base, token="secret")
        await running.request(ApiRequest("GET", f"{elsewhere.base}/x"), base_url=home.base, token="secret")
        await running.request(ApiRequest("GET", "/x", authorise=False), base_url=home.base, token="secret")
        assert home.tokens == ["Bearer secret", None]
        assert elsewhere.tokens == [None]
    assert not same_origin("https://graph.example.evil/x", "https://graph.example")
    assert not same_origin("https://graph.example@evil/x", "https://graph.example")
    assert not same_origin("http://graph.example/x", "https://graph.example")


async def test_a_token_that_belongs_in_the_path_is_put_there_for_its_own_origin_only(tmp_path: Path) -> None:
    async with Provider().listening() as home, Provider().listening() as elsewhere, runner(tmp_path) as running:
        home.files["/bot12:a/b-C_d/getMe"] = answer(200, {})
        await running.request(ApiRequest("GET", f"/bot{TOKEN_PLACE}/getMe"), base_url=home.base, token="12:a/b-C_d")
        assert (home.asked, home.tokens) == (["/bot12:a/b-C_d/getMe"], [None])
        for path, token in ((f"{elsewhere.base}/bot{TOKEN_PLACE}/x", "secret"), (f"/bot{TOKEN_PLACE}/x", None)):
            with pytest.raises(AccountBroken):
                await running.request(ApiRequest("GET", path), base_url=home.base, token=token)
        assert (len(home.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("effect", [True, False])
async def test_a_lost_answer_does_not_tell_the_url_that_held_the_token(tmp_path: Path, effect: bool) -> None:
    request, token = ApiRequest("POST", f"/bot{TOKEN_PLACE}/x", effect=effect), "12:" + "secret"
    async with raw_server(not_http) as base, runner(tmp_path) as running:
        with pytest.raises((OutcomeUnknown, Unavailable)) as lost:
            await running.request(request, base_url=base, token=token)
    shown = "".join(traceback.format_exception(lost.value))
    assert token not in shown
    assert lost.value.__cause__ is None


async def test_nothing_of_one_answer_reaches_the_next_request(tmp_path: Path) -> None:
    seen: list[str | None] = []

    async def sets_a_cookie(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        response = web.json_response({})
        response.set_cookie("who", "somebody")
        return response

    async with Provider().listening() as provider, runner(tmp_path) as running:
        provider.files["/x"] = sets_a_cookie
        for _ in range(2):
            await running.request(ApiRequest("GET", "/x"), base_url=provider.base, token=None)
    assert seen == [None, None]


async def test_a_flow_announces_its_effect_once_and_before_it(tmp_path: Path) -> None:
    async with Provider().listening() as provider, runner(tmp_path) as running:
        provider.files["/me"] = answer(200, {})
        announced: list[int] = []

        async def announce() -> None:
            announced.append(len(provider.taken))

        def flow() -> Generator[ApiRequest, ApiResponse, int]:
            yield ASK
            yield SEND
            response = yield SEND
            return response.status

        assert await running.play(flow(), base_url=provider.base, token=None, before_effect=announce) == 200
        assert announced == [0]
        assert provider.asked == ["/me", "Hi", "Hi"]


async def test_what_a_flow_raises_is_what_the_caller_gets(tmp_path: Path) -> None:
    async with Provider().listening() as provider, runner(tmp_path) as running:

        def flow() -> Generator[ApiRequest, ApiResponse, None]:
            yield SEND
            raise SendError("because")

        with pytest.raises(SendError, match="because"):
            await running.play(flow(), base_url=provider.base, token=None)


def then(*following: ApiRequest) -> Generator[ApiRequest, ApiResponse, int]:
    """A flow that sends, and asks for more after that."""
    response = yield SEND
    for request in following:
        response = yield request
    return response.status


@pytest.mark.parametrize(
    "following",
    [
        ApiRequest("GET", "http://127.0.0.1:9/confirm"),
        ApiRequest("POST", "http://127.0.0.1:9/messages", effect=True),
        ApiRequest("GET", f"/bot{TOKEN_PLACE}/confirm"),
    ],
)
async def test_what_fails_after_the_provider_took_something_is_of_unknown_outcome(
    tmp_path: Path, following: ApiRequest
) -> None:
    async with Provider().listening() as provider, runner(tmp_path) as running:
        with pytest.raises(OutcomeUnknown):
            await running.play(then(following), base_url=provider.base, token=None)
        assert provider.texts() == ["Hi"]


@pytest.mark.parametrize(("status", "error"), [(400, Unavailable), (429, Unavailable), (500, OutcomeUnknown)])
async def test_what_the_provider_refused_was_not_taken(tmp_path: Path, status: int, error: type[SendError]) -> None:
    async with Provider().listening() as provider, runner(tmp_path) as running:
        provider.script["*"] = [answer(status)]
        flow = then(ApiRequest("GET", "http://127.0.0.1:9/confirm"))
        with pytest.raises(error):
            await running.play(flow, base_url=provider.base, token=None)
        assert provider.texts() == []


async def test_a_question_before_the_send_that_fails_may_be_asked_again(tmp_path: Path) -> None:
    async with Provider().listening() as provider, runner(tmp_path) as running:

        def flow() -> Generator[ApiRequest, ApiResponse, None]:
            yield ApiRequest("GET", "http://127.0.0.1:9/token")
            yield SEND

        with pytest.raises(Unavailable):
            await running.play(flow(), base_url=provider.base, token=None)
        assert provider.asked == []
