"""A running gateway with people in it, and a client signed in as each: what tests of rights are written on. ::

    async with people_world(tmp_path) as world:
        sales = await world.department("Sales")
        mara = await world.member("super_admin")
        ben = await world.member("agent", departments=[sales.id])
        reply = await ben.ask("GET", "/users")
        assert reply.status == 200

The gateway serves HTTP on a port of its own in the test's loop. People, roles and departments are committed as
documents and sessions are begun without a password, so one more person costs two commits and no hash. All have
``PASSWORD``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
from argon2 import PasswordHasher

from patchbay.gateway import Gateway
from patchbay.inbox.unit import UnitOfWork
from patchbay.plugins import load_plugins
from patchbay.server import Server
from patchbay.web.operations import API_ROOT
from patchbay_rbac.credentials import api_keys, refresh
from patchbay_rbac.credentials.passwords import FLOOR
from patchbay_rbac.documents import (
    DEPARTMENT_NAME,
    DEPARTMENTS,
    KEYS,
    LOGIN,
    PREFIX,
    ROLE_NAME,
    ROLES,
    USERS,
    ApiKey,
    Department,
    Role,
    Scope,
    User,
    login_of,
)
from patchbay_rbac.rbac import Rbac

T = TypeVar("T")
PASSWORD = "korrekt pferd batterie klammer"
TOKEN = "tN4vQ8xKz2LbWm7RfHc9JpYd3GsE6uAo"  # the administrator's, until somebody can administrate
PLUGINS = "whatsapp,rbac,audit"
CHEAP = {  # the cheapest hashes that the plugin makes
    "PATCHBAY_RBAC__PASSWORD_MEMORY_KIB": str(FLOOR.memory_kib),
    "PATCHBAY_RBAC__PASSWORD_PASSES": str(FLOOR.passes),
    "PATCHBAY_RBAC__PASSWORD_LANES": str(FLOOR.lanes),
}


@cache
def shared_hash() -> str:
    """The hash of ``PASSWORD``, made once."""
    return PasswordHasher(FLOOR.passes, FLOOR.memory_kib, FLOOR.lanes).hash(PASSWORD)


@dataclass(frozen=True)
class Heard:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The problem's code, None for what is no problem document."""
        is_problem = self.headers.get("Content-Type") == "application/problem+json"
        return str(self.json()["code"]) if is_problem else None

    @property
    def pointers(self) -> set[str]:
        """Which fields the problem says are wrong."""
        return {each["pointer"] for each in self.json().get("errors", ())}


