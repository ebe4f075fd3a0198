"""E12, E30: a file is not fetched from where its provider, or who speaks for it, would have us look inside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from patchbay.collections import MEDIA
from patchbay.ports import Query
from tests.faults.process import envelope, signature
from tests.security.edge_world import Edge, edge
from tests.security.test_e12_ssrf import Inside
from tests.security.test_e30_hostile_graph import graph, said

PAGE = "111000000000001"


async def post(world: Edge, channel: str, body: bytes) -> None:
    headers = {"X-Hub-Signature-256": signature(body)}
    assert (await world.ask("POST", f"/webhooks/{channel}", data=body, headers=headers, token=None)).status == 200


@pytest.mark.parametrize(
    "form", ["https://127.0.0.1:{}/x", "https://[::1]:{}/x", "http://127.0.0.1:{}/x", "https://localhost:{}/x"]
)
async def test_an_attachment_inside_is_not_fetched(tmp_path: Path, form: str) -> None:
    async with (
        Inside() as inside,
        edge(
            tmp_path,
            PATCHBAY_OUTGOING__PORTS=f"443,{inside.port}",
            PATCHBAY_MESSENGER__PAGE_ID=PAGE,
            PATCHBAY_MESSENGER__ACCESS_TOKEN="a-token",
        ) as world,
    ):
        url = form.format(inside.port)
        attachment = {"type": "image", "payload": {"url": url}}
        now = int(world.gateway.clock.now().timestamp() * 1000)
        message = {
            "sender": {"id": "500"},
            "recipient": {"id": PAGE},
            "timestamp": now,
            "message": {"mid": "m_1", "attachments": [attachment]},
        }
        entry = {"id": PAGE, "time": now, "messaging": [message]}
        await post(world, "messenger", json.dumps({"object": "page", "entry": [entry]}).encode())
        await tried(world)
        assert inside.came == 0


async def tried(world: Edge) -> None:
    """Wait until the fetcher has looked at the media once."""
    async with asyncio.timeout(20):
        while True:
            media = await world.gateway.inbox.find_all(Query(MEDIA, limit=10))
            if media and media[0].attempts:
                return
            await asyncio.sleep(0.02)


async def test_an_address_that_the_graph_names_is_not_fetched_inside(tmp_path: Path) -> None:
    async with Inside() as inside, graph() as (provider, url):
        target = {"url": f"https://127.0.0.1:{inside.port}/x", "mime_type": "image/png", "id": "900", "file_size": 1}
        provider.answer = said(json.dumps(target).encode())
        async with edge(
            tmp_path, PATCHBAY_WHATSAPP__GRAPH_URL=url, PATCHBAY_OUTGOING__PORTS=f"443,{inside.port}"
        ) as world:
            now = str(int(world.gateway.clock.now().timestamp()))
            value = {
                "messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "15550009999", "phone_number_id": "401000000000001"},
                "contacts": [{"profile": {"name": "P"}, "wa_id": "15550000031"}],
                "messages": [
                    {
                        "from": "15550000031",
                        "id": "wamid.E12",
                        "timestamp": now,
                        "type": "image",
                        "image": {"id": "900", "mime_type": "image/png", "sha256": "x"},
                    }
                ],
            }
            await post(world, "whatsapp", envelope({"field": "messages", "value": value}))
            await tried(world)
            assert inside.came == 0
