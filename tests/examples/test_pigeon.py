"""The channel of the tutorial: installed as an outsider would, loaded by its entry point, used over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "pigeon"
SEAL = "only-the-tests-know-this-seal"
TOKEN = "pigeon-test-bearer-7f3a9c21d0"
WITHIN_S = 20.0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed in it, metadata and all."""
    source, target = tmp_path_factory.mktemp("pigeon") / "source", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *how, str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def environment(site: Path, **settings: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    named = {f"PATCHBAY_{name}": value for name, value in settings.items()}
    return {**plain, "PYTHONPATH": str(site), **named}


def test_the_tests_that_the_tutorial_shows_pass(site: Path, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "test_pigeon.py", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(site),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class PigeonPost:
    """The provider: keeps the letters that it is given."""

    def __init__(self) -> None:
        self.letters: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        authorization = request.headers.get("Authorization", "")
        await self.letters.put((request.match_info["loft"], authorization, await request.json()))
        return web.json_response({"id": "out-1"}, status=201)


@pytest.fixture
async def post() -> AsyncIterator[tuple[PigeonPost, str]]:
    provider, app = PigeonPost(), web.Application()
    app.router.add_post("/lofts/{loft}/letters", provider.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield provider, f"http://{host}:{port}"
    await runner.cleanup()


@pytest.fixture
async def gateway(site: Path, post: tuple[PigeonPost, str], tmp_path: Path) -> AsyncIterator[str]:
    """A gateway process with the plugin on its list; its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "patchbay", "serve", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env=environment(site, PLUGINS="pigeon", PIGEON__SEAL=SEAL, PIGEON__URL=post[1], ADMIN_TOKEN=TOKEN),
    )
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN_S):
        ready = (await process.stdout.readline()).decode()
    assert ready.startswith("Patchbay is ready on "), ready
    yield ready.split()[-1]
    process.terminate()
    assert await process.wait() == 0


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status < 300, answer
            return answer

    async def deliver(self, **told: Any) -> int:
        body = json.dumps({"loft": "tower-1", **told}).encode()
        seal = hmac.new(SEAL.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Pigeon-Seal": seal, "Content-Type": "application/json"}
        async with self.session.post(f"{self.url}/webhooks/pigeon", data=body, headers=headers) as response:
            return response.status

    async def event(self, type: str, after: int = 0) -> Any:
        async with asyncio.timeout(WITHIN_S):
            while True:
                page = await self.ask("GET", f"/api/v1/events?after={after}&types={type}&wait=5")
                if page["data"]:
                    return page["data"][0]["data"]
                after = page["page"]["next"]


async def test_a_letter_comes_in_and_an_answer_goes_out(gateway: str, post: tuple[PigeonPost, str]) -> None:
    provider, _ = post
    async with aiohttp.ClientSession() as session:
        client = Client(session, gateway)
        plugins = {plugin["name"]: plugin for plugin in (await client.ask("GET", "/api/v1/plugins"))["data"]}
        assert (plugins["pigeon"]["state"], plugins["pigeon"]["version"]) == ("loaded", "1.0")
        account = {"channel": "pigeon", "name": "Tower", "external_id": "tower-1", "credentials": {"token": "t-1"}}
        await client.ask("POST", "/api/v1/channels", account)

        letter = {"id": "in-1", "ring": "ring-7", "name": "Mara Voss", "text": "Hello", "at": "2026-11-22T12:00:00Z"}
        assert await client.deliver(letters=[letter]) == 200
        received = await client.event("message.received")
        assert (received["text_content"], received["external_ids"]) == ("Hello", ["in-1"])

        answer = {"conversation_id": received["conversation_id"], "text_content": "Three are left."}
        sent = await client.ask("POST", "/messages/send?wait=accepted", answer)
        assert sent["message"]["delivery"]["state"] == "accepted"
        assert sent["channel_response"] == {"id": "out-1"}
        loft, authorization, body = await provider.letters.get()
        assert (loft, authorization, body["to"]) == ("tower-1", "Bearer t-1", "ring-7")

        for status, at in (("opened", "12:02"), ("landed", "12:01")):  # the later one first: it says more
            flight = {"letter": "out-1", "status": status, "at": f"2026-11-22T{at}:00Z", "ref": body["ref"]}
            assert await client.deliver(flights=[flight]) == 200
        read = await client.event("message.read")
        assert (read["id"], read["delivery"]["state"]) == (sent["message"]["id"], "read")
