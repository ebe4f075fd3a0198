"""Plugins' routes and operations, watched: each has until its deadline to begin its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from aiohttp import web

from patchbay.errors import PluginUnavailable, RequestError, SendError, SignInUnavailable, StoreError
from patchbay.hookspecs import Route
from patchbay.plugins.conduct import ANSWERING, Junk, Record, kind
from patchbay.plugins.contain import Hung
from patchbay.plugins.watched_plugin import Plugin
from patchbay.web.call import Call
from patchbay.web.operations import API_ROOT, Answer, Operation

T = TypeVar("T")


def watched_route(route: Route, plugin: Plugin) -> Route:
    """The route with a deadline until its answer begins; what streams then may take its time."""
    record = plugin.record(f"the route {route.method} {route.path}")

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _answered(
            plugin, record, route.deadline_s, request, lambda: route.handler(request), web.StreamResponse
        )

    return replace(route, handler=handle)


def watched_operation(operation: Operation, plugin: Plugin) -> Operation:
    """As ``watched_route``, of a declared operation."""
    record = plugin.record(f"the route {below_root(operation)}")

    async def handle(call: Call) -> Answer | web.StreamResponse:
        expected = (Answer, web.StreamResponse)
        return await _answered(
            plugin, record, operation.deadline_s, call.request, lambda: operation.handler(call), expected
        )

    handle.__name__ = operation.handler.__name__  # the operationId
    return replace(operation, handler=handle)


def below_root(operation: Operation) -> str:
    """What an operation of a plugin goes by: ``GET /users``."""
    return f"{operation.method} {operation.path.removeprefix(API_ROOT)}"


async def _answered(
    plugin: Plugin,
    record: Record,
    deadline_s: float,
    request: web.Request,
    call: Callable[[], Awaitable[T]],
    expected: type | tuple[type, ...],
) -> T:
    record.admit()
    begun = request[ANSWERING] = asyncio.Event()
    try:
        answer = await plugin.call(call, record.what, deadline_s=deadline_s, spared=begun.is_set)
        if not isinstance(answer, expected):
            raise Junk(f"gave {kind(answer)} where a response belongs")
    except (RequestError, SendError, SignInUnavailable, StoreError, web.HTTPException):
        record.went_well()
        raise
    except ConnectionError:
        raise  # the client is gone
    except Hung as error:
        if _still_sends(request):
            raise web.HTTPRequestTimeout from None
        record.failed(error, deadline_s)
        raise PluginUnavailable("The plugin that serves this did not answer in time.") from None
    except Exception as error:
        record.failed(error)
        raise
    if record.in_a_row:
        record.went_well()
    return answer


def _still_sends(request: web.Request) -> bool:
    """Whether the client itself has not sent its whole body yet: that is no failure of the plugin."""
    return request.can_read_body and not request.content.is_eof()
