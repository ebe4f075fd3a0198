"""R17, F29, F30: a plugin that raises, hangs or gives junk while the gateway runs is named, and costs nobody else.

``tests/core/plugins`` has what goes wrong at the start.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.plugins import patchbay_unruly as unruly
from tests.faults.process import SECRET, GatewayProcess, Reply, envelope, running, text_webhook
from tests.faults.test_r5_conservation import change, text

pytestmark = pytest.mark.long  # each waits for deadlines to pass
NUMBER = "402000000000003"
DEADLINE_S = 2.0  # R17
AT_ONCE_S = 1.5  # less than any deadline, more than a busy machine needs
OPEN_AFTER = 5  # R17
TRY_AGAIN_LATER = 1013  # the socket's close code
WEBHOOKS = 300
AT_MOST_S = 0.05  # twice of next to nothing is within the noise of two shared cores


def settings(folder: Path, **more: str) -> dict[str, str]:
    """What a gateway with WhatsApp, the unruly plugin and the orderly one behind it is told."""
    return {
        "PYTHONPATH": os.pathsep.join([str(installed(folder)), os.environ.get("PYTHONPATH", "")]),
        "PATCHBAY_PLUGINS": "whatsapp,unruly,orderly",
        "PATCHBAY_UNRULY__APP_SECRET": SECRET,
        "PATCHBAY_UNRULY__VERIFY_TOKEN": "fault-suite-verify-token",
        "PATCHBAY_UNRULY__ACCESS_TOKEN": "simulated-access-token",
        "PATCHBAY_UNRULY__PHONE_NUMBER_ID": NUMBER,
        "PATCHBAY_UNRULY__BUSINESS_ID": "302000000000003",
        "PATCHBAY_UNRULY__GRAPH_URL": "http://127.0.0.1:9",
        **{f"PATCHBAY_UNRULY__{name.upper()}": value for name, value in more.items()},
    }


def installed(folder: Path) -> Path:
    """A folder for the path of Python modules in which both plugins are installed."""
    site = folder / "site"
    info = site / "patchbay_unruly-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patchbay-unruly\nVersion: 1.0\n")
    listed = "[patchbay.plugins]\nunruly = patchbay_unruly\norderly = patchbay_unruly:orderly\n"
    (info / "entry_points.txt").write_text(listed)
    source = Path(unruly.__file__)
    (site / source.name).write_text(source.read_text())
    return site


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayProcess]:
    async with running(tmp_path / "data", **settings(tmp_path)) as made:
        yield made


async def plugin(gateway: GatewayProcess, name: str = "unruly") -> Any:
    return await gateway.get(f"/api/v1/plugins/{name}")


async def with_key(gateway: GatewayProcess, key: str, path: str = "/api/v1/conversations") -> tuple[Reply, float]:
    """The answer to who brings this API key, and how long it took in seconds."""
    since = time.monotonic()
    async with (
        aiohttp.ClientSession(headers={"X-API-Key": key}) as session,
        session.get(f"{gateway.url}{path}", timeout=aiohttp.ClientTimeout(total=15)) as answer,
    ):
        reply = Reply(answer.status, answer.headers, await answer.read())
    return reply, time.monotonic() - since


async def close_code(gateway: GatewayProcess, token: str) -> int | None:
    """What the socket is closed with for who says hello with this token."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{gateway.url}/api/v1/ws") as line:
        await line.send_json({"op": "hello", "token": token})
        while (await line.receive(timeout=15)).type is aiohttp.WSMsgType.TEXT:
            pass
        return line.close_code


def letter(number: int, words: str) -> bytes:
    now = str(int(time.time()))
    return envelope(
        change([text(f"wamid.{number}", "15550000042", text={"body": words}, timestamp=now)], number=NUMBER)
    )


