"""E8: a socket's ticket is shown in its first message, opens one socket within a minute, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import WSMsgType, WSServerHandshakeError

from patchbay.hub.codes import CloseCode
from patchbay_rbac.credentials.tickets import TICKET_LIFETIME_S
from tests.plugins.rbac.auth.house import ADMIN_TOKEN, BEN, MARA, PUBLIC_URL, House, house

WELCOME = "welcome"
OWN = {"Origin": PUBLIC_URL}


@pytest_asyncio.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as opened:
        await opened.person(BEN, "agent")
        yield opened


async def ticket(home: House, token: str | None = None, **more: Any) -> str:
    heard = await home.ask("POST", "/auth/ws-ticket", token=token, **more)
    assert heard.status == 200
    assert heard.body["expires_in"] == TICKET_LIFETIME_S == 60
    return str(heard.body["ticket"])


async def opened(home: House, token: str, headers: dict[str, str] | None = None, path: str = "/ws") -> str | int:
    """``welcome``, or the code that the socket was closed with."""
    url = f"{home.server.url}/api/v1{path}"
    async with home.session.ws_connect(url, headers={**OWN, **(headers or {})}) as socket:
        await socket.send_json({"op": "hello", "token": token})
        while True:
            message = await socket.receive(timeout=10)
            if message.type is not WSMsgType.TEXT and message.type is not WSMsgType.BINARY:
                return int(socket.close_code or 0)
            if json.loads(message.data)["op"] == WELCOME:
                return WELCOME


async def test_a_ticket_opens_one_socket(home: House) -> None:
    """Replay: of many who show one ticket at once, one is let in."""
    token = await home.bearer(BEN)
    shown = await ticket(home, token)
    answers = await asyncio.gather(*(opened(home, shown) for _ in range(20)))
    assert sorted(map(str, answers)) == sorted([WELCOME] + [str(int(CloseCode.UNAUTHENTICATED))] * 19)


async def test_the_socket_is_of_whoever_asked_for_the_ticket(home: House) -> None:
    token = await home.bearer(BEN)
    url = f"{home.server.url}/api/v1/ws"
    async with home.session.ws_connect(url, headers=OWN) as socket:
        await socket.send_json({"op": "hello", "token": await ticket(home, token)})
        assert (await socket.receive_json(timeout=10))["op"] == WELCOME
        (principal,) = {each.principal.id for each in home.gateway.hub._connections}
    assert principal == (await home.ask("GET", "/auth/me", token=token)).body["id"]


async def test_a_ticket_is_good_for_a_minute(home: House) -> None:
    token = await home.bearer(BEN)
    early, late = await ticket(home, token), await ticket(home, token)
    await home.clock.advance(59.9)
    assert await opened(home, early) == WELCOME
    await home.clock.advance(0.2)
    assert await opened(home, late) == CloseCode.UNAUTHENTICATED


@pytest.mark.parametrize("path", ["/auth/me", "/conversations", "/events", "/ws"])
async def test_a_ticket_is_good_for_nothing_but_a_socket(home: House, path: str) -> None:
    shown = await ticket(home, await home.bearer(BEN))
    for headers in ({"Authorization": f"Bearer {shown}"}, {"X-API-Key": shown}, {"Cookie": f"__Host-patchbay={shown}"}):
        assert (await home.ask("GET", path, headers=headers)).status in (401, 422)
    assert await opened(home, shown) == WELCOME  # and looking did not spend it


async def test_a_ticket_in_the_address_is_refused(home: House) -> None:
    """V14.2.1: addresses end up in logs and histories."""
    shown = await ticket(home, await home.bearer(BEN))
    for name in ("ticket", "token", "access_token"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await opened(home, shown, path=f"/ws?{name}={shown}")
        assert refused.value.status == 422


async def test_a_foreign_page_opens_no_socket(home: House) -> None:
    """Hijacking: a page of another origin has the victim's cookie sent along, and is turned away before the upgrade."""
    browser = await home.sign_in(BEN, session="cookie")
    headers = {"Cookie": f"__Host-patchbay={browser.cookie}"}
    for origin in ("https://evil.example.org", "null", "http://inbox.example.org", f"{PUBLIC_URL}.evil.example"):
        with pytest.raises(WSServerHandshakeError) as refused:
            await opened(home, "", headers={**headers, "Origin": origin})
        assert refused.value.status == 403


async def test_a_foreign_page_gets_no_ticket(home: House) -> None:
    browser = await home.sign_in(BEN, session="cookie")
    refused = await home.ask(
        "POST", "/auth/ws-ticket", cookie=browser.cookie, headers={"Origin": "https://evil.example.org"}
    )
    assert refused.status == 403
    assert (await home.ask("POST", "/auth/ws-ticket")).status == 401
    assert await opened(home, await ticket(home, cookie=browser.cookie)) == WELCOME


async def test_a_ticket_dies_with_its_session(home: House) -> None:
    token = await home.bearer(BEN)
    shown = await ticket(home, token)
    await home.ask("POST", "/auth/logout", token=token)
    assert await opened(home, shown) == CloseCode.UNAUTHENTICATED


async def test_a_ticket_dies_with_its_owners_rights(home: House) -> None:
    ada = await home.person("ada@example.org", "agent")
    token = await home.bearer("ada@example.org")
    for change in ({"role_ids": ()}, {"status": "suspended", "role_ids": ("agent",)}):
        await home.change(ada, status="active", role_ids=("agent",))
        shown = await ticket(home, token)
        await home.change(ada, **change)
        assert await opened(home, shown) == CloseCode.UNAUTHENTICATED, change


async def test_keys_and_the_administrators_token_get_tickets_while_they_stand(home: House) -> None:
    early, late = await ticket(home, ADMIN_TOKEN), await ticket(home, ADMIN_TOKEN)
    assert await opened(home, early) == WELCOME
    await home.person(MARA, "super_admin")
    assert await opened(home, late) == CloseCode.UNAUTHENTICATED  # the token means nothing any more
    mara = await home.bearer(MARA)
    made = await home.ask("POST", "/api-keys", {"name": "socket", "permissions": ["events.read"]}, token=mara)
    first, second = [await ticket(home, headers={"X-API-Key": made.body["key"]}) for _ in range(2)]
    assert await opened(home, first) == WELCOME
    await home.ask("DELETE", f"/api-keys/{made.body['id']}", token=mara)
    assert await opened(home, second) == CloseCode.UNAUTHENTICATED


async def test_who_may_not_follow_events_gets_no_ticket(home: House) -> None:
    await home.person("none@example.org")
    refused = await home.ask("POST", "/auth/ws-ticket", token=await home.bearer("none@example.org"))
    assert (refused.status, refused.code) == (403, "forbidden")
