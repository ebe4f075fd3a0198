"""A repeated creation answers what the first one did, and does nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from patchbay.collections import IDEMPOTENCY
from patchbay.ports import Query
from patchbay.web import build_app, channels, keys
from patchbay.web.idempotency import IdempotencyKeys

PATH = "/api/v1/channels"


async def test_the_same_key_and_body_get_the_first_answer(client: Any, gateway: Any, new_channel: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await client.post(PATH, json=new_channel, headers=headers)
    again = await client.post(PATH, json=dict(reversed(new_channel.items())), headers=headers)
    assert (first.status, again.status) == (201, 201)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await again.read() == await first.read()
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert len(await gateway.store.read(0, 10)) == 1


async def test_another_body_under_the_same_key_is_a_mismatch(client: Any, new_channel: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await client.post(PATH, json=new_channel, headers=headers)
    other = await client.post(PATH, json={**new_channel, "name": "Other"}, headers=headers)
    assert (other.status, (await other.json())["code"]) == (422, "idempotency_mismatch")


async def test_a_key_belongs_to_its_principal(client: Any, gateway: Any, new_channel: Any) -> None:
    await client.post(PATH, json=new_channel, headers={"Idempotency-Key": "k-1"})
    client.session.headers.pop("Authorization")
    client.session.cookie_jar.update_cookies({"session": "alive"}, client.make_url("/"))
    ours = {"Origin": f"http://{client.host}:{client.port}", "X-Requested-With": "x"}
    answer = await client.post(PATH, json=new_channel, headers={**ours, "Idempotency-Key": "k-1"})
    assert (answer.status, (await answer.json())["code"]) == (409, "already_exists")


async def test_an_error_is_not_kept(client: Any, gateway: Any, new_channel: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert (await client.post(PATH, json={**new_channel, "channel": "smoke"}, headers=headers)).status == 422
    assert (await client.post(PATH, json=new_channel, headers=headers)).status == 201
    conflict = {**new_channel, "name": "Again"}
    assert (await client.post(PATH, json=conflict, headers={"Idempotency-Key": "k-2"})).status == 409
    assert await gateway.store.count(Query(IDEMPOTENCY)) == 1


async def test_keys_are_visible_ascii(client: Any, new_channel: Any) -> None:
    for key in ("", "a b", "x" * 256, "schlüssel"):
        answer = await client.post(PATH, json=new_channel, headers={"Idempotency-Key": key})
        assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "#Idempotency-Key")
    assert (await client.post(PATH, json=new_channel, headers={"Idempotency-Key": "x" * 255})).status == 201


async def test_a_record_is_forgotten_when_its_time_is_over(client: Any, gateway: Any, new_channel: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await client.post(PATH, json=new_channel, headers=headers)
    gateway.clock.advance(hours=47)
    assert (await client.post(PATH, json=new_channel, headers=headers)).status == 201
    gateway.clock.advance(hours=2)
    other = {**new_channel, "external_id": "loft-2"}
    answer = await client.post(PATH, json=other, headers=headers)
    assert (answer.status, "Idempotency-Replayed" in answer.headers) == (201, False)
    again = await client.post(PATH, json=other, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_many_at_once_make_one_effect_and_one_answer(client: Any, gateway: Any, new_channel: Any) -> None:
    headers = {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(client.post(PATH, json=new_channel, headers=headers) for _ in range(20)))
    assert {answer.status for answer in answers} == {201}
    assert len({await answer.read() for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert len(await gateway.store.read(0, 100)) == 1


async def test_two_processes_make_one_effect(gateway: Any, aiohttp_client: Any, new_channel: Any) -> None:
    """Two applications share the store but not the keys at work, as two gateways would."""
    clients = [await aiohttp_client(build_app(gateway, [channels])) for _ in range(2)]
    headers = {"Idempotency-Key": "k-1", "X-API-Key": "an-admin-token-for-tests-9f3b"}
    answers = await asyncio.gather(*(client.post(PATH, json=new_channel, headers=headers) for client in clients))
    assert [answer.status for answer in answers] == [201, 201]
    assert len({await answer.read() for answer in answers}) == 1
    assert len(await gateway.store.read(0, 100)) == 1


async def test_a_request_that_still_runs_is_waited_for_and_then_named(
    gateway: Any, aiohttp_client: Any, new_channel: Any
) -> None:
    app = build_app(gateway, [channels])
    app[keys.IDEMPOTENCY] = IdempotencyKeys(wait_s=0.1)
    client = await aiohttp_client(app)
    headers = {"Idempotency-Key": "k-1", "X-API-Key": "an-admin-token-for-tests-9f3b"}
    commit, reached, may_go_on = gateway.store.commit, asyncio.Event(), asyncio.Event()

    async def held(batch: Any) -> Any:
        reached.set()
        await may_go_on.wait()
        return await commit(batch)

    gateway.store.commit = held
    first = asyncio.ensure_future(client.post(PATH, json=new_channel, headers=headers))
    await reached.wait()
    second = await client.post(PATH, json=new_channel, headers=headers)
    assert (second.status, (await second.json())["code"]) == (409, "idempotency_in_progress")
    assert second.headers["Retry-After"] == "1"
    may_go_on.set()
    assert (await first).status == 201
    assert len(app[keys.IDEMPOTENCY]) == 0
    assert (await client.post(PATH, json=new_channel, headers=headers)).headers["Idempotency-Replayed"] == "true"