@pytest.mark.parametrize("how", ["hangs", "is stubborn"])
async def test_r17_an_authenticator_that_hangs_costs_others_a_deadline_and_soon_nothing(
    tmp_path: Path, how: str
) -> None:
    async with running(tmp_path / "data", **settings(tmp_path, sign_in=how)) as gateway:
        for reply, took_s in await asyncio.gather(*(with_key(gateway, unruly.ORDERLY_KEY) for _ in range(OPEN_AFTER))):
            assert (reply.status, took_s < DEADLINE_S + AT_ONCE_S) == (200, True)
        reply, took_s = await with_key(gateway, unruly.ORDERLY_KEY)
        assert (reply.status, took_s < AT_ONCE_S) == (200, True)
        stranger, took_s = await with_key(gateway, "nobody's")
        assert (stranger.status, took_s < AT_ONCE_S) == (503, True)
        assert json.loads(stranger.body)["code"] == "sign_in_unavailable"
        assert await close_code(gateway, "nobody's") == TRY_AGAIN_LATER
        since = time.monotonic()
        report = await plugin(gateway)
        assert time.monotonic() - since < AT_ONCE_S
        assert report["state"] == "failing"
        assert report["error"] == "authenticate of the authenticator unruly did not return within 2 s."
        (failure,) = report["failures"]
        assert (failure["in_a_row"], failure["rests_s"] > 50) == (OPEN_AFTER, True)
        told = (await gateway.get("/health/plugins"))["checks"]
        assert told["unruly"]["status"] == "failed"
        assert told["orderly"]["status"] == "ok"
        assert (await gateway.get("/health"))["status"] == "degraded"
        since = time.monotonic()
        assert await gateway.stop() == 0
        assert time.monotonic() - since < 15
    assert "plugin.failed" in gateway.tail()
    assert "plugin=unruly" in gateway.tail()


async def test_r17_an_authenticator_that_fails_lets_nobody_in_and_nobody_else_out(gateway: GatewayProcess) -> None:
    for how in ("raises", "gives junk") * OPEN_AFTER:
        reply, _ = await with_key(gateway, f"unruly {how}")
        assert reply.status == 503
    assert (await with_key(gateway, unruly.ORDERLY_KEY))[0].status == 200
    assert (await with_key(gateway, "nobody's"))[0].status == 401
    (failure,) = (await plugin(gateway))["failures"]
    assert (failure["total"], failure["rests_s"]) == (2 * OPEN_AFTER, 0)
    told = "authenticate of the authenticator unruly gave a str where a Principal or None belongs."
    assert failure["error"] == told
    assert "authenticate of the authenticator unruly raised Odd at patchbay_unruly.py:" in gateway.tail(100_000)


async def test_r17_an_authorizer_that_raises_denies(gateway: GatewayProcess) -> None:
    reply, _ = await with_key(gateway, unruly.ORDERLY_KEY, "/api/v1/tags")
    assert reply.status == 403
    assert (await with_key(gateway, unruly.ORDERLY_KEY))[0].status == 200
    assert "decide of the authorizer unruly raised Odd" in (await plugin(gateway))["error"]


async def test_r17_a_route_that_hangs_is_ended_and_rests_and_others_are_served(gateway: GatewayProcess) -> None:
    since = time.monotonic()
    ways = ("hangs", "is stubborn", "hangs", "hangs", "is stubborn")
    for reply in await asyncio.gather(*(gateway.ask("GET", f"/api/v1/unruly/{how}") for how in ways)):
        assert (reply.status, reply.json()["code"]) == (503, "plugin_unavailable")
    assert DEADLINE_S - 0.1 < time.monotonic() - since < DEADLINE_S + AT_ONCE_S
    reply = await gateway.ask("GET", "/api/v1/unruly/is well")
    assert (reply.status, int(reply.headers["Retry-After"]) > 50) == (503, True)
    assert await gateway.get("/api/v1/conversations")
    assert (await plugin(gateway))["error"] == "The route GET /unruly/{how} did not return within 2 s."


async def test_r17_a_route_that_raises_or_gives_junk_is_named_and_goes_on(gateway: GatewayProcess) -> None:
    for how in ("raises", "gives junk") * OPEN_AFTER:
        reply = await gateway.ask("GET", f"/api/v1/unruly/{how}")
        assert (reply.status, reply.json()["code"]) == (500, "internal")
    report = await plugin(gateway)
    assert (report["state"], report["error"]) == (
        "failing",
        "The route GET /unruly/{how} gave a str where a response belongs.",
    )
    assert (await gateway.ask("GET", "/api/v1/unruly/is well")).body == b"well"
    report = await plugin(gateway)
    assert [(each["in_a_row"], each["total"]) for each in report["failures"]] == [(0, 2 * OPEN_AFTER)]


