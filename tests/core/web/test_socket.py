"""``GET /api/v1/ws``, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from patchbay.errors import NotFound, StoreUnavailable
from patchbay.hub.connection import Connection
from patchbay.model.event import Audience
from patchbay.settings import HttpSettings, SocketSettings
from patchbay.testing.watched_server import WatchedServer
from patchbay.testing.watching import frames_in

HELLO = {"op": "hello", "token": "mara"}


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[WatchedServer]:
    async with WatchedServer(**changes).serving() as server:
        yield server
    assert server.failures == []
    assert server.hub.sizes()["connections"] == server.hub.sizes()["principals"] == 0


@asynccontextmanager
async def connected(server: WatchedServer, **options: Any) -> AsyncIterator[ClientWebSocketResponse]:
    async with ClientSession() as session, session.ws_connect(f"http://{server.host}/api/v1/ws", **options) as line:
        yield line


@asynccontextmanager
async def welcomed(
    server: WatchedServer, hello: dict[str, Any] | None = None
) -> AsyncIterator[ClientWebSocketResponse]:
    async with connected(server) as line:
        await line.send_json(hello or HELLO)
        welcome = await take(line)
        assert welcome["op"] == "welcome", welcome
        yield line


async def take(line: ClientWebSocketResponse) -> dict[str, Any]:
    message = await line.receive(timeout=10)
    assert message.type is WSMsgType.TEXT, message
    taken: dict[str, Any] = json.loads(message.data)
    return taken


async def positions(line: ClientWebSocketResponse, count: int) -> list[int]:
    return [(await take(line))["position"] for _ in range(count)]


async def closed(line: ClientWebSocketResponse) -> int | None:
    """The close code, after whatever came before it."""
    async with asyncio.timeout(15):
        while True:
            message = await line.receive()
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
                return line.close_code


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_client_is_welcomed_at_the_head_and_gets_what_comes_after() -> None:
    async with serving() as server:
        server.commit(2)
        await until(lambda: server.hub.tail.position == 2)
        async with connected(server, protocols=("patchbay.v1.json",)) as line:
            assert line.protocol == "patchbay.v1.json"
            await line.send_json(HELLO)
            welcome = await take(line)
            session = welcome.pop("session")
            assert session.startswith("ses_")
            assert welcome == {"op": "welcome", "epoch": "epoch-1", "position": 2, "heartbeat_s": 25}
            server.commit(data={"id": "msg_3"})
            assert await take(line) == {
                "op": "event",
                "position": 3,
                "type": "message.received",
                "occurred_at": "2026-11-22T09:33:00.002Z",
                "data": {"id": "msg_3"},
            }


async def test_a_client_that_resumes_gets_each_event_once_in_order() -> None:
    async with serving() as server:
        server.commit(500)
        async with welcomed(server, {**HELLO, "resume": {"epoch": "epoch-1", "position": 120}}) as line:
            server.commit(30)
            assert await positions(line, 410) == list(range(121, 531))
            server.commit(5)
            assert await positions(line, 5) == list(range(531, 536))


async def test_a_lost_ring_costs_no_more_than_the_poll() -> None:
    async with serving() as server, welcomed(server) as line:
        began = asyncio.get_running_loop().time()
        server.commit(ring=False)
        assert (await take(line))["position"] == 1
        assert asyncio.get_running_loop().time() - began < 2.5


@pytest.mark.parametrize(
    ("resume", "reason"),
    [
        ({"epoch": "another", "position": 5}, "epoch"),
        ({"epoch": "epoch-1", "position": 500}, "ahead"),
        ({"epoch": "epoch-1", "position": 2}, "expired"),
    ],
)
async def test_a_position_that_the_log_does_not_hold_is_answered_by_resync(resume: dict[str, Any], reason: str) -> None:
    async with serving() as server:
        for _ in range(20):
            server.log.append()
        server.log.prune(10)
        await server.hub.tail.open()
        async with connected(server) as line:
            await line.send_json({**HELLO, "resume": resume})
            assert (await take(line))["position"] == 20
            assert await take(line) == {"op": "resync", "reason": reason, "position": 20}
            server.commit()
            assert (await take(line))["position"] == 21


async def test_the_oldest_position_that_is_kept_can_be_resumed() -> None:
    async with serving() as server:
        for _ in range(20):
            server.log.append()
        server.log.prune(10)
        await server.hub.tail.open()
        async with welcomed(server, {**HELLO, "resume": {"epoch": "epoch-1", "position": 10}}) as line:
            assert await positions(line, 10) == list(range(11, 21))


async def test_only_what_the_principal_may_see_arrives() -> None:
    async with (
        serving(sees=lambda who, event: event.audience.department_id == who.id) as server,
        welcomed(server) as mara,
        welcomed(server, {"op": "hello", "token": "tom"}) as tom,
    ):
        for owner in ("usr_tom", "usr_mara", "usr_tom", "usr_mara"):
            server.commit(audience=Audience(department_id=owner))
        assert await positions(mara, 2) == [2, 4]
        assert await positions(tom, 2) == [1, 3]


async def test_a_judge_that_fails_shows_nothing_and_stops_nobody() -> None:
    def sees(who: Any, event: Any) -> bool:
        if event.type == "plugin.odd":
            raise LookupError("a bug in a plugin")
        return True

    async with serving(sees=sees) as server, welcomed(server) as line:
        server.commit(type="plugin.odd")
        server.commit()
        assert (await take(line))["position"] == 2


async def test_topics_choose_and_can_change() -> None:
    async with serving() as server, welcomed(server, {**HELLO, "topics": ["conversation:a"]}) as line:
        for room in "ab":
            server.commit(audience=Audience(conversation_id=room))
        assert await positions(line, 1) == [1]
        await line.send_json({"op": "subscribe", "topics": ["conversation:b", "me"]})
        await line.send_json({"op": "unsubscribe", "topics": ["conversation:a"]})
        await line.send_json({"op": "ping"})
        assert await take(line) == {"op": "pong"}
        for room in "ab":
            server.commit(audience=Audience(conversation_id=room))
        server.commit(audience=Audience(assignee_id="usr_mara"))
        assert await positions(line, 2) == [4, 5]


async def test_no_topics_at_all_is_silence_until_one_is_subscribed() -> None:
    async with serving() as server, welcomed(server, {**HELLO, "topics": []}) as line:
        server.commit()
        await until(lambda: server.hub.tail.position == 1)
        await line.send_json({"op": "subscribe", "topics": ["inbox"]})
        await line.send_json({"op": "ping"})
        assert await take(line) == {"op": "pong"}
        server.commit()
        assert (await take(line))["position"] == 2


async def test_an_unknown_topic_an_unknown_op_and_an_unknown_field_are_named_and_change_nothing() -> None:
    async with serving() as server, welcomed(server) as line:
        for sent, code, named in [
            ({"op": "subscribe", "topics": ["conversation:a", "team:x"]}, "unknown_topic", "team:x"),
            ({"op": "shout"}, "invalid", "shout"),
            ({"op": "ping", "loud": 1}, "invalid", "loud"),
            ({"op": "hello", "token": "mara"}, "already_welcomed", "welcomed"),
            ({"op": "ack", "position": 99}, "invalid", "99"),
        ]:
            await line.send_json(sent)
            error = await take(line)
            assert (error["op"], error["code"]) == ("error", code)
            assert named in error["message"]
        server.commit()
        assert (await take(line))["position"] == 1


async def test_an_ack_is_recorded_and_never_goes_back() -> None:
    async with serving() as server, welcomed(server) as line:
        server.commit(3)
        await positions(line, 3)
        for position in (3, 1):
            await line.send_json({"op": "ack", "position": position})
        await line.send_json({"op": "ping"})
        await take(line)
        [connection] = server.hub._connections
        assert connection.acked == 3


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer mara"}, {"X-API-Key": "mara"}, {"Cookie": "session=mara"}],
)
async def test_the_upgrade_can_bring_the_credentials(headers: dict[str, str]) -> None:
    async with serving() as server, connected(server, headers=headers) as line:
        await line.send_json({"op": "hello"})
        assert (await take(line))["op"] == "welcome"


@pytest.mark.parametrize("hello", [{"op": "hello"}, {"op": "hello", "token": "nobody"}])
async def test_who_cannot_sign_in_is_told_so_and_closed(hello: dict[str, Any]) -> None:
    async with serving() as server, connected(server) as line:
        await line.send_json(hello)
        assert (await take(line))["code"] == "unauthenticated"
        assert await closed(line) == 4003


async def test_the_token_of_the_hello_counts_even_beside_a_cookie() -> None:
    async with serving() as server, connected(server, headers={"Cookie": "session=mara"}) as line:
        await line.send_json({"op": "hello", "token": "nobody"})
        assert await closed(line) == 4003


async def test_without_a_hello_it_is_closed_in_time() -> None:
    async with serving(socket=SocketSettings(hello_timeout_s=0.2)) as server, connected(server) as line:
        await line.send_json({"op": "ping"})
        assert (await take(line))["code"] == "hello_expected"
        assert await closed(line) == 4001


async def test_a_hello_with_an_unknown_topic_may_be_said_again() -> None:
    async with serving() as server, connected(server) as line:
        await line.send_json({**HELLO, "topics": ["nothing"]})
        assert (await take(line))["code"] == "unknown_topic"
        await line.send_json(HELLO)
        assert (await take(line))["op"] == "welcome"


async def test_when_the_store_is_down_a_hello_is_asked_to_come_again() -> None:
    async with serving() as server, connected(server) as line:
        server.log.down = True
        await line.send_json({**HELLO, "resume": {"epoch": "epoch-1", "position": 9}})
        assert await closed(line) == 1013
        server.log.down = False


@pytest.mark.parametrize("name", ["token", "access_token", "ticket", "api_key"])
async def test_a_token_in_the_url_is_refused(name: str) -> None:
    async with serving() as server, ClientSession() as session:
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(f"http://{server.host}/api/v1/ws?{name}=mara")
        assert refused.value.status == 422


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://{host}", True),
        ("https://inbox.example", True),
        ("https://public.example", True),
        ("https://inbox.example.evil.test", False),
        ("https://inbox.example:444", False),
        ("http://inbox.example", False),
        ("https://evil.test", False),
        ("http://127.0.0.1", False),
        ("file://{host}", False),
        ("null", False),
        ("", False),
    ],
)
async def test_only_pages_of_this_server_or_of_the_list_may_connect(origin: str, allowed: bool) -> None:
    http = HttpSettings(allowed_origins=("https://inbox.example",), public_url="https://public.example/patchbay")
    async with serving(http=http) as server, ClientSession() as session:
        url, headers = f"http://{server.host}/api/v1/ws", {"Origin": origin.format(host=server.host)}
        if allowed:
            async with session.ws_connect(url, headers=headers) as line:
                await line.send_json(HELLO)
                assert (await take(line))["op"] == "welcome"
        else:
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(url, headers=headers)
            assert refused.value.status == 403


async def test_a_plain_request_and_a_foreign_subprotocol_are_refused() -> None:
    async with serving() as server, ClientSession() as session:
        async with session.get(f"http://{server.host}/api/v1/ws") as response:
            assert (response.status, (await response.json())["code"]) == (422, "upgrade_required")
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(f"http://{server.host}/api/v1/ws", protocols=("other.v2",))
        assert refused.value.status == 422


async def test_several_unreadable_messages_close_one_does_not() -> None:
    async with serving() as server, welcomed(server) as line:
        await line.send_str("{")
        assert (await take(line))["code"] == "unreadable"
        await line.send_json({"op": "ping"})
        assert await take(line) == {"op": "pong"}
        await line.send_bytes(b"\x00")
        await line.send_str("nonsense")
        assert await closed(line) == 4002


@pytest.mark.parametrize("pings", [False, True])
async def test_too_many_messages_close(pings: bool) -> None:
    async with serving(socket=SocketSettings(max_messages_per_10_s=20)) as server, welcomed(server) as line:
        for _ in range(19):
            await line.send_json({"op": "ping"})
        for _ in range(19):
            assert await take(line) == {"op": "pong"}
        for _ in range(40):
            await (line.ping() if pings else line.send_json({"op": "ping"}))
        assert await closed(line) == 4029


async def test_a_message_that_is_too_large_closes_with_the_standard_code() -> None:
    async with serving(socket=SocketSettings(max_frame_bytes=1024)) as server, welcomed(server) as line:
        await line.send_str('{"op":"ping","x":"' + "x" * 2000 + '"}')
        assert await closed(line) == 1009


async def test_one_principal_has_so_many_connections_and_another_its_own() -> None:
    async with (
        serving(socket=SocketSettings(per_principal=2)) as server,
        welcomed(server),
        welcomed(server) as second,
    ):
        async with connected(server) as third:
            await third.send_json(HELLO)
            assert (await take(third))["code"] == "too_many_connections"
            assert await closed(third) == 4013
        async with welcomed(server, {"op": "hello", "token": "tom"}):
            pass
        await second.close()
        await until(lambda: server.hub.sizes()["connections"] == 1)
        async with welcomed(server):
            pass


async def test_the_server_takes_so_many_connections() -> None:
    async with serving(socket=SocketSettings(max_connections=1)) as server, welcomed(server):
        with pytest.raises(WSServerHandshakeError) as refused:
            async with connected(server):
                pass
        assert refused.value.status == 429


async def test_a_right_that_is_withdrawn_closes_within_five_seconds() -> None:
    async with serving() as server, welcomed(server) as line, welcomed(server, {"op": "hello", "token": "tom"}) as tom:
        server.withdrawn.add("usr_mara")
        began = asyncio.get_running_loop().time()
        assert await closed(line) == 4003
        assert asyncio.get_running_loop().time() - began < 5.5
        server.commit()
        assert (await take(tom))["position"] == 1


async def test_read_moves_the_cursor_of_the_reader_and_a_refusal_is_an_error_frame() -> None:
    async with serving() as server, welcomed(server) as line:
        await line.send_json({"op": "read", "conversation_id": "cnv_1", "seq": 7})
        await until(lambda: server.reads == [("usr_mara", "cnv_1", 7)])
        server.refusal = NotFound("There is no such conversation.")
        await line.send_json({"op": "read", "conversation_id": "cnv_9", "seq": 7})
        assert await take(line) == {
            "op": "error",
            "code": "not_found",
            "message": "There is no such conversation.",
        }
        server.refusal = StoreUnavailable("The store does not answer.")
        await line.send_json({"op": "read", "conversation_id": "cnv_1", "seq": 8})
        assert (await take(line))["code"] == "store_unavailable"
        server.refusal = ZeroDivisionError("a bug")
        await line.send_json({"op": "read", "conversation_id": "cnv_1", "seq": 8})
        error = await take(line)
        assert error["code"] == "internal"
        assert "bug" not in error["message"]


async def test_typing_reaches_the_others_once_in_a_while_and_only_those_who_listen() -> None:
    async with serving() as server:
        tom_hello = {"op": "hello", "token": "tom", "topics": ["conversation:cnv_1"]}
        ilse_hello = {"op": "hello", "token": "ilse", "topics": ["conversation:cnv_2"]}
        async with welcomed(server) as mara, welcomed(server, tom_hello) as tom, welcomed(server, ilse_hello) as ilse:
            await until(lambda: server.hub.sizes()["live"] == 3)
            for _ in range(3):
                await mara.send_json({"op": "typing", "conversation_id": "cnv_1"})
            await mara.send_json({"op": "ping"})
            assert await take(mara) == {"op": "pong"}
            assert await take(tom) == {
                "op": "ephemeral",
                "type": "typing",
                "data": {"conversation_id": "cnv_1", "user": {"id": "usr_mara", "name": "Mara"}},
            }
            assert server.typings == [("usr_mara", "cnv_1")]
            server.commit(audience=Audience(conversation_id="cnv_1"))
            server.commit(audience=Audience(conversation_id="cnv_2"))
            assert [(await take(line))["position"] for line in (mara, tom, ilse)] == [1, 1, 2]


async def test_typing_where_one_may_not_is_an_error_and_tells_nobody() -> None:
    async with serving() as server, welcomed(server) as mara, welcomed(server, {"op": "hello", "token": "tom"}) as tom:
        server.refusal = NotFound("There is no such conversation.")
        await mara.send_json({"op": "typing", "conversation_id": "cnv_1"})
        assert (await take(mara))["code"] == "not_found"
        server.commit()
        assert (await take(tom))["op"] == "event"


async def test_presence_is_told_to_others_and_ends_with_the_last_connection() -> None:
    async with serving() as server, welcomed(server, {"op": "hello", "token": "tom"}) as tom:
        async with welcomed(server) as first, welcomed(server) as second:
            await first.send_json({"op": "presence", "state": "away"})
            await second.send_json({"op": "presence", "state": "online"})
            shown = {"op": "ephemeral", "type": "presence", "data": {"user": {"id": "usr_mara", "name": "Mara"}}}
            told = await take(tom)
            assert told["data"].pop("state") in ("away", "online")
            assert told == shown
            await until(lambda: server.hub.sizes()["present"] == 1)
            async with welcomed(server, {"op": "hello", "token": "ilse"}) as ilse:
                assert (await take(ilse))["type"] == "presence"
            await first.close()
        told = await take(tom)
        while told["data"]["state"] != "offline":
            told = await take(tom)
        assert told["data"]["user"]["id"] == "usr_mara"
        assert server.hub.sizes()["present"] == 0


async def raw_client(server: WatchedServer, *, receive_bytes: int) -> sockets.socket:
    """A client that has said hello and then does not read."""
    line = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
    line.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, receive_bytes)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, ("127.0.0.1", server.port))
    hello = json.dumps({"op": "hello", "token": "tom"}).encode()
    await loop.sock_sendall(
        line,
        b"GET /api/v1/ws HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        b"\x81%c\0\0\0\0%b" % (server.host.encode(), 0x80 | len(hello), hello),
    )
    return line


async def everything(line: sockets.socket) -> bytes:
    """What arrives until the line ends, one way or the other."""
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := await asyncio.get_running_loop().sock_recv(line, 65536):
            received += data
    return bytes(received)


def of_tom(server: WatchedServer) -> Connection:
    [connection] = [c for c in server.hub._connections if c.is_known and c.principal.id == "usr_tom"]
    return connection


async def test_a_client_that_does_not_read_is_closed_and_slows_nobody() -> None:
    backlog = 128 * 1024
    async with (
        serving(socket=SocketSettings(stalled_after_s=2, max_backlog_bytes=backlog)) as server,
        welcomed(server) as mara,
    ):
        stalled = await raw_client(server, receive_bytes=4096)
        await until(lambda: server.hub.sizes()["live"] == 2)
        tom = of_tom(server)
        count = 2_000
        for _ in range(count // 100):
            server.commit(100, data={"text": "x" * 4_000})
            await positions(mara, 100)
        assert tom.wire.get_write_buffer_size() <= backlog + 64 * 1024
        assert tom.cursor < count
        await until(lambda: server.hub.sizes()["connections"] == 1)
        _, _, stream = (await everything(stalled)).partition(b"\r\n\r\n")
        got = [json.loads(payload) for opcode, payload in frames_in(stream) if opcode == 1][1:]
        assert [event["position"] for event in got] == list(range(1, len(got) + 1))
        stalled.close()
        resume = {"epoch": "epoch-1", "position": len(got)}
        async with welcomed(server, {"op": "hello", "token": "tom", "resume": resume}) as again:
            assert await positions(again, count - len(got)) == list(range(len(got) + 1, count + 1))


async def test_a_slow_client_that_reads_on_in_time_gets_everything_over_the_same_line() -> None:
    async with serving(socket=SocketSettings(stalled_after_s=30, max_backlog_bytes=64 * 1024)) as server:
        line = await raw_client(server, receive_bytes=4096)
        await until(lambda: server.hub.sizes()["live"] == 1)
        server.commit(1_500, data={"text": "x" * 4_000})
        await until(lambda: server.hub.sizes()["draining"] == 1)
        loop = asyncio.get_running_loop()
        received = bytearray()
        got: list[int] = []
        async with asyncio.timeout(60):
            while len(got) < 1_500:
                received += await loop.sock_recv(line, 2**20)
                if b'"position":1500,' in received[-10_000:]:
                    _, _, stream = bytes(received).partition(b"\r\n\r\n")
                    got = [json.loads(payload)["position"] for opcode, payload in frames_in(stream) if opcode == 1][1:]
        assert got == list(range(1, 1_501))
        line.close()


async def test_closing_the_hub_sends_the_last_events_and_then_goes_away_with_the_position() -> None:
    server = WatchedServer()
    async with server.serving(), ClientSession() as session:
        lines = [await session.ws_connect(f"http://{server.host}/api/v1/ws") for _ in range(6)]
        for line in lines[:5]:
            await line.send_json(HELLO)
            await take(line)
        await until(lambda: server.hub.sizes()["live"] == 5)
        server.commit(3, ring=False)
        closing = asyncio.ensure_future(server.hub.close())
        for line in lines[:5]:
            assert await positions(line, 3) == [1, 2, 3]
            message = await line.receive()
            assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1001, '{"position":3}')
        assert await closed(lines[5]) == 1001
        await closing
        assert server.hub.sizes()["connections"] == 0
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(f"http://{server.host}/api/v1/ws")
    assert server.failures == []


async def test_closing_the_hub_does_not_wait_for_who_does_not_answer() -> None:
    async with serving() as server:
        line = await raw_client(server, receive_bytes=4096)
        await until(lambda: server.hub.sizes()["live"] == 1)
        began = asyncio.get_running_loop().time()
        await server.hub.close()
        assert asyncio.get_running_loop().time() - began < 6
        await until(lambda: server.hub.sizes()["connections"] == 0)
        line.close()


async def test_a_client_that_vanishes_leaves_nothing_behind() -> None:
    async with serving() as server:
        for _ in range(20):
            line = await raw_client(server, receive_bytes=4096)
            line.close()
        await until(lambda: server.hub.sizes()["connections"] == 0)
        server.commit(3)
        await until(lambda: server.hub.tail.position == 3)


async def test_a_client_that_closes_gets_its_close_back() -> None:
    async with serving() as server, welcomed(server) as line:
        assert await line.close(code=aiohttp.WSCloseCode.OK)
        assert line.close_code == 1000
