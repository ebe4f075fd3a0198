"""The main job, end to end: a person writes, an agent sees it live, answers, and sees it delivered and read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from patchbay_simulator import Customer, Delays, GraphSimulator, SimulatorConfig
from tests.faults.process import PHONE_NUMBER_ID, SECRET, TOKEN, GatewayProcess

QUICK = Delays(sent_s=0.02, delivered_s=0.05, read_s=0.1, played_s=0.1, failed_s=0.05, jitter=0.0)


@pytest.fixture
async def meta() -> AsyncIterator[GraphSimulator]:
    config = SimulatorConfig(app_secret=SECRET, access_tokens=("simulated-access-token",), delays=QUICK)
    async with GraphSimulator(config) as simulator:
        yield simulator


@pytest.fixture
async def gateway(meta: GraphSimulator, tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    process = GatewayProcess(tmp_path / "data", graph_url=meta.url)
    await process.start()
    meta.configure(callback_url=f"{process.url}/webhooks/whatsapp")
    yield process
    assert await process.stop() == 0, process.tail()


@pytest.fixture
def mara(meta: GraphSimulator) -> Customer:
    return meta.add_customer(phone="15550001111", name="Mara Voss")


class Socket:
    """A WebSocket client that keeps what it was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []

    async def until(self, type: str, **data: Any) -> dict[str, Any]:
        """The next event of this type whose data holds these values."""
        async with asyncio.timeout(10):
            while True:
                frame: dict[str, Any] = json.loads((await self.socket.receive()).data)
                if frame["op"] != "event":
                    continue
                self.events.append(frame)
                if frame["type"] == type and all(frame["data"].get(key) == value for key, value in data.items()):
                    return frame


async def connect(gateway: GatewayProcess, **hello: Any) -> Socket:
    socket = await gateway.session.ws_connect(
        f"{gateway.url}/api/v1/ws".replace("http", "ws"), protocols=("patchbay.v1.json",)
    )
    await socket.send_json({"op": "hello", "token": TOKEN, **hello})
    welcome = await socket.receive_json(timeout=5)
    assert welcome["op"] == "welcome", welcome
    return Socket(socket)


async def test_a_person_writes_and_is_answered(gateway: GatewayProcess, meta: GraphSimulator, mara: Customer) -> None:
    socket = await connect(gateway)
    mara.say("Hi, is the blue kettle still in stock?", number=PHONE_NUMBER_ID)
    frame = await socket.until("message.received")
    assert frame["data"]["text_content"] == "Hi, is the blue kettle still in stock?"

    (conversation,) = (await gateway.get("/api/v1/conversations"))["data"]
    assert conversation["contact"]["display_name"] == "Mara Voss"
    assert (conversation["unread_count"], conversation["status"]) == (1, "open")

    status, answer = await gateway.post(
        "/messages/send?wait=accepted", {"conversation_id": conversation["id"], "text_content": "Three are left."}
    )
    assert status == 201, answer
    assert answer["whatsapp_response"]["messages"][0]["id"].startswith("wamid.")
    received = await mara.expect(text="Three are left", within_s=5)
    assert received is not None
    read = await socket.until("message.read", id=answer["message"]["id"])
    delivery = read["data"]["delivery"]
    assert delivery["state"] == "read"
    assert delivery["sent_at"] <= delivery["delivered_at"] <= delivery["read_at"]
    assert [frame["position"] for frame in socket.events] == list(
        range(socket.events[0]["position"], socket.events[-1]["position"] + 1)
    )


async def test_a_picture_is_fetched_and_can_be_downloaded(
    gateway: GatewayProcess, meta: GraphSimulator, mara: Customer
) -> None:
    socket = await connect(gateway)
    mara.attach("image", caption="The lid is cracked", number=PHONE_NUMBER_ID)
    stored = await socket.until("media.stored")
    async with gateway.session.get(f"{gateway.url}/api/v1/media/{stored['data']['id']}/download") as response:
        body = await response.read()
        assert response.status == 200
        assert response.headers["Content-Type"] == stored["data"]["mime_type"]
        assert len(body) == stored["data"]["size"]
    (conversation,) = (await gateway.get("/api/v1/conversations"))["data"]
    (message,) = (await gateway.get(f"/api/v1/conversations/{conversation['id']}/messages"))["data"]
    assert message["content"]["media"]["state"] == "stored"
    assert message["text_content"] == "The lid is cracked"


async def test_a_socket_that_comes_back_misses_nothing(
    gateway: GatewayProcess, meta: GraphSimulator, mara: Customer
) -> None:
    socket = await connect(gateway)
    mara.say("one", number=PHONE_NUMBER_ID)
    await socket.until("conversation.created")
    position = socket.events[-1]["position"]
    epoch = (await gateway.get("/api/v1/events", limit="1"))["epoch"]
    await socket.socket.close()
    mara.say("two", number=PHONE_NUMBER_ID)
    mara.say("three", number=PHONE_NUMBER_ID)
    again = await connect(gateway, resume={"epoch": epoch, "position": position})
    await again.until("message.received", text_content="three")
    assert [frame["position"] for frame in again.events] == list(range(position + 1, again.events[-1]["position"] + 1))


async def test_a_restart_keeps_everything_and_sends_what_was_queued(
    gateway: GatewayProcess, meta: GraphSimulator, mara: Customer
) -> None:
    mara.say("Hello?", number=PHONE_NUMBER_ID)
    await meta.idle()
    await gateway.applied()
    (conversation,) = (await gateway.get("/api/v1/conversations"))["data"]
    status, answer = await gateway.post(
        f"/api/v1/conversations/{conversation['id']}/messages", {"text_content": "Back in a minute."}
    )
    assert status == 201, answer
    await gateway.kill()
    await gateway.start()
    meta.configure(callback_url=f"{gateway.url}/webhooks/whatsapp")
    async with asyncio.timeout(20):
        while True:
            message = await gateway.get(f"/api/v1/messages/{answer['message']['id']}")
            if message["delivery"]["state"] in ("accepted", "sent", "delivered", "read", "unknown"):
                break
            await asyncio.sleep(0.05)
