"""As the tests of resources, with jobs and data protection mounted as well, and a provider that takes files."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from patchbay.gateway import Gateway
from patchbay.web.app import build_app
from tests.core.privacy.house import MODULES
from tests.core.web.resources.conftest import Graph, House, ShiftedClock, clock, gateway

__all__ = ["clock", "gateway", "graph", "house"]


class Files(Graph):
    """Takes uploads too."""

    async def take(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            return await super().take(request)
        await request.read()
        return web.json_response({"id": "1234567890"})


@pytest.fixture
async def graph(aiohttp_server: Any) -> Graph:
    made = Files()
    app = web.Application()
    app.router.add_post("/{tail:.*}", made.take)
    server = await aiohttp_server(app)
    made.url = f"http://127.0.0.1:{server.port}"
    return made


@pytest.fixture
async def house(gateway: Gateway, graph: Graph, clock: ShiftedClock, aiohttp_client: Any) -> House:
    return House(gateway, await aiohttp_client(build_app(gateway, MODULES)), graph, clock)
