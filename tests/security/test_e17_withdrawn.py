"""E17: a right that is withdrawn acts within 1 s on HTTP and within 5 s on open sockets; whether somebody may is asked
in the same unit of work in which it is done."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.plugins.rbac.world import Client, World, people_world

INTERLEAVINGS = 1_000
WRITES = 4  # of each who loses the right meanwhile
HTTP_S, SOCKET_S = 1.0, 5.0
Withdraw = Callable[[World, Client, Client], Awaitable[Any]]


async def suspend(world: World, mara: Client, desk: Client) -> None:
    await mara.done("POST", f"/users/{desk.id}/suspend")


async def take_the_role(world: World, mara: Client, desk: Client) -> None:
    await mara.done("PATCH", f"/users/{desk.id}", {"role_ids": []})


async def narrow_the_role(world: World, mara: Client, desk: Client) -> None:
    (role,) = desk.user.role_ids
    await mara.done("PATCH", f"/roles/{role}", {"permissions": []})


WAYS: dict[str, tuple[Withdraw, str]] = {  # and the event that tells of it
    "suspended": (suspend, "user.suspended"),
    "role taken": (take_the_role, "user.updated"),
    "role narrowed": (narrow_the_role, "role.updated"),
}


class Reader:
    """Reads the log on, from where it was read to."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._read_to = "0"

    async def read(self, *types: str) -> list[dict[str, Any]]:
        page = await self._client.done("GET", "/events", after=self._read_to, limit="200", types=",".join(types))
        assert not page["page"]["has_more"]
        self._read_to = str(page["page"]["next"])
        found: list[dict[str, Any]] = page["data"]
        return found


async def one_round(world: World, mara: Client, log: Reader, way: str, after: int) -> tuple[int, int]:
    """Two at once write with one person's rights, which are withdrawn while the writing goes on. How many writes were
    done, and how many refused; none was done after the right was gone."""
    withdraw, told = WAYS[way]
    desk, target = await world.holder({"users.read": "all", "users.write": "all"}), await world.user()
    statuses: list[int] = []
    answered = asyncio.Queue[int]()

    async def write(who: str) -> None:
        for each in range(WRITES):
            reply = await desk.ask("PATCH", f"/users/{target.id}", {"name": f"{who} {each}"})
            statuses.append(reply.status)
            answered.put_nowait(reply.status)

    async def withdrawn() -> None:
        for _ in range(after):
            await answered.get()
        await withdraw(world, mara, desk)

    await asyncio.gather(write("one"), write("two"), withdrawn())
    assert set(statuses) <= {200, 401, 403}
    subject = desk.user.role_ids[0] if told == "role.updated" else desk.id
    told_of = await log.read("user.suspended", "user.updated", "role.updated")
    (gone,) = [each["position"] for each in told_of if (each["type"], each["subject"]["id"]) == (told, subject)]
    theirs = [each["position"] for each in told_of if each["actor"]["id"] == desk.id]
    assert len(theirs) == statuses.count(200)
    assert all(position < gone for position in theirs), (way, after, theirs, gone)
    return statuses.count(200), len(statuses) - statuses.count(200)


async def interleaved(world: World, count: int, seed: int) -> tuple[int, int]:
    """So many rounds, each of which begins differently; how many writes were done and refused in all."""
    chance = random.Random(seed)
    mara = await world.member("super_admin")
    log = Reader(mara)
    rounds = [
        await one_round(world, mara, log, chance.choice(sorted(WAYS)), chance.randrange(2 * WRITES))
        for _ in range(count)
    ]
    return sum(done for done, _ in rounds), sum(refused for _, refused in rounds)


async def test_nobody_writes_after_the_right_to_is_gone(tmp_path: Path) -> None:
    async with people_world(tmp_path) as world:
        done, refused = await interleaved(world, 60, seed=17)
    assert done
    assert refused


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_nobody_writes_after_the_right_to_is_gone_in_a_thousand_interleavings(tmp_path: Path) -> None:
    async with people_world(tmp_path) as world:
        done, refused = await interleaved(world, INTERLEAVINGS, seed=1717)
    assert min(done, refused) > INTERLEAVINGS


@pytest.mark.parametrize("way", WAYS)
async def test_the_next_request_is_refused(tmp_path: Path, way: str) -> None:
    async with people_world(tmp_path) as world:
        mara, desk = await world.member("super_admin"), await world.holder({"tags.write": "all", "tags.read": "all"})
        assert (await desk.ask("POST", "/tags", {"name": "before"})).status == 201
        began = time.monotonic()
        await WAYS[way][0](world, mara, desk)
        reply = await desk.ask("POST", "/tags", {"name": "after"})
        assert reply.status == (401 if way == "suspended" else 403)
        assert time.monotonic() - began < HTTP_S
        assert [tag["name"] for tag in (await mara.done("GET", "/tags"))["data"]] == ["before"]


@pytest.mark.parametrize("way", WAYS)
async def test_an_open_socket_ends_within_five_seconds(tmp_path: Path, way: str) -> None:
    async with people_world(tmp_path) as world:
        mara, desk = await world.member("super_admin"), await world.holder({"events.read": "all", "users.read": "all"})
        headers = {"Authorization": f"Bearer {desk.token}"}
        async with world.session.ws_connect(f"{world.url}/api/v1/ws", headers=headers) as socket:
            await socket.send_json({"op": "hello", "topics": ["inbox"]})
            assert (await socket.receive_json(timeout=SOCKET_S))["op"] == "welcome"
            seen = await world.user()
            await mara.done("PATCH", f"/users/{seen.id}", {"name": "Seen"})
            assert (await socket.receive_json(timeout=SOCKET_S))["data"]["name"] == "Seen"
            await WAYS[way][0](world, mara, desk)
            began = time.monotonic()
            await mara.done("PATCH", f"/users/{seen.id}", {"name": "Hidden"})
            heard = [message async for message in _until_closed(socket)]
            assert time.monotonic() - began < SOCKET_S
            assert not [each for each in heard if "Hidden" in each]


async def _until_closed(socket: aiohttp.ClientWebSocketResponse) -> Any:
    async with asyncio.timeout(SOCKET_S * 2):
        async for message in socket:
            yield str(message.data)
