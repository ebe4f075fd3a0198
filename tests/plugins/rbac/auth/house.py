"""A gateway with people in it, behind a real socket: who asks does it by HTTP. Time is the test's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from heapq import heappop
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import aiohttp
from pyotp import TOTP

from patchbay.gateway import Gateway
from patchbay.inbox.unit import UnitOfWork
from patchbay.plugins import load_plugins
from patchbay.server import Server
from patchbay.testing.clock import FakeClock
from patchbay_rbac.credentials import opaque
from patchbay_rbac.documents import LOGIN, SESSIONS, USERS, Session, User, login_of
from patchbay_rbac.rbac import Rbac

API = "/api/v1"
COOKIE = "__Host-patchbay"
ADMIN_TOKEN = "rbac-suite-admin-token-5b1d"
PASSWORD = "tulip quarry sandal 71"
OTHER_PASSWORD = "lantern meadow fjord 88"
PUBLIC_URL = "https://inbox.example.org"
MARA, BEN = "mara@example.org", "ben@example.org"
CHEAP = {
    "PATCHBAY_RBAC__PASSWORD_MEMORY_KIB": "19456",
    "PATCHBAY_RBAC__PASSWORD_PASSES": "2",
    "PATCHBAY_RBAC__PASSWORD_LANES": "1",
}


class LeapingClock(FakeClock):
    """A clock that goes straight to a moment: who slept until then wakes once, however often it would have."""

    async def advance(self, seconds: float) -> None:
        self._pass_to(self._monotonic + seconds)
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, sleeper = heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)
        for _ in range(5):
            await asyncio.sleep(0)


@dataclass(frozen=True)
class Posted:
    """A letter that was sent."""

    recipient: str
    subject: str
    text: str

    @property
    def token(self) -> str:
        """The token, from a link or alone on its line."""
        line = self.text.splitlines()[2]
        return line.partition("#token=")[2] or line


class Postbox:
    """A notifier that keeps what it is given, or takes nothing while it is ``shut``."""

    name = "postbox"

    def __init__(self) -> None:
        self.letters: list[Posted] = []
        self.shut = False

    async def notify(self, recipient: str, subject: str, text: str) -> None:
        if self.shut:
            raise ConnectionError("nobody collects the post")
        self.letters.append(Posted(recipient, subject, text))


@dataclass(frozen=True)
class Heard:
    """One answer. ``cookie`` is the value that the session's cookie was set to, "" where it was taken away."""

    status: int
    headers: Mapping[str, str]
    body: Any
    cookie: str | None
    set_cookies: tuple[str, ...]

    @property
    def code(self) -> str | None:
        return self.body.get("code") if isinstance(self.body, dict) else None


