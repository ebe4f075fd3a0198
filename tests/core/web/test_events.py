"""``GET /api/v1/events``, over real connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession

from patchbay.model.event import Audience
from patchbay.model.message import Actor
from patchbay.settings import SocketSettings
from patchbay.testing.watched_server import WatchedServer
from patchbay.web import events


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[WatchedServer]:
    async with WatchedServer(**changes).serving() as server:
        yield server
    assert server.failures == []


async def pull(server: WatchedServer, query: str = "", *, who: str = "mara") -> tuple[int, dict[str, Any]]:
    async with ClientSession() as session:
        url, headers = f"http://{server.host}/api/v1/events{query}", {"Authorization": f"Bearer {who}"}
        async with session.get(url, headers=headers) as response:
            return response.status, await response.json(content_type=None)


def positions(answer: dict[str, Any]) -> list[int]:
    return [event["position"] for event in answer["data"]]


async def test_an_event_has_its_place_its_subject_and_who_did_it() -> None:
    async with serving() as server:
        server.commit(
            data={"id": "msg_1", "n": 1.5}, actor=Actor(type="agent", id="usr_1"), subject=("message", "msg_1")
        )
        assert await pull(server) == (
            200,
            {
                "data": [
                    {
                        "position": 1,
                        "type": "message.received",
                        "occurred_at": "2026-11-22T09:33:00.000Z",
                        "subject": {"type": "message", "id": "msg_1"},
                        "actor": {"type": "agent", "id": "usr_1", "name": None},
                        "data": {"id": "msg_1", "n": 1.5},
                    }
                ],
                "epoch": "epoch-1",
                "page": {"next": 1, "has_more": False},
            },
        )


async def test_page_by_page_gives_everything_once() -> None:
    async with serving() as server:
        server.commit(470)
        found: list[int] = []
        after, more = 0, True
        while more:
            status, answer = await pull(server, f"?after={after}&limit=200")
            assert status == 200
            found += positions(answer)
            after, more = answer["page"]["next"], answer["page"]["has_more"]
        assert found == list(range(1, 471))
        assert after == 470


async def test_whoever_committed_sees_it_at_once() -> None:
    async with serving() as server:
        for n in range(1, 20):
            server.commit(ring=False)
            assert positions((await pull(server, f"?after={n - 1}"))[1]) == [n]


async def test_without_a_position_it_begins_with_the_oldest_that_is_kept() -> None:
    async with serving() as server:
        server.commit(20)
        server.log.prune(15)
        status, answer = await pull(server)
        assert (status, positions(answer)) == (200, [16, 17, 18, 19, 20])


async def test_rights_and_types_choose_and_the_position_moves_past_the_rest() -> None:
    async with serving(sees=lambda who, event: event.audience.department_id != who.id) as server:
        for kind, owner in [
            ("message.sent", None),
            ("message.read", None),
            ("message.sent", "usr_mara"),
            ("x.y", None),
        ]:
            server.commit(type=kind, audience=Audience(department_id=owner))
        _, answer = await pull(server, "?types=message.sent")
        assert (positions(answer), answer["page"]) == ([1], {"next": 4, "has_more": False})
        _, answer = await pull(server, "?limit=2")
        assert (positions(answer), answer["page"]) == ([1, 2], {"next": 2, "has_more": True})
        assert positions((await pull(server, "?after=2", who="tom"))[1]) == [3, 4]


async def test_who_may_see_little_goes_through_the_log_in_bounded_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_SCANNED", 150)
    async with serving(sees=lambda who, event: event.position == 500) as server:
        server.commit(500)
        answers, after, more = [], 0, True
        while more:
            _, answer = await pull(server, f"?after={after}")
            answers.append(positions(answer))
            after, more = answer["page"]["next"], answer["page"]["has_more"]
        assert answers[-1] == [500]
        assert 3 <= len(answers) <= 5
        assert not any(answers[:-1])


@pytest.mark.parametrize(("after", "reason"), [(5, "expired"), (21, "ahead")])
async def test_a_position_that_is_not_held_is_gone(after: int, reason: str) -> None:
    async with serving() as server:
        for _ in range(20):
            server.log.append()
        server.log.prune(10)
        await server.hub.tail.open()
        status, problem = await pull(server, f"?after={after}")
        assert (status, problem["code"], problem["reason"]) == (410, "resync", reason)
        assert (problem["epoch"], problem["head"]) == ("epoch-1", 20)
        status, answer = await pull(server, "?after=10")
        assert (status, positions(answer)) == (200, list(range(11, 21)))


async def test_it_waits_for_something_to_tell() -> None:
    async with serving(sees=lambda who, event: event.type != "secret") as server:
        waiting = asyncio.ensure_future(pull(server, "?after=0&wait=20"))
        while server.hub.sizes()["waiting"] == 0:
            await asyncio.sleep(0.01)
        server.commit(type="secret")
        while server.hub.tail.position == 0 or server.hub.sizes()["waiting"] == 0:
            assert not waiting.done()
            await asyncio.sleep(0.01)
        server.commit()
        status, answer = await asyncio.wait_for(waiting, 5)
        assert (status, positions(answer), answer["page"]["next"]) == (200, [2], 2)
        assert server.hub.sizes()["principals"] == 0


async def test_the_wait_ends_empty_handed() -> None:
    async with serving() as server:
        server.commit(3)
        status, answer = await pull(server, "?after=3&wait=1")
        assert (status, answer["data"], answer["page"]) == (200, [], {"next": 3, "has_more": False})


async def test_rights_withdrawn_while_it_waits_show_nothing() -> None:
    async with serving() as server:
        waiting = asyncio.ensure_future(pull(server, "?wait=20"))
        while server.hub.sizes()["waiting"] == 0:
            await asyncio.sleep(0.01)
        server.withdrawn.add("usr_mara")
        server.commit()
        status, problem = await asyncio.wait_for(waiting, 5)
        assert (status, problem["code"]) == (401, "unauthenticated")


async def test_those_who_wait_count_as_connections() -> None:
    async with serving(socket=SocketSettings(per_principal=1)) as server:
        waiting = asyncio.ensure_future(pull(server, "?wait=20"))
        while server.hub.sizes()["waiting"] == 0:
            await asyncio.sleep(0.01)
        assert (await pull(server, "?wait=20"))[0] == 429
        assert (await pull(server))[0] == 200
        server.commit()
        await waiting


async def test_closing_the_hub_answers_those_who_wait() -> None:
    async with serving() as server:
        waiting = asyncio.ensure_future(pull(server, "?wait=30"))
        while server.hub.sizes()["waiting"] == 0:
            await asyncio.sleep(0.01)
        await server.hub.close()
        status, answer = await asyncio.wait_for(waiting, 5)
        assert (status, answer["data"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?after=-1", "?after"),
        ("?after=1.5", "?after"),
        ("?after=9999999999999999999", "?after"),
        ("?after=%D9%A1", "?after"),
        ("?limit=0", "?limit"),
        ("?limit=201", "?limit"),
        ("?limit=many", "?limit"),
        ("?wait=31", "?wait"),
        ("?cursor=abc", "?cursor"),
        ("?types=" + ",".join(f"t{n}" for n in range(101)), "?types"),
    ],
)
async def test_what_cannot_be_read_is_named(query: str, pointer: str) -> None:
    async with serving() as server:
        status, problem = await pull(server, query)
        assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "invalid", pointer)
