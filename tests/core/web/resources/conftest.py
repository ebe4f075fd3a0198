"""The whole gateway over real sockets: real store, real WhatsApp channel, and a small Graph server that takes sends."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from patchbay.gateway import Gateway
from patchbay.model.principal import Principal, PrincipalType
from patchbay.plugins import load_plugins
from patchbay.ports import Credentials, Verdict
from patchbay.system import SystemClock
from patchbay.web import (
    contact_timeline,
    contacts,
    conversations,
    jobs,
    lifecycle,
    media,
    messages,
    notes,
    openapi,
    previews,
    privacy,
    tags,
    timeline,
    webhooks,
)
from patchbay.web.app import build_app

T = TypeVar("T")
MODULES = (
    contact_timeline,
    contacts,
    conversations,
    jobs,
    lifecycle,
    media,
    messages,
    notes,
    openapi,
    previews,
    privacy,
    tags,
    timeline,
    webhooks,
)
ADMIN = "Vq3-harbour-lantern-58-willow-kx"
SECRET = "app-secret-0123456789"
PHONE_ID, WABA_ID = "401", "301"
MARA = "15550001111"
PEOPLE: dict[str, tuple[PrincipalType, str]] = {
    "ann": ("user", ""),
    "ben": ("user", ""),
    "bot": ("bot", ""),
    "key": ("api_key", ""),
    "reader": ("user", ".read"),
    "modest": ("user", "notes.moderate"),
    "guest": ("user", "notes.read"),
}


class ShiftedClock(SystemClock):
    """The machine's clock, and what a test adds to it."""

    def __init__(self) -> None:
        self.shift = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.shift


class People:
    """Bearer tokens that are names. ``reader`` may only look; ``modest`` may do all but moderate notes, ``guest`` all
    but see them."""

    name = "people"

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        known = PEOPLE.get(credentials.bearer or "")
        return None if known is None else Principal(type=known[0], id=credentials.bearer or "", name="P")

    def decide(self, principal: Principal, permission: str) -> Verdict:
        match principal.id:
            case "reader":
                return "allow" if permission.endswith(".read") else "deny"
            case "modest" | "guest" if permission == PEOPLE[principal.id][1]:
                return "deny"
        return "allow" if principal.id in PEOPLE else "abstain"

    def sees(self, principal: Principal, event: object) -> Verdict:
        return "allow"


@dataclass
class Graph:
    """Takes messages as Meta does; ``held`` keeps its answers back, ``refuses`` answers with that error."""

    url: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    held: asyncio.Event | None = None
    refuses: dict[str, Any] | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.sent.append(said)
        self.reached.set()
        if self.held is not None:
            await self.held.wait()
        if self.refuses is not None:
            return web.json_response({"error": self.refuses}, status=400)
        if said.get("status") == "read":
            return web.json_response({"success": True})
        id = f"wamid.out.{len(self.sent)}"
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": said.get("to"), "wa_id": MARA}],
                "messages": [{"id": id}],
            }
        )


@pytest.fixture
async def graph(aiohttp_server: Any) -> Graph:
    made = Graph()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.take)
    server = await aiohttp_server(app)
    made.url = f"http://127.0.0.1:{server.port}"
    return made


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def gateway(tmp_path: Path, graph: Graph, clock: ShiftedClock) -> AsyncIterator[Gateway]:
    loaded = load_plugins(
        {
            "PATCHBAY_DATA_DIR": str(tmp_path),
            "PATCHBAY_ADMIN_TOKEN": ADMIN,
            "PATCHBAY_PLUGINS": "whatsapp",
            "PATCHBAY_WHATSAPP__APP_SECRET": SECRET,
            "PATCHBAY_WHATSAPP__VERIFY_TOKEN": "verify-me-please",
            "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "EAAtoken0123456789",
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": PHONE_ID,
            "PATCHBAY_WHATSAPP__BUSINESS_ID": WABA_ID,
            "PATCHBAY_WHATSAPP__GRAPH_URL": graph.url,
            "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "100000",
            "PATCHBAY_HTTP__IMAGE_MAX_BYTES": "20000",
            "PATCHBAY_HTTP__DOCUMENT_MAX_BYTES": "300000",
        },
        entry_points=[EntryPoint("whatsapp", "patchbay_whatsapp", "patchbay.plugins")],
    )
    assert loaded.failures == ()
    registry = replace(
        loaded.registry,
        authenticators=(People(), *loaded.registry.authenticators),
        authorizers=(People(), *loaded.registry.authorizers),
    )
    made = Gateway(replace(loaded, registry=registry), clock=clock)
    await made.open()
    yield made
    await made.close()