class House:
    """The gateway, its people, and their browsers."""

    def __init__(self, server: Server, clock: FakeClock, postbox: Postbox, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.gateway = server.gateway
        self.clock = clock
        self.postbox = postbox
        self.session = session
        self._hashes: dict[str, str] = {}
        rbac = next(each for each in self.gateway.registry.services if each.name == "rbac")
        assert isinstance(rbac, Rbac)
        self.rbac = rbac

    async def person(self, login: str, *roles: str, password: str = PASSWORD, **fields: Any) -> User:
        """Somebody who can sign in."""
        if password not in self._hashes:
            self._hashes[password] = await self.rbac.hasher.hash(password)

        def command(uow: UnitOfWork) -> User:
            given = {"status": "active", "password_hash": self._hashes[password], **fields}
            user = User(
                id=uow.ids.new("usr"),
                created_at=uow.now,
                updated_at=uow.now,
                login=login_of(login),
                email=login,
                name=login.partition("@")[0].title(),
                role_ids=roles,
                **given,
            )
            uow.claim(LOGIN, user.login, user.id)
            return uow.add(USERS, user)

        return await self.gateway.inbox.run(command)

    async def change(self, user: User, **fields: Any) -> User:
        """Change somebody, as an administrator would."""
        return await self.gateway.inbox.run(lambda uow: uow.put(USERS, uow.need(USERS, user.id), **fields))

    async def user(self, user: User) -> User:
        """The user as stored."""
        found = await self.gateway.store.get(USERS, user.id)
        assert found is not None
        return found

    async def session_of(self, id: str) -> Session:
        """The session as stored."""
        found = await self.gateway.store.get(SESSIONS, id)
        assert found is not None
        return found

    async def browser(self, user: User) -> tuple[Session, str]:
        """A session with a cookie, without the price of a password."""
        token = opaque.new_token()
        session = await self.gateway.inbox.run(
            lambda uow: self.rbac.sessions.begin(
                uow, user, cookie=token, family=None, two_factor=False, address=None, user_agent=None
            )
        )
        return session, token

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        cookie: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Heard:
        """One request: by a bearer token, or by a cookie as one of our own pages would send it."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if cookie is not None:
            sent |= {"Cookie": f"{COOKIE}={cookie}", "X-Requested-With": "test", "Origin": PUBLIC_URL, **sent}
        url = self.server.url + API + path
        async with self.session.request(method, url, json=body, headers=sent, allow_redirects=False) as response:
            raw = await response.read()
            lines = tuple(response.headers.getall("Set-Cookie", ()))
            jar: SimpleCookie = SimpleCookie()
            for line in lines:
                jar.load(line)
            held = jar[COOKIE].value if COOKIE in jar else None
            return Heard(response.status, response.headers, json.loads(raw) if raw else None, held, lines)

    async def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> Heard:
        return await self.ask("POST", "/auth/login", {"email": login, "password": password, **more})

    async def bearer(self, login: str, password: str = PASSWORD, **more: Any) -> str:
        """An access token of somebody who signs in now."""
        heard = await self.sign_in(login, password, session="token", **more)
        assert heard.status == 200, heard
        return str(heard.body["access_token"])

    async def two_factor(self, token: str, password: str = PASSWORD) -> tuple[TOTP, list[str]]:
        """Set up a second factor: the app that makes its codes, and the recovery codes. A step later the next code is
        good."""
        begun = await self.ask("POST", "/auth/2fa/setup", {"password": password}, token=token)
        assert begun.status == 200, begun
        app = TOTP(begun.body["secret"])
        verified = await self.ask("POST", "/auth/2fa/verify", {"code": self.code(app)}, token=token)
        assert verified.status == 200, verified
        await self.clock.advance(30)
        return app, verified.body["recovery_codes"]

    def code(self, app: TOTP) -> str:
        """What the app shows now."""
        return app.at(self.clock.now())

    async def settled(self) -> None:
        """When all that was begun beside requests is done."""
        while left := [task for task in self._spawned() if not task.done()]:
            await asyncio.wait(left)

    def _spawned(self) -> list[asyncio.Task[Any]]:
        return [task for task in self.gateway.services.tasks._tasks if task.get_name().startswith("rbac: ")]

    async def posted(self) -> list[Posted]:
        """All letters, once they are sent."""
        await self.settled()
        return self.postbox.letters


@asynccontextmanager
async def house(folder: Path, **settings: str) -> AsyncIterator[House]:
    """A gateway with the plugin while the block runs. ``settings`` are ``PATCHBAY_*`` names."""
    environ = {
        "PATCHBAY_HTTP__PORT": "0",
        "PATCHBAY_HTTP__PUBLIC_URL": PUBLIC_URL,
        "PATCHBAY_HTTP__TRUSTED_PROXIES": "127.0.0.1",
        "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "100000000",
        "PATCHBAY_DATA_DIR": str(folder / "data"),
        "PATCHBAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "PATCHBAY_PLUGINS": "rbac",
        **CHEAP,
        **settings,
    }
    loaded = load_plugins({name: value for name, value in environ.items() if value})
    postbox, clock = Postbox(), LeapingClock()
    loaded = replace(loaded, registry=replace(loaded.registry, notifiers=(postbox,)))
    server = Server(Gateway(loaded, clock=clock))
    await server.open()
    try:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=60)
        ) as session:
            yield House(server, clock, postbox, session)
    finally:
        await server.close()
