"""The Telegram example: its wheel built and installed as an outsider would, enabled in ``patchbay.toml``, and a
message driven in and out against a Bot API of this test's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.examples import served
from tests.examples.outsider import ROOT, Outsider, copied

EXAMPLE = ROOT / "examples" / "telegram"
BOT_TOKEN = "4242:AAF-only_the_tests_know_this_token"
OTHER_TOKEN = "5353:AAF-only_the_tests_know_that_token"
SECRET, OTHER_SECRET = "only-the-tests-know-this-secret", "only-the-tests-know-that-secret"
PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01 and the rest of a picture"
MARA = {"id": 7001, "is_bot": False, "first_name": "Mara", "last_name": "Voss"}
CHAT = {"id": 7001, "type": "private", "first_name": "Mara"}


@pytest.fixture(scope="module")
def outsider(outside: Callable[[Path], Outsider]) -> Outsider:
    return outside(EXAMPLE)


def test_the_wheel_holds_the_package_and_nothing_of_patchbays(outsider: Outsider) -> None:
    assert {"patchbay_telegram", "patchbay_telegram-1.0.dist-info", "patchbay"} <= set(outsider.installed)
    about = outsider.site / "patchbay_telegram-1.0.dist-info"
    entry_points = (about / "entry_points.txt").read_text()
    assert entry_points.split() == ["[patchbay.plugins]", "telegram", "=", "patchbay_telegram"]
    tops = {line.split("/")[0].split(",")[0] for line in (about / "RECORD").read_text().splitlines()}
    assert tops == {"patchbay_telegram", about.name}


def test_it_runs_beside_patchbays_wheel_and_not_beside_this_clone(outsider: Outsider, tmp_path: Path) -> None:
    where = "import patchbay, patchbay_telegram as ours; print(patchbay.__file__, ours.__file__, sep='\\n')"
    for file in outsider.run("-c", where, cwd=tmp_path).splitlines():
        assert Path(file).is_relative_to(outsider.site)


def test_its_own_tests_pass_against_the_wheel(outsider: Outsider, tmp_path: Path) -> None:
    tests = copied(EXAMPLE / "tests", tmp_path / "tests")
    asyncio_mode = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    outsider.run_tests(tests, "-W", "error", "-o", "pythonpath=.", *asyncio_mode)


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
        if method == "answerCallbackQuery":
            return web.json_response({"ok": True, "result": True})
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
    async with served.answering(app) as url:
        yield provider, url


class Client(served.Client):
    async def deliver(self, path: str, secret: str, **update: Any) -> int:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with self.session.post(f"{self.url}/webhooks/telegram{path}", json=update, headers=headers) as response:
            return response.status


@pytest.fixture
async def client(outsider: Outsider, api: tuple[BotApi, str], tmp_path: Path) -> AsyncIterator[Client]:
    """Of a gateway whose ``patchbay.toml`` names the plugin and one bot; its log must not name a token."""
    table = {"bot_token": BOT_TOKEN, "webhook_secret": SECRET, "name": "Shop", "api_url": api[1]}
    lines = ['plugins = ["telegram"]', "[telegram]", *(f"{name} = {json.dumps(one)}" for name, one in table.items())]
    (tmp_path / "patchbay.toml").write_text("\n".join(lines) + "\n")
    async with (
        served.serving(outsider, tmp_path, LOG__LEVEL="debug") as url,
        aiohttp.ClientSession() as session,
    ):
        yield Client(session, url)
    log = (tmp_path / "log.txt").read_text()
    assert all(token not in log for token in (BOT_TOKEN, OTHER_TOKEN, SECRET, OTHER_SECRET))


def said(number: int, **members: Any) -> dict[str, Any]:
    return {"message_id": number, "from": MARA, "chat": CHAT, "date": 1_790_000_000 + number, **members}


async def test_a_message_comes_in_and_an_answer_goes_out(client: Client, api: tuple[BotApi, str]) -> None:
    plugin = await client.plugin("telegram")
    assert (plugin["state"], plugin["version"]) == ("loaded", "1.0")
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
    async with asyncio.timeout(10):  # the button waits for this
        assert await api[0].calls.get() == (BOT_TOKEN, "answerCallbackQuery", {"callback_query_id": "77"})

    edited = said(10, text="Hello there", edit_date=1_790_000_200)
    assert await client.deliver("/4242", SECRET, update_id=3, edited_message=edited) == 200
    changed, _ = await client.event("message.edited")
    assert (changed["id"], changed["text_content"]) == (received["id"], "Hello there")


async def test_a_number_that_a_person_shares_is_an_identity_of_theirs(client: Client) -> None:
    card = {"phone_number": "15550001111", "first_name": "Mara", "user_id": MARA["id"]}
    assert await client.deliver("/4242", SECRET, update_id=1, message=said(10, text="Hello")) == 200
    assert await client.deliver("/4242", SECRET, update_id=2, message=said(11, contact=card)) == 200
    first, after = await client.event("message.received")
    shared, _ = await client.event("message.received", after)
    assert shared["author"]["id"] == first["author"]["id"]
    found = await client.ask("GET", f"/api/v1/contacts/{shared['author']['id']}/identities")
    assert {(one["kind"], one["value"]) for one in found["data"]} == {("external", "7001"), ("phone", "+15550001111")}


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
