"""The Telegram example: its wheel built and installed as an outsider would, enabled in ``patchbay.toml``, and a
message driven in and out against a Bot API of this test's own."""

from __future__ import annotations

import asyncio
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
EXAMPLE = ROOT / "examples" / "telegram"
BOT_TOKEN = "4242:AAF-only_the_tests_know_this_token"
OTHER_TOKEN = "5353:AAF-only_the_tests_know_that_token"
SECRET, OTHER_SECRET = "only-the-tests-know-this-secret", "only-the-tests-know-that-secret"
ADMIN_TOKEN = "telegram-test-bearer-7f3a9c21d0"
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01 and the rest of a picture"
WITHIN_S = 20.0
MARA = {"id": 7001, "is_bot": False, "first_name": "Mara", "last_name": "Voss"}
CHAT = {"id": 7001, "type": "private", "first_name": "Mara"}


def pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments[:1], "--quiet", "--no-deps", "--no-index", *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, built = tmp_path_factory.mktemp("telegram") / "source", tmp_path_factory.mktemp("wheel")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info", "build"))
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(built), str(source))
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed in it, metadata and all."""
    target = tmp_path_factory.mktemp("site")
    pip("install", "--target", str(target), str(wheel))
    return target


def environment(site: Path, **settings: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    named = {f"PATCHBAY_{name}": value for name, value in settings.items()}
    return {**plain, "PYTHONPATH": str(site), **named}


def test_the_wheel_holds_the_package_and_nothing_of_patchbays(site: Path) -> None:
    assert sorted(path.name for path in site.iterdir()) == ["patchbay_telegram", "patchbay_telegram-1.0.dist-info"]
    entry_points = (site / "patchbay_telegram-1.0.dist-info" / "entry_points.txt").read_text()
    assert entry_points.split() == ["[patchbay.plugins]", "telegram", "=", "patchbay_telegram"]


def test_its_own_tests_pass_against_the_wheel(site: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    asyncio_mode = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-o", "pythonpath=tests", *asyncio_mode]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(site),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


class BotApi:
    """The provider: keeps the calls of its bots, and has one picture."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        if token not in (BOT_TOKEN, OTHER_TOKEN):
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        assert "Authorization" not in request.headers
        params = await request.json()
        if method == "getFile":
            found = {"file_id": params["file_id"], "file_size": len(PICTURE), "file_path": "photos/file_0.jpg"}
            return web.json_response({"ok": True, "result": found})
        await self.calls.put((token, method, params))
        sent = {"message_id": 90, "date": 1_790_000_100, "chat": {"id": params["chat_id"], "type": "private"}}
        return web.json_response({"ok": True, "result": sent})

    async def hand_out(self, request: web.Request) -> web.Response:
        known = (request.match_info["token"], request.match_info["path"]) == (BOT_TOKEN, "photos/file_0.jpg")
        return web.Response(body=PICTURE) if known else web.Response(status=404)


@pytest.fixture
async def api() -> AsyncIterator[tuple[BotApi, str]]:
    provider, app = BotApi(), web.Application()
    app.router.add_post("/bot{token}/{method}", provider.take)
    app.router.add_get("/file/bot{token}/{path:.+}", provider.hand_out)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield provider, f"http://{host}:{port}"
    await runner.cleanup()


class Served:
    """A gateway process: where it listens, and where it writes its log."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log


@pytest.fixture
async def gateway(site: Path, api: tuple[BotApi, str], tmp_path: Path) -> AsyncIterator[Served]:
    """A gateway whose ``patchbay.toml`` names the plugin and one bot; its log must not name a token."""
    table = {"bot_token": BOT_TOKEN, "webhook_secret": SECRET, "name": "Shop", "api_url": api[1]}
    lines = ['plugins = ["telegram"]', "[telegram]", *(f"{name} = {json.dumps(one)}" for name, one in table.items())]
    (tmp_path / "patchbay.toml").write_text("\n".join(lines) + "\n")
    log = tmp_path / "log.txt"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "patchbay", "serve", "--port", "0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            cwd=tmp_path,
            env=environment(site, ADMIN_TOKEN=ADMIN_TOKEN, LOG__LEVEL="debug"),
        )
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN_S):
        ready = (await process.stdout.readline()).decode()
    assert ready.startswith("Patchbay is ready on "), log.read_text()
    yield Served(ready.split()[-1], log)
    process.terminate()
    assert await process.wait() == 0
    assert all(token not in log.read_text() for token in (BOT_TOKEN, OTHER_TOKEN, SECRET, OTHER_SECRET))


class Client:
    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            answer = await response.json()
            assert response.status < 300, answer
            return answer

    async def deliver(self, path: str, secret: str, **update: Any) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with self.session.post(f"{self.url}/webhooks/telegram{path}", json=update, headers=headers) as response:
            return response.status

    async def event(self, type: str, after: int = 0) -> tuple[Any, int]:
        """The first event of a type after a position, and the position to go on from."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                page = await self.ask("GET", f"/api/v1/events?after={after}&types={type}&limit=1&wait=5")
                after = page["page"]["next"]
                if page["data"]:
                    return page["data"][0]["data"], after


