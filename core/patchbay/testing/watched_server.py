"""A server on a port of this machine that serves nothing but the log's three faces, for tests of their clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from patchbay.bus.local import LocalBus
from patchbay.errors import RequestError, Unauthenticated
from patchbay.hub.frames import AnyClientFrame
from patchbay.hub.hub import Hub
from patchbay.model.event import Audience, Event
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from patchbay.settings import HttpSettings, SocketSettings
from patchbay.system import SystemClock, SystemIds
from patchbay.testing.watching import MemoryLog
from patchbay.web import problems
from patchbay.web.events import PullEndpoint
from patchbay.web.sse import StreamEndpoint
from patchbay.web.stream import SocketEndpoint


@dataclass
class WatchedServer:
    """Whoever knows a token of ``people`` is that principal; rights are what the test sets.

    ``reads``, ``typings`` and ``looks`` collect what sockets said; ``refusal`` is raised for all of them when set, and
    ``refused`` collects what was written down of refusals: who, by which message, the code. ``failures`` collects what
    the loop was told of and nobody retrieved.
    """

    people: dict[str, Principal] = field(
        default_factory=lambda: {
            name: Principal(type="user", id=f"usr_{name}", name=name.title()) for name in ("mara", "ilse", "tom")
        }
    )
    log: MemoryLog = field(default_factory=MemoryLog)
    sees: Callable[[Principal, Event], bool] = lambda principal, event: True
    withdrawn: set[str] = field(default_factory=set)
    socket: SocketSettings = field(default_factory=SocketSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    reads: list[tuple[str, str, int]] = field(default_factory=list)
    typings: list[tuple[str, str]] = field(default_factory=list)
    looks: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str | None, str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    failures: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def commit(self, count: int = 1, *, ring: bool = True, **event: Any) -> int:
        """Append events; the position of the last."""
        for _ in range(count):
            self.log.append(**event)
        if ring:
            self.bus.ring(len(self.log.events))
        return len(self.log.events)

    async def authenticate(self, request: web.Request, credentials: Credentials) -> Principal:
        token = credentials.bearer or credentials.api_key or credentials.cookies.get("session")
        if token not in self.people:
            raise Unauthenticated("This token is not known.")
        return self.people[token]

    async def still_valid(self, principal: Principal) -> bool:
        return principal.id not in self.withdrawn

    async def on_read(self, request: web.Request, principal: Principal, conversation_id: str, seq: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.reads.append((principal.id, conversation_id, seq))

    async def on_typing(self, principal: Principal, conversation_id: str) -> Audience:
        if self.refusal is not None:
            raise self.refusal
        self.typings.append((principal.id, conversation_id))
        return Audience(conversation_id=conversation_id, department_id="dep_1")

    async def on_viewing(self, principal: Principal, conversation_id: str) -> Audience:
        if self.refusal is not None:
            raise self.refusal
        self.looks.append((principal.id, conversation_id))
        return Audience(conversation_id=conversation_id, department_id="dep_1")

    async def on_refusal(
        self, request: web.Request, principal: Principal | None, frame: AnyClientFrame | None, refused: RequestError
    ) -> None:
        who = None if principal is None else principal.id
        self.refused.append((who, "open" if frame is None else type(frame).__name__, refused.problem_code))

    def principal_of(self, request: web.Request) -> Principal:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.people:
            raise Unauthenticated("This token is not known.")
        return self.people[token]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[WatchedServer]:
        """Serve until the block ends; the hub closes first."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self.bus = LocalBus()
        await self.bus.open()
        clock = SystemClock()
        self.hub = Hub(
            self.log,
            self.bus,
            clock,
            settings=self.socket,
            sees=lambda principal, event: self.sees(principal, event),
            still_valid=self.still_valid,
            spawn=lambda work, name: loop.create_task(work, name=name),
        )
        await self.hub.open()
        endpoint = SocketEndpoint(
            self.hub,
            authenticate=self.authenticate,
            on_read=self.on_read,
            on_typing=self.on_typing,
            on_viewing=self.on_viewing,
            on_refusal=self.on_refusal,
            settings=self.socket,
            http=self.http,
            clock=clock,
            ids=SystemIds(),
        )
        app = web.Application(middlewares=[_problems])
        stream = StreamEndpoint(self.hub, principal_of=self.principal_of, settings=self.socket, clock=clock)
        pull = PullEndpoint(self.hub, principal_of=self.principal_of, clock=clock)
        app.router.add_get("/api/v1/ws", endpoint.handle)
        app.router.add_get("/api/v1/events/stream", stream.handle)
        app.router.add_get("/api/v1/events", pull.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await self.hub.close()
            await runner.cleanup()
            await self.bus.close()


@web.middleware
async def _problems(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except RequestError as error:
        return problems.response(error, request_id="req_1", instance=request.path)
    return response
