"""``GET /api/v1/events``: the log, pulled. With ``wait`` the answer comes as soon as there is something to tell."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from msgspec.json import Encoder

from patchbay.errors import FieldError, Gone, Invalid, SignInUnavailable, Unauthenticated
from patchbay.hub.hub import Hub
from patchbay.hub.tail import Lost
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.model.times import rfc3339
from patchbay.ports import Clock
from patchbay.views import actor_view

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_WAIT_S = 30
MAX_SCANNED = 2_000  # events looked at for one answer; a caller who may see few of them goes on from ``page.next``
MAX_TYPES = 100
_encode = Encoder().encode

PrincipalOf = Callable[[web.Request], Principal]


class PullEndpoint:
    """``handle`` serves the route; ``principal_of`` tells who was signed in for the request.

    ``{"data": [{position, type, occurred_at, subject, actor, data}], "epoch", "page": {"next", "has_more"}}``. ``next``
    is the position to give as ``after`` in the next request; it moves on past events that were not shown, too. Without
    ``after`` it begins with the oldest event that is kept. Requests that wait count as connections of their principal.
    """

    def __init__(self, hub: Hub, *, principal_of: PrincipalOf, clock: Clock) -> None:
        self._hub = hub
        self._principal_of = principal_of
        self._clock = clock

    async def handle(self, request: web.Request) -> web.Response:
        """Raises ``Invalid``, ``TooMany``; ``Gone`` with code ``resync`` for a position that the log does not hold."""
        check_query(request, "after", "types", "limit", "wait")
        principal = self._principal_of(request)
        after = position_of(request.query.get("after"), "?after")
        limit = _number(request, "limit", DEFAULT_LIMIT, least=1, most=MAX_LIMIT)
        wait_s = _number(request, "wait", 0, least=0, most=MAX_WAIT_S)
        types = types_of(request)
        tail = self._hub.tail
        try:
            cursor = await tail.earliest() if after is None else await tail.locate(after)
            found, cursor = await self._scan(principal, cursor, limit, types)
            if wait_s and not found:
                found, cursor = await self._wait(principal, cursor, limit, types, wait_s)
            has_more = cursor < await tail.head()
        except Lost as lost:
            extra = {"epoch": tail.epoch, "head": lost.head, "reason": lost.reason}
            raise Gone("The log does not hold this position: fetch again.", code="resync", extra=extra) from lost
        return _answer(found, tail.epoch, cursor, has_more=has_more)

    async def _scan(
        self, principal: Principal, cursor: int, limit: int, types: frozenset[str]
    ) -> tuple[list[Event], int]:
        """Events after the cursor that are asked for and may be seen, and how far the log was looked through."""
        found: list[Event] = []
        end = cursor + MAX_SCANNED
        while cursor < end and (batch := await self._hub.tail.latest(cursor)):
            for event in batch.after(cursor):
                cursor = event.position
                if (not types or event.type in types) and self._hub.shows(principal, event):
                    found.append(event)
                    if len(found) == limit:
                        return found, cursor
        return found, cursor

    async def _wait(
        self, principal: Principal, cursor: int, limit: int, types: frozenset[str], wait_s: float
    ) -> tuple[list[Event], int]:
        """As ``_scan``, once there is something. Raises ``Unauthenticated`` when the rights ended meanwhile."""
        tail = self._hub.tail
        until = self._clock.monotonic() + wait_s
        found: list[Event] = []
        self._hub.seat(principal)
        try:
            while not found and not tail.closed and (left_s := until - self._clock.monotonic()) > 0:
                await tail.wait(cursor, left_s)
                try:
                    stays = await self._hub.rights.confirmed(principal)
                except TimeoutError as error:
                    raise SignInUnavailable("Nobody can say now whether these rights still stand.") from error
                if not stays:
                    raise Unauthenticated("These credentials are no longer valid.")
                found, cursor = await self._scan(principal, cursor, limit, types)
        finally:
            self._hub.unseat(principal)
        return found, cursor


def _answer(events: list[Event], epoch: str, cursor: int, *, has_more: bool) -> web.Response:
    body = b'{"data":[%b],"epoch":%b,"page":%b}' % (
        b",".join([_item(event) for event in events]),
        _encode(epoch),
        _encode({"next": cursor, "has_more": has_more}),
    )
    return web.Response(body=body, content_type="application/json")


def _item(event: Event) -> bytes:
    """The event as JSON; its data is spliced in as it was committed."""
    head = _encode(
        {
            "position": event.position,
            "type": event.type,
            "occurred_at": rfc3339(event.occurred_at),
            "subject": {"type": event.subject_type, "id": event.subject_id},
            "actor": actor_view(event.actor),
        }
    )
    return b"".join((head[:-1], b',"data":', event.data, b"}"))


def position_of(text: str | None, pointer: str) -> int | None:
    """A position as text; None when there is none. Raises ``Invalid`` naming the place."""
    if text is None or text == "":
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise _wrong(pointer, "A position is a whole number.")
    return int(text)


def types_of(request: web.Request) -> frozenset[str]:
    """The event types asked for, comma separated; empty means all."""
    names = frozenset(name.strip() for name in request.query.get("types", "").split(",")) - {""}
    if len(names) > MAX_TYPES:
        raise _wrong("?types", f"At most {MAX_TYPES} types.")
    return names


def check_query(request: web.Request, *known: str) -> None:
    """Raise ``Invalid`` naming each parameter that this path does not take."""
    if unknown := sorted(set(request.query) - set(known)):
        errors = [FieldError(f"?{name}", "unknown", "There is no such parameter.") for name in unknown]
        raise Invalid(f"There is no parameter {unknown[0]!r} here.", errors=errors)


def _number(request: web.Request, name: str, default: int, *, least: int, most: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise _wrong(f"?{name}", f"A whole number from {least} to {most}.")
    return int(text)


def _wrong(pointer: str, message: str) -> Invalid:
    return Invalid(f"{pointer.lstrip('?')}: {message}", errors=[FieldError(pointer, "invalid", message)])
