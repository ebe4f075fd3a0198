"""``GET /api/v1/events/stream``, over real connections."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from msgspec import Raw

from patchbay.hub.batch import cut
from patchbay.model.event import Audience, Event
from patchbay.model.message import SYSTEM
from patchbay.settings import SocketSettings
from patchbay.testing.watched_server import WatchedServer
from patchbay.web import sse
from patchbay.web.sse import stream_event


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[WatchedServer]:
    async with WatchedServer(**changes).serving() as server:
        yield server
    assert server.failures == []


@asynccontextmanager
async def streaming(
    server: WatchedServer, query: str = "", *, who: str = "mara", **headers: str
) -> AsyncIterator[ClientResponse]:
    headers = {"Authorization": f"Bearer {who}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://{server.host}/api/v1/events/stream{query}"
    async with ClientSession() as session, session.get(url, headers=headers) as response:
        yield response


async def block(response: ClientResponse) -> dict[str, str]:
    """The next event of the stream as its fields; comments are passed over."""
    fields: dict[str, str] = {}
    async with asyncio.timeout(10):
        while True:
            line = (await response.content.readline()).decode()
            if line == "\n" and fields:
                return fields
            if line == "":
                raise EOFError
            name, _, value = line.rstrip("\n").partition(": ")
            if name and not line.startswith(":"):
                fields[name] = value


async def ids(response: ClientResponse, count: int) -> list[int]:
    return [int((await block(response))["id"]) for _ in range(count)]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def test_events_come_as_the_same_json_as_on_the_socket() -> None:
    async with serving() as server, streaming(server) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
        server.commit(data={"id": "msg_1"})
        fields = await block(response)
        assert (fields["id"], fields["event"]) == ("1", "message.received")
        assert json.loads(fields["data"]) == {
            "op": "event",
            "position": 1,
            "type": "message.received",
            "occurred_at": "2026-11-22T09:33:00.000Z",
            "data": {"id": "msg_1"},
        }


async def test_it_goes_on_after_the_last_event_id_whatever_the_query_says() -> None:
    async with serving() as server:
        server.commit(300)
        await until(lambda: server.hub.tail.position == 300)
        async with streaming(server, "?after=5", Last_Event_ID="100") as response:
            server.commit(20)
            assert await ids(response, 220) == list(range(101, 321))
        async with streaming(server, "?after=318") as response:
            assert await ids(response, 2) == [319, 320]
        async with streaming(server) as response:
            server.commit()
            assert await ids(response, 1) == [321]


async def test_a_position_that_is_not_held_gives_resync_and_goes_on() -> None:
    async with serving() as server:
        for _ in range(20):
            server.log.append()
        server.log.prune(10)
        await server.hub.tail.open()
        for last in ("3", "99"):
            async with streaming(server, Last_Event_ID=last) as response:
                fields = await block(response)
                assert (fields["event"], fields["id"]) == ("resync", str(len(server.log.events)))
                assert json.loads(fields["data"])["op"] == "resync"
                position = server.commit()
                assert await ids(response, 1) == [position]


async def test_rights_and_types_choose() -> None:
    async with (
        serving(sees=lambda who, event: event.audience.department_id != who.id) as server,
        streaming(server, "?types=message.read,message.sent") as response,
    ):
        server.commit(type="message.sent")
        server.commit(type="message.failed")
        server.commit(type="message.sent", audience=Audience(department_id="usr_mara"))
        server.commit(type="message.read")
        assert await ids(response, 2) == [1, 4]


async def test_quiet_streams_are_kept_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEP_ALIVE_S", 0.0)
    monkeypatch.setattr(sse, "ASK_EVERY_S", 0.05)
    async with serving() as server, streaming(server) as response:
        assert await response.content.readuntil(b"\n\n") == b": patchbay\n\n"
        assert await response.content.readuntil(b"\n\n") == b": keep-alive\n\n"


async def test_a_right_that_is_withdrawn_ends_the_stream_within_five_seconds() -> None:
    async with serving() as server, streaming(server) as response:
        server.withdrawn.add("usr_mara")
        began = asyncio.get_running_loop().time()
        with pytest.raises(EOFError):
            await block(response)
        assert asyncio.get_running_loop().time() - began < 5.5


async def test_it_ends_when_the_hub_closes() -> None:
    async with serving() as server, streaming(server) as response:
        server.commit()
        assert await ids(response, 1) == [1]
        await server.hub.close()
        with pytest.raises(EOFError):
            await block(response)


@pytest.mark.parametrize(
    ("query", "last", "pointer"),
    [
        ("?after=-1", "", "?after"),
        ("?after=x", "", "?after"),
        ("", "abc", "Last-Event-ID"),
        ("?token=mara", "", "?token"),
    ],
)
async def test_what_cannot_be_read_is_named(query: str, last: str, pointer: str) -> None:
    async with serving() as server, streaming(server, query, **({"Last_Event_ID": last} if last else {})) as response:
        assert response.status == 422
        assert (await response.json(content_type=None))["errors"][0]["pointer"] == pointer


async def test_who_is_not_signed_in_gets_nothing() -> None:
    async with serving() as server, streaming(server, who="nobody") as response:
        assert response.status == 401


async def test_streams_count_as_connections_of_their_principal() -> None:
    async with serving(socket=SocketSettings(per_principal=1)) as server:
        async with streaming(server) as first, streaming(server) as second:
            assert (first.status, second.status) == (200, 429)
        await until(lambda: server.hub.sizes()["principals"] == 0)


async def test_a_client_that_does_not_read_is_cut_and_slows_nobody() -> None:
    async with serving(socket=SocketSettings(stalled_after_s=1)) as server, streaming(server, who="tom") as tom:
        line = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
        line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, ("127.0.0.1", server.port))
        head = f"GET /api/v1/events/stream HTTP/1.1\r\nHost: {server.host}\r\nAuthorization: Bearer mara\r\n\r\n"
        await loop.sock_sendall(line, head.encode())
        await until(lambda: server.hub.sizes()["principals"] == 2)
        for _ in range(20):
            position = server.commit(100, data={"text": "x" * 4_000})
            assert (await ids(tom, 100))[-1] == position
        await until(lambda: server.hub.sizes()["principals"] == 1)
        with suppress(ConnectionResetError):
            while await loop.sock_recv(line, 2**20):
                pass
        line.close()


def test_an_event_is_one_block_whatever_its_data_and_type() -> None:
    event = Event(
        position=7,
        type="plugin.odd\nid: 99",
        subject_type="x",
        subject_id="1",
        actor=SYSTEM,
        data=Raw(b'{\r\n  "text": "a\\nb"\n}'),
        occurred_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    [batch] = cut([event], 1_000)
    text = stream_event(event.type, 7, batch.payload(7)).decode()
    assert text.count("\n") == 4
    head, kind, data = text.removesuffix("\n\n").split("\n")
    assert (head, kind) == ("id: 7", "event: plugin.odd id: 99")
    assert json.loads(data.removeprefix("data: "))["data"] == {"text": "a\nb"}