async def test_r17_a_route_that_has_begun_to_answer_may_take_its_time(gateway: GatewayProcess) -> None:
    reply = await gateway.ask("GET", "/api/v1/unruly/streams")
    assert (reply.status, reply.body) == (200, b"still here\n" * 6)
    assert (await plugin(gateway))["state"] == "loaded"


@pytest.mark.parametrize("how", ["hangs", "is stubborn", "gives junk"])
async def test_r17_a_health_check_that_hangs_or_gives_junk_fails_itself(tmp_path: Path, how: str) -> None:
    async with running(tmp_path / "data", **settings(tmp_path, health=how)) as gateway:
        for _ in range(2):
            since = time.monotonic()
            health = await gateway.get("/health")
            assert time.monotonic() - since < DEADLINE_S + AT_ONCE_S
            assert health["status"] == "degraded"
            assert health["checks"]["unruly"]["status"] == "failed"
            assert health["checks"]["store"]["status"] == "ok"


@pytest.mark.parametrize("how", ["hangs", "is stubborn", "raises"])
async def test_r17_a_listener_that_fails_is_named(tmp_path: Path, how: str) -> None:
    async with running(tmp_path / "data", **settings(tmp_path, listening=how)) as gateway:
        assert await gateway.webhook(text_webhook(("wamid.1", "15550000001", "hello"))) == 200
        await gateway.applied()
        async with asyncio.timeout(10):
            while (report := await plugin(gateway))["state"] != "failing":
                await asyncio.sleep(0.1)
        assert report["error"].startswith("on_events of the listener unruly ")
        assert len(await gateway.every("/api/v1/conversations")) == 1


AT_WEBHOOKS = {  # what its letter says: the status, and what is said of the plugin
    "verify raises": (503, "verify of the channel unruly raised Odd at patchbay_unruly.py:"),
    "verify says no": (503, "verify of the channel unruly gave False where None belongs."),
    "parse raises": (200, "parse of the channel unruly raised Odd at patchbay_unruly.py:"),
    "parse gives nothing": (200, "parse of the channel unruly gave None where a list or tuple belongs."),
    "parse is lazy": (200, "parse of the channel unruly gave a generator where a list or tuple belongs."),
    "parse gives junk": (200, "parse of the channel unruly gave a str where an Item or Malformed belongs."),
    "parse gives numbers": (200, "parse of the channel unruly gave an item that cannot be kept: Expected `str`, got"),
}


async def test_r17_a_channel_that_fails_at_a_webhook_is_named_and_costs_that_webhook(gateway: GatewayProcess) -> None:
    bodies = [("whatsapp", text_webhook((f"wamid.w{n}", "15550000001", "hello"))) for n in range(20)]
    bodies += [("unruly", letter(n, "hello")) for n in range(20)]
    assert {(await gateway.deliver(body, channel=channel)).status for channel, body in bodies} == {200}
    for number, (words, (status, told)) in enumerate(AT_WEBHOOKS.items(), 100):
        neighbours = [gateway.webhook(text_webhook((f"wamid.w{number}{n}", "15550000001", words))) for n in range(5)]
        bad, others = await asyncio.gather(
            gateway.deliver(letter(number, words), channel="unruly"), asyncio.gather(*neighbours)
        )
        assert (bad.status, others) == (status, [200] * 5)
        await gateway.applied()
        report = await plugin(gateway)
        assert report["error"].startswith(told), report["failures"]
        assert report["state"] == "failing"
        checks = (await gateway.get("/health/plugins"))["checks"]
        assert (checks["unruly"]["status"], checks["whatsapp"]["status"]) == ("failed", "ok")
    raws = await gateway.every("/api/v1/ingest/events")
    set_aside = [(raw["channel"], bool(raw["items"])) for raw in raws if raw["state"] == "quarantined"]
    assert set_aside == [("unruly", False)] * 3  # what ``parse`` gave could be read for none of these
    kept = gateway.kept()
    held = kept.external_ids()
    kept.close()
    applied = 20 + 20 + 5 * len(AT_WEBHOOKS) + 2  # an item that is junk costs its neighbour in the webhook nothing
    assert (len(held), set(held.values())) == (applied, {1})
    assert len(await gateway.every("/api/v1/conversations")) == 2
    assert (await plugin(gateway, "whatsapp"))["failures"] == []
    log = gateway.tail(1_000_000)
    assert "plugin.failed" in log
    assert "ingest.group_failed" not in log  # nobody was applied one by one for it


