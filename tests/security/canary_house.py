"""A whole gateway process that was given canaries as secrets, and everything that it ever said."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from tests.e2e.fake_graph import FakeGraph
from tests.faults.process import BUSINESS_ID, PHONE_NUMBER_ID, GatewayProcess, signature
from tests.plugins.email.post_office import PostOffice
from tests.plugins.rbac.world import CHEAP
from tests.security.canary_scan import Canaries

API = "/api/v1"
PLUGINS = "whatsapp,messenger,instagram,rbac,audit,email"
HEARD_OUT = ("bash", "-c", 'exec "$@" > >(tee -a stdout)', "bash")  # a wrapper: standard output is kept too


@dataclass(frozen=True)
class Said:
    """One answer, and what it was to."""

    to: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    gives: tuple[str, ...] = ()  # the secrets that it is for

    @property
    def whole(self) -> str:
        return "".join(f"{name}: {value}\n" for name, value in self.headers.items()) + self.body.decode(
            "utf-8", "replace"
        )

    def json(self) -> Any:
        return json.loads(self.body)


class EchoingGraph(FakeGraph):
    """A provider whose failures say again what they were sent, the token included."""

    def __init__(self) -> None:
        super().__init__()
        self.echoes: list[int] = []  # statuses of the next answers to messages
        self.asked = asyncio.Event()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.echoes and request.method == "POST" and request.path.endswith("/messages"):
            token, body = request.headers.get("Authorization", ""), (await request.text())
            status = self.echoes.pop(0)
            self.asked.set()
            if status == 200:
                return web.Response(text=f"<html>{token} {body}</html>", content_type="text/html")
            error = {"code": 100, "type": "OAuthException", "message": f"(#100) {token} {body}", "fbtrace_id": token}
            error["error_data"] = {"details": f"{token} said {body}"}
            return web.json_response({"error": error}, status=status)
        return await super()._answer(request)


class CanaryHouse:
    """Asks, and keeps every answer."""

    def __init__(self, gateway: GatewayProcess, graph: EchoingGraph, office: PostOffice, canaries: Canaries) -> None:
        self.gateway, self.graph, self.office, self.canaries = gateway, graph, office, canaries
        self.said: list[Said] = []
        self.session: aiohttp.ClientSession
        self.token = canaries.secrets["admin token"]

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = "",
        gives: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """One request as whoever ``token`` says: who is signed in when it is empty, nobody when it is None."""
        bearer = self.token if token == "" else token
        sent = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
        data = body
        if body is not None and not isinstance(body, bytes | aiohttp.MultipartWriter):
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        url = URL(
            self.gateway.url
            + (path if path.startswith(("/api/", "/health", "/metrics", "/webhooks", "/media/links")) else API + path)
        )
        async with self.session.request(method, url, headers=sent, data=data) as answer:
            said = Said(
                f"{method} {path.split('?')[0]}", answer.status, dict(answer.headers), await answer.read(), gives
            )
        self.said.append(said)
        return said

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that must be a success."""
        said = await self.ask(method, path, body, **more)
        assert 200 <= said.status < 300, (said.to, said.status, said.body)
        return said.json() if said.body else None

    async def raw(self, head: bytes) -> bytes:
        """Bytes on a connection of their own, and all that comes back."""
        reader, writer = await asyncio.open_connection(URL(self.gateway.url).host, URL(self.gateway.url).port)
        writer.write(head)
        await writer.drain()
        got = await asyncio.wait_for(reader.read(), 15)
        writer.close()
        self.said.append(Said(f"raw {head[:24]!r}", 400, {}, got))
        return got

    async def webhook(self, channel: str, body: bytes, secret: str, **headers: str) -> Said:
        """A webhook with this secret's signature; returns once it is applied."""
        sent = {"X-Hub-Signature-256": signature(body, secret), "Content-Type": "application/json", **headers}
        said = await self.ask("POST", f"/webhooks/{channel}", body, token=None, headers=sent)
        while (await self.ask("GET", "/health")).json()["checks"]["ingest"]["details"]["pending"]:
            await asyncio.sleep(0.05)
        return said

    async def letter(self, count: int) -> str:
        """The token in the letter of this number, once the office has it."""
        async with asyncio.timeout(10):
            while len(self.office.letters) < count:
                await asyncio.sleep(0.05)
        found = re.search(r"token=3D([\w-]{43})|token=([\w-]{43})", _unfolded(self.office.letters[count - 1].content))
        assert found
        return found[1] or found[2]

    @property
    def logs(self) -> str:
        """Both streams, as they are on disk."""
        printed = self.gateway.folder.parent / "stdout"
        return self.gateway.log_path.read_bytes().decode() + printed.read_bytes().decode()


def _unfolded(content: bytes) -> str:
    return re.sub(r"=\r?\n", "", content.decode())


def given_canaries() -> Canaries:
    """Those that settings hold."""
    canaries = Canaries()
    for name in ("secret key", "admin token", "smtp password", "whatsapp access token"):
        canaries.secret(name)
    for channel in ("whatsapp", "messenger", "instagram"):
        canaries.secret(f"{channel} app secret")
        canaries.secret(f"{channel} verify token")
    return canaries


@asynccontextmanager
async def canary_house(folder: Path, log_format: str) -> AsyncIterator[CanaryHouse]:
    """The gateway while the block runs, all its logs at debug."""
    canaries = given_canaries()
    office = PostOffice(users={"desk": canaries.secrets["smtp password"]})
    graph = EchoingGraph()
    async with graph, office.open():
        graph.tokens.add(canaries.secrets["whatsapp access token"])
        settings = {
            "PATCHBAY_PLUGINS": PLUGINS,
            "PATCHBAY_LOG__LEVEL": "debug",
            "PATCHBAY_LOG__FORMAT": log_format,
            "PATCHBAY_SECRET_KEY": canaries.secrets["secret key"] + "-of-32-bytes-or-more",
            "PATCHBAY_ADMIN_TOKEN": canaries.secrets["admin token"],
            "PATCHBAY_HTTP__PUBLIC_URL": "https://desk.example.org",
            "PATCHBAY_WHATSAPP__ACCESS_TOKEN": canaries.secrets["whatsapp access token"],
            "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": PHONE_NUMBER_ID,
            "PATCHBAY_WHATSAPP__BUSINESS_ID": BUSINESS_ID,
            "PATCHBAY_EMAIL__HOST": "127.0.0.1",
            "PATCHBAY_EMAIL__PORT": str(office.port),
            "PATCHBAY_EMAIL__SECURITY": "none",
            "PATCHBAY_EMAIL__USERNAME": "desk",
            "PATCHBAY_EMAIL__PASSWORD": canaries.secrets["smtp password"],
            "PATCHBAY_EMAIL__SENDER": "desk@example.org",
            **CHEAP,
        }
        for channel in ("whatsapp", "messenger", "instagram"):
            settings[f"PATCHBAY_{channel.upper()}__APP_SECRET"] = canaries.secrets[f"{channel} app secret"]
            settings[f"PATCHBAY_{channel.upper()}__VERIFY_TOKEN"] = canaries.secrets[f"{channel} verify token"]
            settings[f"PATCHBAY_{channel.upper()}__GRAPH_URL"] = graph.url
        gateway = GatewayProcess(folder / "data", graph_url=graph.url, **settings)
        house = CanaryHouse(gateway, graph, office, canaries)
        await gateway.start(*HEARD_OUT)
        try:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                house.session = session
                yield house
        finally:
            await gateway.stop()
