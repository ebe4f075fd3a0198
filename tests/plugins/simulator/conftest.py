"""A simulator on a socket, somewhere for its webhooks to go, and a client of its Graph API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from patchbay_simulator import (
    Customer,
    GraphSimulator,
    InstagramSpec,
    InstagramVisitorSpec,
    MessengerVisitorSpec,
    PageSpec,
    SimulatorConfig,
)
from tests.plugins.simulator.pages import INSTAGRAM, PAGE, Desk
from tests.plugins.simulator.serving import served

TOKEN = "simulated-access-token"
VERIFY_TOKEN = "simulated-verify-token"
NUMBER = "401000000000001"


class Receiver:
    """A callback that keeps what it gets. ``answers`` are the statuses of the next POSTs, then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.posts: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.verify_token = VERIFY_TOKEN
        self.handshakes = 0

    async def handle(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.handshakes += 1
            good = request.query.get("hub.verify_token") == self.verify_token
            return web.Response(text=request.query["hub.challenge"]) if good else web.Response(status=403)
        self.posts.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    def changes(self) -> list[dict[str, Any]]:
        """All changes of all POSTs, in the order they came."""
        bodies = [msgspec.json.decode(body) for _, body in self.posts]
        return [change for body in bodies for entry in body["entry"] for change in entry["changes"]]

    def items(self, part: str) -> list[dict[str, Any]]:
        """All messages, or statuses, in the order they came."""
        return [item for change in self.changes() for item in change["value"].get(part, [])]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with served(found.handle, "/webhooks/whatsapp") as found.url:
        yield found


@pytest.fixture
async def meta(receiver: Receiver) -> AsyncIterator[GraphSimulator]:
    """A hundred times as quick as life."""
    async with GraphSimulator(SimulatorConfig(callback_url=receiver.url, speed=100.0)) as simulator:
        yield simulator


@pytest.fixture
def mara(meta: GraphSimulator) -> Customer:
    return meta.add_customer(id="mara", phone="15550001111", name="Mara Voss", bsuid="US.20260001112223334445")


class Client:
    """Calls the Graph API as a business would."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self.session = session
        self.token: str | None = TOKEN

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        """Status and parsed body."""
        url = path if path.startswith("http") else f"{self.base}/v26.0/{path}"
        async with self.session.request(method, url, headers=self.headers(), allow_redirects=False, **more) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def send(self, kind: str = "text", content: Any = None, **more: Any) -> tuple[int, Any]:
        """A message to Mara, a text unless told otherwise."""
        body: dict[str, Any] = {"messaging_product": "whatsapp", "to": "+15550001111", "type": kind}
        body[kind] = {"body": "Hello"} if content is None else content
        return await self.call("POST", f"{NUMBER}/messages", json={**body, **more})

    async def raw_send(self) -> tuple[int, bytes]:
        """Status and bytes of a text to Mara; raises what aiohttp raises."""
        body = {"messaging_product": "whatsapp", "to": "+15550001111", "type": "text", "text": {"body": "Hello"}}
        url = f"{self.base}/v26.0/{NUMBER}/messages"
        async with self.session.post(url, headers=self.headers(), json=body, allow_redirects=False) as response:
            return response.status, await response.read()


@pytest.fixture
async def graph(meta: GraphSimulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield Client(meta.url, session)


@pytest.fixture
def messenger(meta: GraphSimulator, graph: Client, receiver: Receiver) -> Desk:
    """A page, and Bo, who has not written yet."""
    meta.add_account(PageSpec(id=PAGE))
    bo = meta.add_visitor(MessengerVisitorSpec(id="bo", name="Bo Lindqvist"))
    return Desk(meta, graph, receiver, bo, PAGE)


@pytest.fixture
def instagram(meta: GraphSimulator, graph: Client, receiver: Receiver) -> Desk:
    """An Instagram account connected by Instagram login, and Ines, who has not written yet."""
    meta.add_account(InstagramSpec(id=INSTAGRAM))
    ines = meta.add_visitor(InstagramVisitorSpec(id="ines", name="Ines Prado", username="ines.prado"))
    return Desk(meta, graph, receiver, ines, INSTAGRAM)


@pytest.fixture(params=["messenger", "instagram"])
def either(request: pytest.FixtureRequest) -> Desk:
    """Both, one after the other: for what is the same on the two."""
    desk: Desk = request.getfixturevalue(request.param)
    return desk
