"""Gateways in which something that guards fails: it raises, or it never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from patchbay.gateway import Gateway
from patchbay.plugins import Loaded, load_plugins
from patchbay.server import Server
from patchbay_rbac.rbac import Rbac
from tests.plugins.rbac.world import CHEAP, PLUGINS, TOKEN, World
from tests.security.matrix_world import SETTINGS

CANARY = "canary-4417 /srv/patchbay/secret.py line 12, in sqlite3.connect"


def fails(*_: Any, **__: Any) -> Any:
    """What anything may do."""
    raise RuntimeError(CANARY)


async def fails_later(*_: Any, **__: Any) -> Any:
    raise RuntimeError(CANARY)


async def never(*_: Any, **__: Any) -> Any:
    await asyncio.Event().wait()


class Shaky:
    """Does what another does, until its ``faults`` name something to do instead."""

    def __init__(self, sound: Any) -> None:
        self.name: str = sound.name
        self._sound = sound
        self.faults: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["faults"].get(name) or getattr(self._sound, name)


class ShakyAuthorizer(Shaky):
    def decide(self, *given: Any) -> Any:
        return self.faults.get("decide", self._sound.decide)(*given)

    def sees(self, *given: Any) -> Any:
        return self.faults.get("sees", self._sound.sees)(*given)

    def rows(self, *given: Any) -> Any:
        return self.faults.get("rows", self._sound.rows)(*given)


class ShakyAuthenticator(Shaky):
    async def authenticate(self, *given: Any) -> Any:
        return await self.faults.get("authenticate", self._sound.authenticate)(*given)

    async def still_valid(self, *given: Any) -> Any:
        return await self.faults.get("still_valid", self._sound.still_valid)(*given)


class ShakyRecorder(Shaky):
    async def ready(self) -> None:
        await self.faults.get("ready", self._sound.ready)()

    def record(self, *given: Any) -> Any:
        return self.faults.get("record", self._sound.record)(*given)

    def settled(self, ticket: object, *, committed: bool) -> None:
        self._sound.settled(ticket, committed=committed)


class Failing:
    """A gateway with people, whose guards can be made to fail."""

    def __init__(self, world: World, loaded: Loaded) -> None:
        self.world = world
        registry = loaded.registry
        self.authorizer = next(each for each in registry.authorizers if isinstance(each, ShakyAuthorizer))
        self.authenticator = next(each for each in registry.authenticators if isinstance(each, ShakyAuthenticator))
        self.recorder = next(each for each in registry.recorders if isinstance(each, ShakyRecorder))

    @contextmanager
    def breaking(self, thing: Any, *names: str, by: Callable[..., Any]) -> Iterator[None]:
        """Methods of an object do this instead."""
        for name in names:
            setattr(thing, name, by)
        try:
            yield
        finally:
            for name in names:
                delattr(thing, name)


@asynccontextmanager
async def failing(folder: Path) -> AsyncIterator[Failing]:
    environ = {
        "PATCHBAY_DATA_DIR": str(folder / "data"),
        "PATCHBAY_HTTP__PORT": "0",
        "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "1000000",
        "PATCHBAY_ADMIN_TOKEN": TOKEN,
        "PATCHBAY_PLUGINS": PLUGINS,
        **CHEAP,
        **SETTINGS,
    }
    loaded = load_plugins(environ)
    registry = loaded.registry
    shaky = replace(
        registry,
        authorizers=tuple(ShakyAuthorizer(each) if each.name == "rbac" else each for each in registry.authorizers),
        authenticators=tuple(
            ShakyAuthenticator(each) if each.name == "rbac" else each for each in registry.authenticators
        ),
        recorders=tuple(ShakyRecorder(each) for each in registry.recorders),
    )
    loaded = replace(loaded, registry=shaky)
    rbac = next(each for each in registry.services if isinstance(each, Rbac))
    server = Server(Gateway(loaded))
    await server.open()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            yield Failing(World(server, rbac, session), loaded)
    finally:
        await server.close()
