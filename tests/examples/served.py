"""A gateway process of an outsider, what asks it, and servers of providers on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.examples.outsider import Outsider

ADMIN_TOKEN = "outsider-test-bearer-7f3a9c21d0"
WITHIN_S = 20.0


@asynccontextmanager
async def answering(app: web.Application) -> AsyncIterator[str]:
    """The application on a free port of this machine; its address."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving(outsider: Outsider, folder: Path, **settings: str) -> AsyncIterator[str]:
    """``python -m patchbay serve`` in this folder; its address. It writes its log to ``log.txt`` and ends well."""
    log = folder / "log.txt"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(str(outsider.python), "-m", "patchbay", "serve", "--port", "0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=outsider.environment(ADMIN_TOKEN=ADMIN_TOKEN, **settings),
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            ready = (await process.stdout.readline()).decode()
        assert ready.startswith("Patchbay is ready on "), log.read_text()
        yield ready.split()[-1]
    finally:
        if process.returncode is None:
            process.terminate()
    assert await process.wait() == 0


class Client:
    """An administrator of the gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, which must be a good one."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status < 300, answer
            return answer

    async def plugin(self, name: str) -> Any:
        """What the gateway says of a plugin."""
        plugins = (await self.ask("GET", "/api/v1/plugins"))["data"]
        return next(plugin for plugin in plugins if plugin["name"] == name)

    async def event(self, type: str, after: int = 0) -> tuple[Any, int]:
        """The first event of a type after a position, and the position to go on from."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                page = await self.ask("GET", f"/api/v1/events?after={after}&types={type}&limit=1&wait=5")
                after = page["page"]["next"]
                if page["data"]:
                    return page["data"][0]["data"], after
