"""E6: sessions as section 7 has them: no id from before, none after, nothing that comes back, and an end in time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
import pytest_asyncio

from patchbay.ports import Query
from patchbay_rbac.credentials import opaque
from patchbay_rbac.documents import SESSIONS, User
from tests.plugins.rbac.auth.house import BEN, COOKIE, OTHER_PASSWORD, PASSWORD, House, house

IDLE_S = 160 * 60
ABSOLUTE_S = 12 * 3600
INTERLEAVINGS = 1_000
FEW = 100


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ben(home: House) -> User:
    return await home.person(BEN, "agent")


async def signed_in_with(home: House, cookie: str) -> str:
    """The cookie that a browser gets which signs in with this one in hand."""
    body = {"email": BEN, "password": PASSWORD, "session": "cookie"}
    heard = await home.ask("POST", "/auth/login", body, cookie=cookie)
    assert heard.status == 200
    assert heard.cookie is not None
    return heard.cookie


async def status(home: House, cookie: str) -> int:
    return (await home.ask("GET", "/auth/me", cookie=cookie)).status


async def test_the_cookie_has_these_flags_and_no_others(home: House, ben: User) -> None:
    """Section 7, "Cookie": `__Host-...; Secure; HttpOnly; SameSite=Lax; Path=/`, and how long the browser keeps it."""
    given = await home.sign_in(BEN, session="cookie")
    taken = await home.ask("POST", "/auth/logout", cookie=given.cookie)
    for heard, age in ((given, ABSOLUTE_S), (taken, 0)):
        (line,) = heard.set_cookies
        name, *flags = line.split("; ")
        assert name.partition("=")[0] == COOKIE
        assert sorted(flags) == sorted(["HttpOnly", "Secure", "SameSite=Lax", "Path=/", f"Max-Age={age}"])
        assert not SimpleCookie(line)[COOKIE]["domain"]


async def test_an_id_holds_256_bits_and_is_stored_as_a_hash(home: House, ben: User) -> None:
    cookies = [(await home.sign_in(BEN, session="cookie")).cookie or "" for _ in range(3)]
    assert len(set(cookies)) == 3
    assert all(len(opaque.from_base64url(cookie)) == 32 for cookie in cookies)
    page = await home.gateway.store.find(Query(SESSIONS))
    assert {each.cookie_hash for each in page.items} == {opaque.digest("session", cookie) for cookie in cookies}
    assert not any(cookie in repr(page.items) for cookie in cookies)


async def test_an_id_set_before_sign_in_never_lives_on(home: House, ben: User) -> None:
    """Fixation: what an attacker put into the browser is not what the victim signs in to."""
    planted = opaque.new_token()
    fresh = await signed_in_with(home, planted)
    assert fresh != planted
    assert (await status(home, planted), await status(home, fresh)) == (401, 200)


async def test_the_attackers_own_session_does_not_become_the_victims(home: House, ben: User) -> None:
    await home.person("eve@example.org", "agent")
    theirs = (await home.sign_in("eve@example.org", session="cookie")).cookie or ""
    fresh = await signed_in_with(home, theirs)
    assert (await status(home, theirs), await status(home, fresh)) == (401, 200)
    assert (await home.ask("GET", "/auth/me", cookie=fresh)).body["email"] == BEN


async def test_signing_in_anew_ends_the_session_from_before(home: House, ben: User) -> None:
    """V7.2.4: the old id is dead, and so are the tokens that belonged to it."""
    before = await home.sign_in(BEN)
    fresh = await signed_in_with(home, before.cookie or "")
    assert (await status(home, before.cookie or ""), await status(home, fresh)) == (401, 200)
    assert (await home.ask("GET", "/auth/me", token=before.body["access_token"])).status == 401
    assert (await home.session_of(before.body["session_id"])).revoked_because == "signed in anew"


async def test_a_new_password_gives_a_new_id(home: House, ben: User) -> None:
    before = await home.sign_in(BEN, session="cookie")
    body = {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    after = await home.ask("POST", "/auth/password/change", body, cookie=before.cookie)
    assert (await status(home, before.cookie or ""), await status(home, after.cookie or "")) == (401, 200)
    await home.clock.advance(5)  # whatever was at hand is looked up again
    assert (await status(home, before.cookie or ""), await status(home, after.cookie or "")) == (401, 200)


async def test_after_signing_out_nothing_of_the_session_works(home: House, ben: User) -> None:
    session = await home.sign_in(BEN)
    assert (await home.ask("POST", "/auth/logout", token=session.body["access_token"])).status == 204
    assert await status(home, session.cookie or "") == 401
    assert (await home.ask("GET", "/auth/me", token=session.body["access_token"])).status == 401
    refresh = {"refresh_token": session.body["refresh_token"]}
    assert (await home.ask("POST", "/auth/refresh", refresh)).status == 401


async def test_a_session_that_idles_for_160_minutes_ends(home: House, ben: User) -> None:
    """The idle time is the deployments' own; section 7 has 30 minutes (a setting)."""
    cookie = (await home.sign_in(BEN, session="cookie")).cookie or ""
    for _ in range(3):
        await home.clock.advance(IDLE_S - 1)
        assert await status(home, cookie) == 200
        await home.settled()
    await home.clock.advance(IDLE_S)
    assert await status(home, cookie) == 401


