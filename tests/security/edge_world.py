"""A whole gateway behind a real socket, in the test's own loop, and clients that say whatever a test wants to say."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from patchbay.gateway import Gateway
from patchbay.plugins import load_plugins
from patchbay.server import Server
from patchbay.web.keys import OPERATIONS
from patchbay.web.operations import UNSAFE, Operation
from tests.faults.process import BUSINESS_ID, PHONE_NUMBER_ID, SECRET, TOKEN

VERIFY_TOKEN = "edge-suite-verify-token"
ACCESS_TOKEN = "edge-suite-access-token"
PLUGINS = "whatsapp,messenger,instagram,rbac,audit,email"
DRAIN_S = 5.0
QUIET_S = 0.25


@dataclass(frozen=True)
class Heard:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """The problem's code, None for what is no problem document."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return None
        return str(json.loads(self.body)["code"])


class Edge:
    """A gateway that serves, seen from outside and from inside."""

    def __init__(self, server: Server, app: web.Application, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.gateway = server.gateway
        self.app = app
        self.session = session

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def operations(self) -> list[Operation]:
        """All that is declared, by path."""
        declared: Sequence[Operation] = self.app[OPERATIONS]
        return sorted(declared, key=lambda each: (each.path, each.method))

    @property
    def unsafe(self) -> list[Operation]:
        return [each for each in self.operations if each.method in UNSAFE]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every (method, path template) that the router serves."""
        for route in self.app.router.routes():
            if route.resource is not None:
                yield route.method, route.resource.canonical

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        token: str | None = TOKEN,
    ) -> Heard:
        """One request; the path goes out as it is, not a sign of it changed."""
        sent = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **(headers or {})}
        url = URL(self.url + path, encoded=True)
        async with self.session.request(method, url, headers=sent, data=data, allow_redirects=False) as response:
            return Heard(response.status, response.headers, await response.read())

    async def json(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that must be a success."""
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        data = None if body is None else json.dumps(body).encode()
        heard = await self.ask(method, path, data=data, headers=headers, **more)
        assert 200 <= heard.status < 300, (method, path, heard)
        return json.loads(heard.body) if heard.body else None

    async def say(self, *pieces: bytes, within_s: float = DRAIN_S, quiet_s: float = QUIET_S) -> bytes:
        """Bytes on a connection of their own, and what comes back: until it is closed, or nothing more comes for
        ``quiet_s`` after the first answer."""
        reader, writer = await asyncio.open_connection(URL(self.url).host, URL(self.url).port)
        got = bytearray()
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            while chunk := await asyncio.wait_for(reader.read(65536), quiet_s if got else within_s):
                got += chunk
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        return bytes(got)


def statuses(said: bytes) -> list[int]:
    """The status of each answer in what came back on one connection."""
    return [int(found) for found in re.findall(rb"HTTP/\d\.\d (\d{3}) ", said)]


def filled(path: str, value: str = "0") -> str:
    """A path template with something in each place."""
    return re.sub(r"\{[^}]+\}", value, path)


@asynccontextmanager
async def edge(folder: Path, **settings: str) -> AsyncIterator[Edge]:
    """A gateway with all that is shipped while the block runs. ``settings`` are ``PATCHBAY_*`` names."""
    environ = {
        "PATCHBAY_HTTP__PORT": "0",
        "PATCHBAY_DATA_DIR": str(folder / "data"),
        "PATCHBAY_ADMIN_TOKEN": TOKEN,
        "PATCHBAY_PLUGINS": PLUGINS,
        "PATCHBAY_WHATSAPP__APP_SECRET": SECRET,
        "PATCHBAY_WHATSAPP__VERIFY_TOKEN": VERIFY_TOKEN,
        "PATCHBAY_WHATSAPP__ACCESS_TOKEN": ACCESS_TOKEN,
        "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": PHONE_NUMBER_ID,
        "PATCHBAY_WHATSAPP__BUSINESS_ID": BUSINESS_ID,
        "PATCHBAY_WHATSAPP__GRAPH_URL": "http://127.0.0.1:9",
        "PATCHBAY_MESSENGER__APP_SECRET": SECRET,
        "PATCHBAY_MESSENGER__VERIFY_TOKEN": VERIFY_TOKEN,
        "PATCHBAY_INSTAGRAM__APP_SECRET": SECRET,
        "PATCHBAY_INSTAGRAM__VERIFY_TOKEN": VERIFY_TOKEN,
        "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "100000000",
        **settings,
    }
    server = Server(Gateway(load_plugins(environ)))
    await server.open()
    runner = server._runner
    assert runner is not None
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=30)
        ) as session:
            yield Edge(server, runner.app, session)
    finally:
        await server.close()
