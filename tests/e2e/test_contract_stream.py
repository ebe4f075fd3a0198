"""The WebSocket, the SSE stream and the pull: one log, the same positions, and what odd clients are told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.outside import API, Outside, outside, problem
from tests.faults.process import TOKEN

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("stream") / "data") as found:
        yield found


class Socket:
    """One connection; ``frames`` is what it was told so far."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []

    async def say(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        message = await asyncio.wait_for(self.socket.receive(), 8)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        self.frames.append(json.loads(message.data))
        return self.frames[-1]

    async def until(self, op: str, **members: Any) -> dict[str, Any]:
        """The next frame of this kind with these members."""
        while True:
            frame = await self.hear()
            if frame["op"] == op and all(frame.get(key) == value for key, value in members.items()):
                return frame

    async def events(self, **frame: Any) -> list[int]:
        """The positions of the events heard until the answer to a ping."""
        heard = len(self.frames)
        await self.say(op="ping")
        await self.until("pong")
        return [frame["position"] for frame in self.frames[heard:] if frame["op"] == "event"]


@asynccontextmanager
async def connected(client: Outside, *, signed: bool = True) -> AsyncIterator[Socket]:
    headers = {"Authorization": f"Bearer {TOKEN}"} if signed else {}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{client.gateway.url}{API}/ws", headers=headers, protocols=["patchbay.v1.json"]) as socket,
    ):
        assert socket.protocol == "patchbay.v1.json"
        yield Socket(socket)


async def test_a_client_is_welcomed_and_hears_what_happens_as_rest_shows_it(client: Outside) -> None:
    async with connected(client, signed=False) as socket:
        await socket.say(op="hello", token=TOKEN, topics=["inbox"])
        welcome = await socket.until("welcome")
        assert welcome.keys() >= {"session", "epoch", "position", "heartbeat_s"}
        phone, conversation = await client.met()
        event = await socket.until("event", type="message.received")
        (message,) = await client.messages(conversation["id"])
        assert {key: event["data"][key] for key in message} == message
        await client.writes(phone, "more")
        await socket.until("event", type="conversation.updated")
        positions = [frame["position"] for frame in socket.frames if frame["op"] == "event"]
        assert positions == list(range(welcome["position"] + 1, welcome["position"] + 1 + len(positions)))


async def test_resuming_gives_each_event_once_and_in_order(client: Outside) -> None:
    async with connected(client) as socket:
        await socket.say(op="hello", topics=["inbox"])
        welcome = await socket.until("welcome")
    phone, _ = await client.met()
    await client.writes(phone, "while away")
    pulled = await client.got("/events", after=str(welcome["position"]))
    expected = [each["position"] for each in pulled["data"]]
    assert pulled["epoch"] == welcome["epoch"]
    assert len(expected) >= 4
    async with connected(client) as socket:
        resume = {"epoch": welcome["epoch"], "position": welcome["position"]}
        await socket.say(op="hello", topics=["inbox"], resume=resume)
        await socket.until("event", position=expected[-1])
        assert [frame["position"] for frame in socket.frames if frame["op"] == "event"] == expected


@pytest.mark.parametrize("resume", [{"epoch": "foreign", "position": 1}, {"position": 10**9}])
async def test_a_foreign_epoch_or_a_position_ahead_gets_a_resync(client: Outside, resume: dict[str, Any]) -> None:
    async with connected(client) as socket:
        epoch = (await client.got("/events"))["epoch"]
        await socket.say(op="hello", topics=["inbox"], resume={"epoch": epoch, **resume})
        frame = await socket.until("resync")
        assert frame.keys() >= {"reason", "position"}


async def test_a_topic_is_heard_by_those_who_subscribed_to_it(client: Outside) -> None:
    _, one = await client.met()
    phone, other = await client.met()
    async with connected(client) as first, connected(client) as second:
        await first.say(op="hello", topics=[f"conversation:{one['id']}"])
        await second.say(op="hello", topics=[])
        await second.until("welcome")
        await second.say(op="subscribe", topics=[f"conversation:{other['id']}"])
        assert await second.events() == []
        await client.writes(phone, "only for the second")
        await second.until("event", type="message.received")
        assert await first.events() == []
        await second.say(op="unsubscribe", topics=[f"conversation:{other['id']}"])
        await second.events()
        await client.writes(phone, "for nobody")
        assert await second.events() == []