@dataclass
class Answered:
    """A response with its JSON."""

    response: ClientResponse
    body: Any

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.body["errors"]]

    @property
    def etag(self) -> str:
        return self.response.headers["ETag"]


@dataclass
class House:
    """Everything, and short ways to ask of it."""

    gateway: Gateway
    client: TestClient[Any, Any]
    graph: Graph
    clock: ShiftedClock
    written: int = 0

    async def ask(self, method: str, path: str, body: Any = None, *, who: str = ADMIN, **headers: str) -> Answered:
        """One request below ``/api/v1``; headers by their names with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if who:
            named["Authorization"] = f"Bearer {who}"
        root = "" if path.startswith("//") else "/api/v1"
        async with self.client.request(method, root + path.replace("//", "/", 1), json=body, headers=named) as response:
            raw = await response.read()
            return Answered(response, json.loads(raw) if "json" in response.content_type else raw)

    async def get(self, path: str, **more: Any) -> Answered:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answered:
        return await self.ask("POST", path, body, **more)

    async def deliver(self, text: str = "Hello", *, sender: str = MARA, name: str = "Mara Voss") -> str:
        """A webhook, acknowledged and not necessarily applied yet; the external id."""
        self.written += 1
        id = f"wamid.in.{self.written}"
        body = json.dumps(webhook(id, text, sender, name, int(self.clock.now().timestamp()))).encode()
        signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        answer = await self.client.post("/webhooks/whatsapp", data=body, headers=headers)
        assert answer.status == 200
        return id

    async def say(self, text: str = "Hello", *, sender: str = MARA, name: str = "Mara Voss") -> dict[str, Any]:
        """A person writes; the message once it is in the inbox."""
        external = await self.deliver(text, sender=sender, name=name)
        event = await self.event(
            lambda event: event["type"] == "message.received" and external in event["data"]["external_ids"]
        )
        return dict(event["data"])

    async def conversation(self, **who: str) -> dict[str, Any]:
        """A new conversation with a first message, as it is shown."""
        message = await self.say(**who)
        return dict((await self.get(f"/conversations/{message['conversation_id']}")).body)

    async def event(self, wanted: Callable[[dict[str, Any]], bool], *, after: int = 0) -> dict[str, Any]:
        """The first event of the log that is wanted, once it is there."""

        async def look() -> dict[str, Any] | None:
            nonlocal after
            for event in await self.gateway.store.read(after, 1000):
                after = event.position
                shown = {"type": event.type, "position": event.position, "data": json.loads(bytes(event.data))}
                if wanted(shown):
                    return shown
            return None

        return await self.until(look)

    async def state_of(self, message_id: str, state: str) -> dict[str, Any]:
        """The message once its delivery is in this state."""

        async def look() -> dict[str, Any] | None:
            shown = (await self.get(f"/messages/{message_id}")).body
            return shown if shown["delivery"]["state"] == state else None

        return await self.until(look)

    async def until(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """What ``look`` finds, asked again whenever the log grew."""
        rings = self.gateway.bus.listen()
        async with asyncio.timeout(20):
            while True:
                found = await look()
                if found is not None:
                    return found
                await anext(rings)

    async def told(self) -> list[str]:
        return [event.type for event in await self.gateway.store.read(0, 5000)]


def webhook(id: str, text: str, sender: str, name: str, seconds: int) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550009999", "phone_number_id": PHONE_ID},
        "contacts": [{"profile": {"name": name}, "wa_id": sender}],
        "messages": [{"from": sender, "id": id, "timestamp": str(seconds), "type": "text", "text": {"body": text}}],
    }
    entry = {"id": WABA_ID, "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


@pytest.fixture
async def house(gateway: Gateway, graph: Graph, clock: ShiftedClock, aiohttp_client: Any) -> House:
    return House(gateway, await aiohttp_client(build_app(gateway, MODULES)), graph, clock)
