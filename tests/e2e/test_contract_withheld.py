"""A message that Instagram announces without its content: asked for at the provider, and shown."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.e2e.fake_graph import ACCESS_TOKEN, FakeGraph
from tests.e2e.outside import API
from tests.faults.process import SECRET, GatewayProcess, running

OURS, MARA = "17841400099887766", "3255001122334455"
NO_ACCESS = {"code": 10, "message": "(#10) Application does not have permission for this action"}


def announcement(mid: str, *, named: bool) -> bytes:
    sides = {"sender": {"id": MARA}, "recipient": {"id": OURS}} if named else {}
    event = {**sides, "timestamp": 1_795_168_000_000, "message_edit": {"mid": mid, "num_edit": 0}}
    return json.dumps(
        {"object": "instagram", "entry": [{"id": OURS, "time": 1_795_168_000, "messaging": [event]}]}
    ).encode()


def node(text: str) -> dict[str, Any]:
    return {
        "created_time": "2026-11-20T09:46:40+0000",
        "from": {"id": MARA, "username": "mara.voss"},
        "to": {"data": [{"id": OURS}]},
        "message": text,
    }


async def shown(gateway: GatewayProcess, *texts: str) -> list[dict[str, Any]]:
    """The messages of the one conversation, once they say this."""
    async with asyncio.timeout(15):
        while True:
            for conversation in await gateway.every(f"{API}/conversations"):
                messages = await gateway.every(f"{API}/conversations/{conversation['id']}/messages")
                if sorted(message["text_content"] for message in messages) == sorted(texts):
                    return messages
            await asyncio.sleep(0.02)


async def test_it_is_asked_for_and_shown(tmp_path: Path) -> None:
    async with FakeGraph() as graph:
        graph.nodes = {"named": node("Hello"), "nameless": node("Anybody?")}
        settings = {"PATCHBAY_INSTAGRAM__APP_SECRET": SECRET, "PATCHBAY_INSTAGRAM__GRAPH_URL": graph.url}
        async with running(tmp_path / "data", PATCHBAY_PLUGINS="whatsapp,instagram", **settings) as gateway:
            account = {"channel": "instagram", "name": "Shop", "external_id": OURS}
            await gateway.post(f"{API}/channels", {**account, "credentials": {"access_token": ACCESS_TOKEN}})
            for mid, named in (("named", True), ("nameless", False)):
                assert (await gateway.deliver(announcement(mid, named=named), channel="instagram")).status == 200
            messages = await shown(gateway, "Hello", "Anybody?")
            assert {message["content"]["type"] for message in messages} == {"text"}
            assert {message["direction"] for message in messages} == {"inbound"}


async def test_where_it_is_refused_there_is_a_place_and_a_notice(tmp_path: Path) -> None:
    async with FakeGraph() as graph:
        graph.refused = {"secret": NO_ACCESS}
        settings = {"PATCHBAY_INSTAGRAM__APP_SECRET": SECRET, "PATCHBAY_INSTAGRAM__GRAPH_URL": graph.url}
        async with running(tmp_path / "data", PATCHBAY_PLUGINS="whatsapp,instagram", **settings) as gateway:
            account = {"channel": "instagram", "name": "Shop", "external_id": OURS}
            await gateway.post(f"{API}/channels", {**account, "credentials": {"access_token": ACCESS_TOKEN}})
            assert (await gateway.deliver(announcement("secret", named=True), channel="instagram")).status == 200
            async with asyncio.timeout(15):
                while True:
                    page = await gateway.get(f"{API}/events", after="0", types="channel.notice", wait="10")
                    told = [event["data"] for event in page["data"] if event["data"]["notice"] == "messages_withheld"]
                    if told:
                        break
            assert "Advanced Access" in told[0]["text"]
            (conversation,) = await gateway.every(f"{API}/conversations")
            (message,) = await gateway.every(f"{API}/conversations/{conversation['id']}/messages")
            assert (message["content"]["type"], message["context"]) == ("unsupported", {"withheld": True})