async def test_reading_over_the_socket_moves_the_cursor_and_never_past_the_end(client: Outside) -> None:
    phone, conversation = await client.met()
    async with connected(client) as socket:
        await socket.say(op="hello", topics=[f"conversation:{conversation['id']}"])
        await socket.say(op="read", conversation_id=conversation["id"], seq=10**6)
        await socket.until("event", type="conversation.read")
    assert (await client.got(f"/conversations/{conversation['id']}"))["unread_count"] == 0
    await client.writes(phone, "unread again")
    assert (await client.got(f"/conversations/{conversation['id']}"))["unread_count"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "{no json",
        "[]",
        '"hello"',
        '{"op":"zap"}',
        '{"no":"op"}',
        '{"op":"subscribe"}',
        '{"op":"subscribe","topics":"inbox"}',
        '{"op":"subscribe","topics":["nonsense"]}',
        '{"op":"ack","position":"x"}',
        '{"op":"ack","position":999999999}',
        '{"op":"typing","conversation_id":"none"}',
        '{"op":"read","conversation_id":"none","seq":1}',
        '{"op":"presence","state":"elsewhere"}',
        '{"op":"hello"}',
        "[" * 5000,
    ],
)
async def test_an_odd_frame_is_answered_with_an_error_and_the_connection_lives_on(client: Outside, text: str) -> None:
    async with connected(client) as socket:
        await socket.say(op="hello", topics=[])
        await socket.until("welcome")
        await socket.socket.send_str(text)
        error = await socket.until("error")
        assert error["code"]
        assert error["message"]
        await socket.say(op="ping")
        await socket.until("pong")


async def test_a_bad_token_ends_the_connection(client: Outside) -> None:
    async with connected(client, signed=False) as socket:
        await socket.say(op="hello", token="wrong")
        assert (await socket.until("error"))["code"] == "unauthenticated"
        assert (await asyncio.wait_for(socket.socket.receive(), 5)).type is aiohttp.WSMsgType.CLOSE
        assert socket.socket.close_code is not None
        assert 4000 <= socket.socket.close_code < 5000


async def test_who_says_no_hello_within_five_seconds_is_disconnected(client: Outside) -> None:
    async with connected(client, signed=False) as socket:
        message = await asyncio.wait_for(socket.socket.receive(), 8)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert 4000 <= message.data < 5000


async def test_another_origin_or_a_token_in_the_url_opens_nothing(client: Outside) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    foreign = await client.unsigned(f"{API}/ws", headers={**upgrade, "Origin": "https://elsewhere.example"})
    problem(foreign, 403, "forbidden")
    named = await client.unsigned(f"{API}/ws", headers=upgrade, token=TOKEN)
    assert 400 <= named.status < 500


async def test_the_sse_stream_goes_on_after_the_last_event_id(client: Outside) -> None:
    head = (await client.got("/events", limit="200"))["page"]["next"]
    while (page := await client.got("/events", after=str(head), limit="200"))["data"]:
        head = page["page"]["next"]
    phone, _ = await client.met()
    expected = [each["position"] for each in (await client.got("/events", after=str(head)))["data"]]
    url = f"{client.gateway.url}{API}/events/stream"
    found: list[int] = []
    async with client.gateway.session.get(url, headers={"Last-Event-ID": str(head)}) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        async with asyncio.timeout(8):
            async for line in stream.content:
                if line.startswith(b"id: "):
                    found.append(int(line[4:]))
                if line.startswith(b"data: ") and found[-1] == expected[-1]:
                    break
    assert found == expected
    assert phone


async def test_a_pull_waits_until_something_happens_and_filters_by_type(client: Outside) -> None:
    phone, _ = await client.met()
    head = "0"
    while (page := await client.got("/events", after=head, limit="200"))["data"]:
        head = str(page["page"]["next"])
    waiting = asyncio.create_task(client.got("/events", after=head, wait="8"))
    await client.writes(phone, "awaited")
    assert "message.received" in {each["type"] for each in (await waiting)["data"]}
    only = await client.got("/events", after="0", types="message.received", limit="2")
    assert {each["type"] for each in only["data"]} == {"message.received"}
    for query in ({"after": "x"}, {"after": "-1"}, {"limit": "201"}, {"wait": "-1"}):
        problem(await client.ask("GET", "/events", **query), 422, "invalid")
