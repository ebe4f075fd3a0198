"""A connection, before there is a request: how long its first one may take, and what is said to what is no HTTP.

Left alone, aiohttp waits for ever for the first request's headers, and answers what it cannot read with its own and
Python's version; the bytes would go into the answer and into the log, where a token may have been among them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from patchbay.errors import Unreadable
from patchbay.web import problems
from patchbay.web.middlewares.edge import callback_headers

if TYPE_CHECKING:
    from patchbay.ports import Ids
    from patchbay.settings import Settings

log = structlog.get_logger(__name__)


class EdgeServer(web.Server):
    """A server whose connections are ``EdgeConnection``. Made by ``guard_connections``."""

    settings: Settings
    ids: Ids

    def __call__(self) -> EdgeConnection:
        return EdgeConnection(self, loop=self._loop, **self._kwargs)


class EdgeConnection(web.RequestHandler):
    """A connection whose errors are problem documents."""

    __slots__ = ("_deadline", "_edge")

    def __init__(self, server: EdgeServer, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(server, loop=loop, **options)
        self._edge = server
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # later requests have the keep-alive time instead
        self._deadline = self._loop.call_later(self._edge.settings.http.read_timeout_s, self._give_up)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        """Close, unless the headers of a request have come: who sends them by the byte holds nothing but a socket."""
        if self._request_count == 0:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A problem document; the connection ends with it. Raises ``ConnectionError`` when an answer has begun."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        if status < 500:
            log.info("edge.unreadable", told=type(exc).__name__)  # the error quotes the bytes: only its name
            told: BaseException = Unreadable("This is no HTTP request, or one that can be read in two ways.")
        else:
            told = exc or TimeoutError()
        request_id = self._edge.ids.new("req")
        answer = problems.response(told, request_id=request_id, instance="")
        for name, value in callback_headers(self._edge.settings, **{"X-Request-Id": request_id}).items():
            answer.headers.setdefault(name, value)
        answer.force_close()
        return answer


def guard_connections(runner: web.AppRunner, settings: Settings, ids: Ids) -> None:
    """Make this of the runner's connections; it is set up and has no site yet."""
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    server.__class__ = EdgeServer  # the application makes its server itself, and takes no other
    if not isinstance(server, EdgeServer):
        raise TypeError("the runner's server cannot be guarded")
    server.settings, server.ids = settings, ids