async def test_a_session_in_use_ends_twelve_hours_after_it_began(home: House, ben: User) -> None:
    cookie = (await home.sign_in(BEN, session="cookie")).cookie or ""
    for _ in range(12 * 60 // 30 - 1):
        await home.clock.advance(30 * 60)
        assert await status(home, cookie) == 200
        await home.settled()
    await home.clock.advance(30 * 60 - 1)
    assert await status(home, cookie) == 200
    await home.clock.advance(1)
    assert await status(home, cookie) == 401


async def test_both_limits_are_settings(tmp_path: Path) -> None:
    limits = {"PATCHBAY_RBAC__SESSION_IDLE_MINUTES": "30", "PATCHBAY_RBAC__SESSION_ABSOLUTE_HOURS": "1"}
    async with house(tmp_path, **limits) as home:
        await home.person(BEN, "agent")
        idle = (await home.sign_in(BEN, session="cookie")).cookie or ""
        used = (await home.sign_in(BEN, session="cookie")).cookie or ""
        await home.clock.advance(29 * 60)
        assert await status(home, used) == 200
        await home.clock.advance(60)
        assert (await status(home, idle), await status(home, used)) == (401, 200)
        await home.clock.advance(29 * 60)
        assert await status(home, used) == 200
        await home.clock.advance(60)
        assert await status(home, used) == 401


async def interleave(home: House, user: User, dice: random.Random) -> set[int]:
    """One sign-out among requests of the same session, at a place that the dice choose; what the others were told."""
    session, cookie = await home.browser(user)
    await home.clock.advance(61)  # so that each request has a last sight to write

    async def after_some_turns(method: str, path: str) -> tuple[str, int]:
        for _ in range(dice.randrange(40)):
            await asyncio.sleep(0)
        return path, (await home.ask(method, path, cookie=cookie)).status

    asked = [("GET", "/auth/me")] * dice.randint(1, 5) + [("POST", "/auth/logout")]
    dice.shuffle(asked)
    answers = await asyncio.gather(*(after_some_turns(*each) for each in asked))
    assert {found for path, found in answers if path == "/auth/logout"} == {204}
    told = {found for path, found in answers if path == "/auth/me"}
    assert await status(home, cookie) == 401
    await home.settled()
    assert (await home.session_of(session.id)).revoked_because == "signed out"
    await home.clock.advance(2)  # and it is looked up again
    assert await status(home, cookie) == 401
    return told


@pytest.mark.parametrize("rounds", [FEW, pytest.param(INTERLEAVINGS, marks=pytest.mark.long)])
async def test_no_request_under_way_brings_a_session_back(home: House, ben: User, rounds: int) -> None:
    """1,000 sign-outs among requests in flight: after the answer to the sign-out nobody comes in."""
    dice = random.Random(6)
    told = [await interleave(home, ben, dice) for _ in range(rounds)]
    assert set().union(*told) == {200, 401}  # some came before the sign-out, some after, and nothing else happened
    assert any(len(each) == 2 for each in told)
