"""People in a store that the server then starts on, made through the store's own API; and how they sign in."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from argon2 import PasswordHasher

from bench.dataset import department_id
from bench.gateway import Gateway
from bench.processes import Failed
from patchbay.collections import CORE_COLLECTIONS
from patchbay.ports import Batch, Key, Put
from patchbay.storage.sqlite.store import SqliteStore
from patchbay_rbac.credentials import api_keys
from patchbay_rbac.credentials.passwords import FLOOR, Cost
from patchbay_rbac.documents import (
    COLLECTIONS,
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
)
from patchbay_rbac.roles import AGENT

PASSWORD = secrets.token_urlsafe(18)  # everybody's, of this run
CROWD = "person%(who)07d@example.org"  # the login of one of many
LOGIN_PATH = "/api/v1/auth/login"
EVERYWHERE: dict[str, Scope] = dict.fromkeys(("conversations.read", "messages.read", "messages.send"), "all")
CHEAP = {  # for where hashing is not what is measured
    "PATCHBAY_RBAC__PASSWORD_MEMORY_KIB": str(FLOOR.memory_kib),
    "PATCHBAY_RBAC__PASSWORD_PASSES": str(FLOOR.passes),
    "PATCHBAY_RBAC__PASSWORD_LANES": str(FLOOR.lanes),
}


@dataclass(frozen=True)
class Agent:
    """Somebody with a login and an API key."""

    login: str
    api_key: str


@dataclass(frozen=True)
class People:
    """``everywhere`` reads all conversations, ``local`` is an agent in the first department."""

    everywhere: Agent
    local: Agent


def settle(data: Path, *, departments: int, crowd: int = 0, cost: Cost = FLOOR) -> People:
    """Two agents, so many departments, and so many others who can sign in with ``PASSWORD`` and do nothing more."""
    return asyncio.run(_settle(data, departments, crowd, cost))


async def _settle(data: Path, departments: int, crowd: int, cost: Cost) -> People:
    store = SqliteStore(data / "patchbay.db")
    await store.open((*CORE_COLLECTIONS, *COLLECTIONS))
    try:
        founding = Founding(cost)
        people = People(
            everywhere=founding.agent("everywhere@example.org", founding.role("Everywhere", EVERYWHERE), ()),
            local=founding.agent("local@example.org", AGENT, (department_id(0),)),
        )
        for number in range(departments):
            founding.department(number)
        await store.commit(founding.taken())
        for begin in range(0, crowd, 500):
            for number in range(begin, min(begin + 500, crowd)):
                founding.user(CROWD % {"who": number}, AGENT, ())
            await store.commit(founding.taken())
        return people
    finally:
        await store.close()


class Founding:
    """Documents as the plugin writes them, in one batch after another. One hash serves all."""

    def __init__(self, cost: Cost) -> None:
        self._hash = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes).hash(PASSWORD)
        self._now = datetime.now(UTC)
        self._batch = Batch()
        self._made = 0

    def taken(self) -> Batch:
        batch, self._batch = self._batch, Batch()
        return batch

    def user(self, login: str, role: str, departments: tuple[str, ...]) -> User:
        user = User(
            id=self._id("usr"),
            created_at=self._now,
            updated_at=self._now,
            login=login,
            email=login,
            name=login.partition("@")[0],
            status="active",
            password_hash=self._hash,
            role_ids=(role,),
            department_ids=departments,
        )
        self._batch.puts.append(Put(USERS, user, None))
        self._batch.keys.append(Key(LOGIN, login, user.id))
        return user

    def agent(self, login: str, role: str, departments: tuple[str, ...]) -> Agent:
        user, made = self.user(login, role, departments), api_keys.new_key()
        key = ApiKey(
            id=self._id("key"),
            created_at=self._now,
            updated_at=self._now,
            name=f"Key of {user.name}",
            prefix=made.prefix,
            digest=made.digest,
            owner_id=user.id,
            grants=EVERYWHERE,
            expires_at=self._now + api_keys.LIFETIME,
        )
        self._batch.puts.append(Put(KEYS, key, None))
        self._batch.keys.append(Key(PREFIX, key.prefix, key.id))
        return Agent(login, made.text)

    def role(self, name: str, grants: dict[str, Scope]) -> str:
        role = Role(id=self._id("rol"), created_at=self._now, updated_at=self._now, name=name, grants=grants)
        self._batch.puts.append(Put(ROLES, role, None))
        self._batch.keys.append(Key(ROLE_NAME, name.casefold(), role.id))
        return role.id

    def department(self, number: int) -> None:
        id, name = department_id(number), f"Department {number}"
        made = Department(id=id, created_at=self._now, updated_at=self._now, name=name)
        self._batch.puts.append(Put(DEPARTMENTS, made, None))
        self._batch.keys.append(Key(DEPARTMENT_NAME, name.casefold(), id))

    def _id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_bench{self._made:06d}"


def signed_in(server: Gateway, login: str) -> tuple[str, str]:
    """An access token and a session cookie (as ``name=value``), as a browser gets them. Raises ``Failed``."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        body = json.dumps({"email": login, "password": PASSWORD})
        connection.request("POST", LOGIN_PATH, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise Failed(f"signing in answered {response.status}: {answer[:300]!r}")
        cookie = str(response.headers["Set-Cookie"]).partition(";")[0]
        return str(json.loads(answer)["access_token"]), cookie
    finally:
        connection.close()
