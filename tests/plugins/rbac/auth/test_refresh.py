"""Going on with a session: a refresh token works once, but for a request whose answer was lost."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from tests.plugins.rbac.auth.house import BEN, Heard, House


@pytest_asyncio.fixture
async def first(home: House) -> str:
    await home.person(BEN, "agent")
    return str((await home.sign_in(BEN, session="token")).body["refresh_token"])


async def refresh(home: House, token: str, key: str | None = None) -> Heard:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await home.ask("POST", "/auth/refresh", {"refresh_token": token}, headers=headers)


async def test_a_lost_answer_is_given_again_to_the_same_request(home: House, first: str) -> None:
    lost = await refresh(home, first, "retry-1")
    await home.clock.advance(30)
    again = await refresh(home, first, "retry-1")
    assert lost.status == again.status == 200
    assert lost.body["refresh_token"] == again.body["refresh_token"] != first
    assert (await refresh(home, again.body["refresh_token"])).status == 200


@pytest.mark.parametrize("keys", [(None, None), ("one", None), (None, "one"), ("one", "another")])
async def test_a_token_that_comes_back_otherwise_ends_the_family_at_once(
    home: House, first: str, keys: tuple[str | None, str | None]
) -> None:
    begun, stolen = keys
    owner = await refresh(home, first, begun)
    assert owner.status == 200
    assert (await refresh(home, first, stolen)).status == 401
    assert (await refresh(home, owner.body["refresh_token"])).status == 401
    assert (await home.ask("GET", "/auth/me", token=owner.body["access_token"])).status == 401
    session = await home.session_of(owner.body["session_id"])
    assert session.revoked_because == "a spent refresh token came back"


async def test_the_grace_ends_after_thirty_seconds(home: House, first: str) -> None:
    await refresh(home, first, "retry-1")
    await home.clock.advance(31)
    assert (await refresh(home, first, "retry-1")).status == 401


async def test_the_grace_ends_with_the_next_rotation(home: House, first: str) -> None:
    second = (await refresh(home, first, "retry-1")).body["refresh_token"]
    assert (await refresh(home, second, "retry-2")).status == 200
    assert (await refresh(home, first, "retry-1")).status == 401


async def test_the_same_request_many_times_at_once_makes_one_token(home: House, first: str) -> None:
    answers = await asyncio.gather(*(refresh(home, first, "retry-1") for _ in range(20)))
    assert {each.status for each in answers} == {200}
    assert len({each.body["refresh_token"] for each in answers}) == 1


async def test_different_requests_at_once_end_the_family(home: House, first: str) -> None:
    answers = await asyncio.gather(*(refresh(home, first) for _ in range(20)))
    assert sorted(each.status for each in answers) == [200] + [401] * 19
    (winner,) = [each for each in answers if each.status == 200]
    assert (await refresh(home, winner.body["refresh_token"])).status == 401


async def test_a_key_that_is_none_is_named(home: House, first: str) -> None:
    heard = await refresh(home, first, "k" * 256)
    assert heard.status == 422
    assert heard.body["errors"][0]["pointer"] == "#Idempotency-Key"
    assert (await refresh(home, first)).status == 200


async def test_what_was_kept_of_a_key_is_not_the_key(home: House, first: str) -> None:
    heard = await refresh(home, first, "retry-secret")
    session = await home.session_of(heard.body["session_id"])
    assert session.refresh_retry is not None
    assert "retry" not in session.refresh_retry