async def test_r17_a_channel_that_fails_at_a_message_is_named_and_costs_that_message(gateway: GatewayProcess) -> None:
    assert (await gateway.deliver(letter(1, "hello"), channel="unruly")).status == 200
    await gateway.applied()
    (conversation,) = await gateway.every("/api/v1/conversations")
    path = f"/api/v1/conversations/{conversation['id']}/messages"

    async def say(words: str) -> tuple[int, Any]:
        return await gateway.post(path, {"content": {"type": "text", "text": words}})

    for words, told in (
        ("check raises", "check of the channel unruly raised Odd"),
        ("closes_at raises", "closes_at of the channel unruly raised Odd"),
        ("split gives junk", "split of the channel unruly gave None where a list or tuple belongs."),
    ):
        status, problem = await say(words)
        assert (status, problem["code"]) == (500, "internal")
        assert (await plugin(gateway))["error"].startswith(told)
    status, answer = await say("send raises")
    assert status == 201
    async with asyncio.timeout(10):
        while (await gateway.get(f"/api/v1/messages/{answer['message']['id']}"))["delivery"]["state"] != "failed":
            await asyncio.sleep(0.05)
    assert (await plugin(gateway))["error"].startswith("send of the channel unruly raised Odd")
    assert (await say("hello"))[0] == 201


async def test_r17_webhooks_keep_their_pace_beside_a_plugin_that_hangs_everywhere(tmp_path: Path) -> None:
    tempo: dict[str, float] = {}
    for name, how in (("sound", {}), ("hanging", {"sign_in": "hangs", "listening": "hangs", "health": "hangs"})):
        async with running(tmp_path / name, **settings(tmp_path / name, **how)) as gateway:
            asking = [asyncio.create_task(gateway.get("/health")) for _ in range(3)]
            asking += [asyncio.create_task(with_key(gateway, unruly.ORDERLY_KEY)) for _ in range(3)]
            asking += [asyncio.create_task(gateway.ask("GET", "/api/v1/unruly/hangs")) for _ in range(3) if how]
            took = []
            for number in range(WEBHOOKS):
                since = time.monotonic()
                assert await gateway.webhook(text_webhook((f"wamid.{number}", "15550000001", "hello"))) == 200
                took.append(time.monotonic() - since)
            await asyncio.gather(*asking)
            await gateway.applied()
            kept = gateway.kept()
            assert len(kept.external_ids()) == WEBHOOKS
            kept.close()
        tempo[name] = sorted(took)[WEBHOOKS * 99 // 100]
    print(f"R17: p99 of {WEBHOOKS} webhooks: {tempo['sound'] * 1e3:.1f} ms, {tempo['hanging'] * 1e3:.1f} ms beside it")
    assert tempo["hanging"] <= max(2 * tempo["sound"], AT_MOST_S)


async def test_f29_accounts_that_cannot_be_read_cost_their_channel_and_not_the_start(tmp_path: Path) -> None:
    async with running(tmp_path / "data", **settings(tmp_path, own_accounts="raise later")) as gateway:
        assert await gateway.webhook(text_webhook(("wamid.1", "15550000001", "hello"))) == 200
        report = await plugin(gateway)
        told = {each["what"]: each["error"] for each in report["failures"]}
        assert set(told) == {"configured_accounts of the channel unruly", "gaps of the channel unruly"}