class Client:
    """Somebody who asks: with a bearer token, or with none."""

    def __init__(self, world: World, token: str | None, user: User | None = None) -> None:
        self.world = world
        self.token = token
        self._user = user

    @property
    def id(self) -> str:
        return self.user.id

    @property
    def user(self) -> User:
        """The person as they are now."""
        if self._user is None:
            raise LookupError("this client is nobody in particular")
        return self.world.rbac.people.user(self._user.id) or self._user

    async def ask(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: str
    ) -> Heard:
        """One request; paths are below ``/api/v1``, unless they begin with it."""
        sent = {**({"Authorization": f"Bearer {self.token}"} if self.token is not None else {}), **(headers or {})}
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        url = self.world.url + (path if path.startswith(API_ROOT) else API_ROOT + path)
        async with self.world.session.request(method, url, headers=sent, data=data, params=query) as response:
            return Heard(response.status, response.headers, await response.read())

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that must be a success; None where there is no body."""
        heard = await self.ask(method, path, body, **more)
        assert 200 <= heard.status < 300, (method, path, heard)
        return heard.json() if heard.body else None

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """All that this client is shown of the log, of these types."""
        found: list[dict[str, Any]] = []
        query = {"after": "0", "limit": "200", **({"types": ",".join(types)} if types else {})}
        while True:
            page = await self.done("GET", "/events", **query)
            found += page["data"]
            if not page["page"]["has_more"]:
                return found
            query["after"] = str(page["page"]["next"])


class World:
    """The gateway from inside and from outside."""

    def __init__(self, server: Server, rbac: Rbac, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.gateway = server.gateway
        self.rbac = rbac
        self.session = session
        self._names = itertools.count(1)

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def plugins(self) -> set[str]:
        """Those that run."""
        return {report.name for report in self.gateway.reports if report.state == "loaded"}

    async def commit(self, command: Callable[[UnitOfWork], T]) -> T:
        """Do something beside the API; no trail has it."""
        return await self.gateway.inbox.run(command)

    async def user(
        self,
        *roles: str,
        departments: Iterable[str] = (),
        name: str | None = None,
        email: str | None = None,
        **fields: Any,
    ) -> User:
        """Somebody with these roles, active unless ``status`` says otherwise. All have ``PASSWORD``."""
        number = next(self._names)
        email = email or f"person{number}@example.org"
        given = {"status": "active", "password_hash": shared_hash(), **fields}

        def command(uow: UnitOfWork) -> User:
            user = User(
                id=uow.ids.new("usr"),
                created_at=uow.now,
                updated_at=uow.now,
                login=login_of(email),
                email=email,
                name=name or f"Person {number}",
                role_ids=roles,
                department_ids=tuple(departments),
                **given,
            )
            uow.claim(LOGIN, user.login, user.id)
            return uow.add(USERS, user)

        return await self.commit(command)

    async def role(self, grants: Mapping[str, Scope], *, name: str | None = None) -> Role:
        """A role of one's own."""
        called = name or f"Role {next(self._names)}"

        def command(uow: UnitOfWork) -> Role:
            role = Role(id=uow.ids.new("rol"), created_at=uow.now, updated_at=uow.now, name=called, grants=dict(grants))
            uow.claim(ROLE_NAME, called.casefold(), role.id)
            return uow.add(ROLES, role)

        return await self.commit(command)

    async def department(self, name: str | None = None, **fields: Any) -> Department:
        """A department; ``fields`` are those of the document (parent_id, head_id)."""
        called = name or f"Department {next(self._names)}"

        def command(uow: UnitOfWork) -> Department:
            made = Department(id=uow.ids.new("dep"), created_at=uow.now, updated_at=uow.now, name=called, **fields)
            uow.claim(DEPARTMENT_NAME, called.casefold(), made.id)
            return uow.add(DEPARTMENTS, made)

        return await self.commit(command)

    async def signed_in(self, user: User) -> Client:
        """A client with a session of this user's: an access token as signing in gives, without the hash."""
        family, _ = refresh.start(self.gateway.clock.now())
        session = await self.commit(
            lambda uow: self.rbac.sessions.begin(
                uow, user, cookie=None, family=family, two_factor=False, address=None, user_agent=None
            )
        )
        token, _ = self.rbac.tokens.issue(user.id, session.id, self.gateway.clock.now())
        return Client(self, token, user)

    async def key(self, owner: User, grants: Mapping[str, Scope]) -> Client:
        """A program with an API key of this owner's, which may do what the key grants as far as the owner may."""
        made = api_keys.new_key()

        def command(uow: UnitOfWork) -> ApiKey:
            key = ApiKey(
                id=uow.ids.new("key"),
                created_at=uow.now,
                updated_at=uow.now,
                name=f"Key {next(self._names)}",
                prefix=made.prefix,
                digest=made.digest,
                owner_id=owner.id,
                grants=dict(grants),
                expires_at=uow.now + api_keys.LIFETIME,
            )
            uow.claim(PREFIX, key.prefix, key.id)
            return uow.add(KEYS, key)

        await self.commit(command)
        return Client(self, made.text)

    async def member(self, *roles: str, **more: Any) -> Client:
        """Somebody with these roles (``user``), signed in."""
        return await self.signed_in(await self.user(*roles, **more))

    async def holder(self, grants: Mapping[str, Scope], **more: Any) -> Client:
        """Somebody signed in whose only role gives exactly this."""
        return await self.member((await self.role(grants)).id, **more)

    def nobody(self) -> Client:
        """Without credentials."""
        return Client(self, None)

    def administrator(self) -> Client:
        """With the administrator's token, which means nothing once somebody can administrate."""
        return Client(self, TOKEN)


@asynccontextmanager
async def people_world(folder: Path, *, plugins: str = PLUGINS, **settings: str) -> AsyncIterator[World]:
    """A gateway with these plugins, which must all load, while the block runs."""
    environ = {
        "PATCHBAY_DATA_DIR": str(folder / "data"),
        "PATCHBAY_HTTP__PORT": "0",
        "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "1000000",
        "PATCHBAY_ADMIN_TOKEN": TOKEN,
        "PATCHBAY_PLUGINS": plugins,
        **CHEAP,
        **settings,
    }
    loaded = load_plugins(environ)
    failed = [f"{report.name}: {report.error}" for report in loaded.reports if report.state != "loaded"]
    assert not failed, failed
    rbac = next(service for service in loaded.registry.services if isinstance(service, Rbac))
    server = Server(Gateway(loaded))
    await server.open()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield World(server, rbac, session)
    finally:
        await server.close()
