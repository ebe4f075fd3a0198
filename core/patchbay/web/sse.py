"""``GET /api/v1/events/stream``: the log, live, as server-sent events.

    id: 121
    event: message.received
    data: {"op":"event","position":121,...}

The same log, positions and rights as everywhere. It begins after ``Last-Event-ID``, or ``after``, or at the head. A
position that the log does not hold gives an event ``resync``, and the stream goes on from the head.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web

from patchbay.errors import StoreUnavailable
from patchbay.hub.frames import resync_payload
from patchbay.hub.hub import Hub
from patchbay.hub.rights import ASK_EVERY_S
from patchbay.hub.tail import Lost
from patchbay.model.principal import Principal
from patchbay.ports import Clock
from patchbay.settings import SocketSettings
from patchbay.web.events import check_query, position_of, types_of

log = structlog.get_logger(__name__)

KEEP_ALIVE_S = 15.0
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # proxies of the nginx family would hold events back
}
KEEP_ALIVE = b": keep-alive\n\n"

PrincipalOf = Callable[[web.Request], Principal]


class StreamEndpoint:
    """``handle`` serves the stream's route; ``principal_of`` tells who was signed in for the request."""

    def __init__(self, hub: Hub, *, principal_of: PrincipalOf, settings: SocketSettings, clock: Clock) -> None:
        self._hub = hub
        self._principal_of = principal_of
        self._settings = settings
        self._clock = clock

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one stream until it ends. Raises ``Invalid``, ``TooMany``, ``StoreUnavailable`` before it begins."""
        principal = self._principal_of(request)
        check_query(request, "after", "types")
        last = request.headers.get("Last-Event-ID")
        after = position_of(last, "Last-Event-ID") if last else position_of(request.query.get("after"), "?after")
        types = types_of(request)
        self._hub.seat(principal)
        try:
            opening = b": patchbay\n\n"
            try:
                cursor = self._hub.tail.position if after is None else await self._hub.tail.locate(after)
            except Lost as lost:
                opening, cursor = resync_event(lost), lost.head
            response = web.StreamResponse(headers=HEADERS)
            await response.prepare(request)
            try:
                await self._write(response, opening)
                await self._carry(request, response, principal, cursor, types)
            except (TimeoutError, ConnectionError):  # it does not read, or is gone
                if request.transport is not None:
                    request.transport.abort()
            except StoreUnavailable:
                log.warning("an event stream ends: the store does not answer")
        finally:
            self._hub.unseat(principal)
        return response

    async def _carry(
        self,
        request: web.Request,
        response: web.StreamResponse,
        principal: Principal,
        cursor: int,
        types: frozenset[str],
    ) -> None:
        """Write events until the rights end, the hub closes, or the client is gone or does not read."""
        tail = self._hub.tail
        now = self._clock.monotonic()
        confirmed_at, written_at = now, now
        while not tail.closed and request.transport is not None:
            now = self._clock.monotonic()
            if now - confirmed_at >= ASK_EVERY_S:
                if not await self._hub.rights.confirmed(principal):
                    return
                confirmed_at = now
            try:
                batch = await tail.read(cursor)
            except Lost as lost:
                cursor = lost.head
                await self._write(response, resync_event(lost))
                continue
            if not batch:
                if now - written_at >= KEEP_ALIVE_S:
                    await self._write(response, KEEP_ALIVE)
                    written_at = now
                await tail.wait(cursor, confirmed_at + ASK_EVERY_S - now)
                continue
            chosen = [
                stream_event(event.type, event.position, batch.payload(event.position))
                for event in batch.after(cursor)
                if (not types or event.type in types) and self._hub.shows(principal, event)
            ]
            cursor = batch.last
            if chosen:
                await self._write(response, b"".join(chosen))
                written_at = now

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        """Write, and wait until the client has read most of what was written before. Raises ``TimeoutError``."""
        async with asyncio.timeout(self._settings.stalled_after_s):
            await response.write(data)


def resync_event(lost: Lost) -> bytes:
    return stream_event("resync", lost.head, resync_payload(lost.reason, lost.head))


def stream_event(type: str, position: int, payload: bytes) -> bytes:
    """An event in the stream's form.

    A line break can stand in JSON only between its tokens, where a space does as well.
    """
    if b"\n" in payload or b"\r" in payload:
        payload = payload.replace(b"\n", b" ").replace(b"\r", b" ")
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (position, " ".join(type.split()).encode(), payload)
