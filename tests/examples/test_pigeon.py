"""The channel of the tutorial: installed as an outsider would, loaded by its entry point, used over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.examples import served
from tests.examples.outsider import ROOT, Outsider

EXAMPLE = ROOT / "docs" / "examples" / "pigeon"
SEAL = "only-the-tests-know-this-seal"


@pytest.fixture(scope="module")
def outsider(outside: Callable[[Path], Outsider]) -> Outsider:
    return outside(EXAMPLE)


def test_the_tests_that_the_tutorial_shows_pass(outsider: Outsider, tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "test_pigeon.py", tmp_path)
    outsider.run_tests(tmp_path)


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
    async with served.answering(app) as url:
        yield provider, url


class Client(served.Client):
    async def deliver(self, **told: Any) -> int:
        body = json.dumps({"loft": "tower-1", **told}).encode()
        seal = hmac.new(SEAL.encode(), body, hashlib.sha256).hexdigest()
        headers = {"X-Pigeon-Seal": seal, "Content-Type": "application/json"}
        async with self.session.post(f"{self.url}/webhooks/pigeon", data=body, headers=headers) as response:
            return response.status


@pytest.fixture
async def client(outsider: Outsider, post: tuple[PigeonPost, str], tmp_path: Path) -> AsyncIterator[Client]:
    """Of a gateway with the plugin on its list."""
    settings = {"PLUGINS": "pigeon", "PIGEON__SEAL": SEAL, "PIGEON__URL": post[1]}
    async with served.serving(outsider, tmp_path, **settings) as url, aiohttp.ClientSession() as session:
        yield Client(session, url)


async def test_a_letter_comes_in_and_an_answer_goes_out(client: Client, post: tuple[PigeonPost, str]) -> None:
    plugin = await client.plugin("pigeon")
    assert (plugin["state"], plugin["version"]) == ("loaded", "1.0")
    account = {"channel": "pigeon", "name": "Tower", "external_id": "tower-1", "credentials": {"token": "t-1"}}
    await client.ask("POST", "/api/v1/channels", account)

    letter = {"id": "in-1", "ring": "ring-7", "name": "Mara Voss", "text": "Hello", "at": "2026-11-22T12:00:00Z"}
    assert await client.deliver(letters=[letter]) == 200
    received, _ = await client.event("message.received")
    assert (received["text_content"], received["external_ids"]) == ("Hello", ["in-1"])

    answer = {"conversation_id": received["conversation_id"], "text_content": "Three are left."}
    sent = await client.ask("POST", "/messages/send?wait=accepted", answer)
    assert sent["message"]["delivery"]["state"] == "accepted"
    assert sent["channel_response"] == {"id": "out-1"}
    loft, authorization, body = await post[0].letters.get()
    assert (loft, authorization, body["to"]) == ("tower-1", "Bearer t-1", "ring-7")

    for status, at in (("opened", "12:02"), ("landed", "12:01")):  # the later one first: it says more
        flight = {"letter": "out-1", "status": status, "at": f"2026-11-22T{at}:00Z", "ref": body["ref"]}
        assert await client.deliver(flights=[flight]) == 200
    read, _ = await client.event("message.read")
    assert (read["id"], read["delivery"]["state"]) == (sent["message"]["id"], "read")