def said(number: int, **members: Any) -> dict[str, Any]:
    return {"message_id": number, "from": MARA, "chat": CHAT, "date": 1_790_000_000 + number, **members}


@pytest.fixture
async def client(gateway: Served) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, gateway.url)


async def test_a_message_comes_in_and_an_answer_goes_out(client: Client, api: tuple[BotApi, str]) -> None:
    plugins = {plugin["name"]: plugin for plugin in (await client.ask("GET", "/api/v1/plugins"))["data"]}
    assert (plugins["telegram"]["state"], plugins["telegram"]["version"]) == ("loaded", "1.0")
    (account,) = (await client.ask("GET", "/api/v1/channels"))["data"]
    assert (account["channel"], account["name"], account["external_id"]) == ("telegram", "Shop", "4242")

    assert await client.deliver("/4242", SECRET, update_id=1, message=said(10, text="Hello")) == 200
    received, _ = await client.event("message.received")
    assert (received["text_content"], received["external_ids"]) == ("Hello", ["7001:10"])

    buttons = [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]
    content = {"type": "interactive", "kind": "buttons", "body": "Three are left. One?", "buttons": buttons}
    answer = {"conversation_id": received["conversation_id"], "content": content, "reply_to": received["id"]}
    sent = await client.ask("POST", "/messages/send?wait=accepted", answer)
    assert sent["message"]["delivery"]["state"] in ("accepted", "sent")
    token, method, params = await api[0].calls.get()
    keyboard = [[{"text": "Yes", "callback_data": "yes"}], [{"text": "No", "callback_data": "no"}]]
    assert (token, method, params) == (
        BOT_TOKEN,
        "sendMessage",
        {
            "chat_id": 7001,
            "text": "Three are left. One?",
            "reply_markup": {"inline_keyboard": keyboard},
            "reply_parameters": {"message_id": 10},
        },
    )

    question = {"message_id": 90, "chat": CHAT, "date": 1_790_000_100, "reply_markup": {"inline_keyboard": keyboard}}
    press = {"id": "77", "from": MARA, "chat_instance": "1", "message": question, "data": "yes"}
    _, after = await client.event("message.received")
    assert await client.deliver("/4242", SECRET, update_id=2, callback_query=press) == 200
    pressed, _ = await client.event("message.received", after)
    assert (pressed["content"]["type"], pressed["content"]["id"], pressed["text_content"]) == (
        "interactive_reply",
        "yes",
        "Yes",
    )
    assert pressed["reply_to"]["message_id"] == sent["message"]["id"]

    edited = said(10, text="Hello there", edit_date=1_790_000_200)
    assert await client.deliver("/4242", SECRET, update_id=3, edited_message=edited) == 200
    changed, _ = await client.event("message.edited")
    assert (changed["id"], changed["text_content"]) == (received["id"], "Hello there")


async def test_a_picture_is_fetched_with_the_token_in_its_address(client: Client) -> None:
    sizes = [{"file_id": "F", "file_unique_id": "u", "width": 90, "height": 67, "file_size": len(PICTURE)}]
    assert await client.deliver("/4242", SECRET, update_id=1, message=said(10, photo=sizes)) == 200
    stored, _ = await client.event("media.stored")
    assert (stored["state"], stored["mime_type"], stored["size"]) == ("stored", "image/jpeg", len(PICTURE))


async def test_each_bot_has_its_own_address_and_secret(client: Client, api: tuple[BotApi, str]) -> None:
    hello = {"update_id": 1, "message": said(10, text="Hello")}
    credentials = {"bot_token": OTHER_TOKEN, "app_secret": OTHER_SECRET}
    other = {"channel": "telegram", "name": "Other", "external_id": "5353", "credentials": credentials}
    made = await client.ask("POST", "/api/v1/channels", other)
    for path, secret in (("/5353", SECRET), ("/4242", OTHER_SECRET), ("/1", SECRET), ("", SECRET), ("/4242", "x")):
        assert await client.deliver(path, secret, **hello) == 401
    assert await client.deliver("/5353", OTHER_SECRET, **hello) == 200
    received, _ = await client.event("message.received")
    answer = {"conversation_id": received["conversation_id"], "text_content": "Hi"}
    sent = await client.ask("POST", "/messages/send?wait=accepted", answer)
    assert sent["channel_response"]["result"]["message_id"] == 90
    token, method, params = await api[0].calls.get()
    assert (token, method, params["text"]) == (OTHER_TOKEN, "sendMessage", "Hi")
    assert (await client.ask("GET", f"/api/v1/channels/{made['id']}"))["external_id"] == "5353"
