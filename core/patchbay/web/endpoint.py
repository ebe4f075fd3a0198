"""An operation as an aiohttp handler: who, how often, may they, what do they ask, what do they get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web
from marshmallow import Schema
from msgspec.json import Encoder

from patchbay.errors import Forbidden, NotFound, RequestError, SignInUnavailable, Unauthenticated
from patchbay.hookspecs import Route
from patchbay.model.message import Actor
from patchbay.model.principal import Principal
from patchbay.ports import Act
from patchbay.redaction import LOGS
from patchbay.web.addresses import client_address, limiting_key, networks
from patchbay.web.auth import authorise, credentials_of, principal_for, refuse_forged, rows_of
from patchbay.web.call import Call, cause_of
from patchbay.web.conditional import etag, expected_version, is_unchanged
from patchbay.web.keys import ADDRESS, MAX_BODY_BYTES, PRINCIPAL, REPLY_HEADERS, REQUEST_ID, ROWS
from patchbay.web.operations import Answer, Operation, Public
from patchbay.web.parsing import PARSER, Empty

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway
    from patchbay.web.ratelimit import RateLimiter

_encode = Encoder().encode
WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Lets a request in, or raises. ``permission`` None lets anybody in, within the limit of their address."""

    def __init__(self, gateway: Gateway, limiter: RateLimiter) -> None:
        self._settings = gateway.settings
        self._authenticators = gateway.registry.authenticators
        self._authorizers = gateway.registry.authorizers
        self._limiter = limiter
        self._proxies = networks(gateway.settings.http.trusted_proxies)

    async def admit(self, request: web.Request, permission: str | None) -> Principal | None:
        """The principal. Raises ``Unauthenticated``, ``SignInUnavailable``, ``Forbidden``, ``TooMany``."""
        request[ADDRESS] = address = self.address_of(request)
        counted = limiting_key(address)
        if permission is None:
            allowance = await self._limiter.take_anonymous(counted)
            request[REPLY_HEADERS].update(allowance.headers())
            return None
        await self._limiter.refuse_exhausted(counted)
        try:
            credentials = credentials_of(request)
            principal = await principal_for(credentials, self._authenticators)
        except (Unauthenticated, SignInUnavailable):
            await self._limiter.take_anonymous(counted)
            raise
        request[PRINCIPAL] = principal
        refuse_forged(request, credentials, self._settings)
        allowance = await self._limiter.take(principal.counted_as)
        request[REPLY_HEADERS].update(allowance.headers())
        authorise(principal, permission, self._authorizers)
        request[ROWS] = rows_of(principal, permission, self._authorizers)
        return principal

    def address_of(self, request: web.Request) -> str:
        """The client's address; forwarded ones only from trusted proxies."""
        forwarded = request.headers.getall("X-Forwarded-For", ()) if self._proxies else ()
        return client_address(request.remote, forwarded, self._proxies)


NOBODY = Actor(type="api")  # whoever did not say, or could not prove, who they are


async def record_refusal(
    request: web.Request, gateway: Gateway, operation: str, permission: str | Public | None, refused: RequestError
) -> None:
    """Write down that somebody was refused. What is not there is recorded like what is not theirs, so that an answer's
    time does not tell one from the other."""
    principal = request.get(PRINCIPAL)
    act = Act(
        cause=cause_of(request, operation, permission, principal),
        actor=NOBODY if principal is None else principal.actor,
        occurred_at=gateway.clock.now(),
        outcome=refused.problem_code,
        status=refused.status,
        about={"path": LOGS.text(request.rel_url.raw_path), **refused.about},
    )
    await gateway.inbox.record(act)


def endpoint(operation: Operation, gateway: Gateway, guard: Guard) -> WebHandler:
    """The handler of one operation."""
    permission = None if isinstance(operation.permission, Public) else operation.permission
    query: Schema = operation.query() if operation.query is not None else Empty()
    body: Schema = operation.body() if operation.body is not None else Empty()

    async def perform(request: web.Request) -> web.StreamResponse:
        principal = await guard.admit(request, permission)
        call = Call(request, operation, gateway, principal, request[REQUEST_ID])
        if operation.versioned:
            call.expected_version = expected_version(request.headers.get("If-Match"))
        if operation.query is not None or request.query_string:
            call.query = await PARSER.parse(query, request, location="query")
        if operation.takes_body:
            if operation.max_bytes is not None:
                request[MAX_BODY_BYTES] = operation.max_bytes
            call.body = await PARSER.parse(body, request, location="json")
        answer = await operation.handler(call)
        return respond(request, operation, answer) if isinstance(answer, Answer) else answer

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await perform(request)
        except (Unauthenticated, Forbidden, NotFound) as refused:
            await record_refusal(request, gateway, operation.handler.__name__, operation.permission, refused)
            raise

    return serve


def respond(request: web.Request, operation: Operation, answer: Answer) -> web.Response:
    """The answer as a response: 304 without a body where the client holds this version already."""
    headers = dict(answer.headers)
    if answer.location is not None:
        headers["Location"] = answer.location
    if answer.version is not None:
        headers["ETag"] = etag(answer.version)
        if request.method in ("GET", "HEAD") and is_unchanged(request.headers.get("If-None-Match"), answer.version):
            return web.Response(status=304, headers=headers)
    status = answer.status or operation.status
    if answer.data is None:
        return web.Response(status=status, headers=headers)
    return web.Response(status=status, body=_encode(answer.data), headers=headers, content_type="application/json")


def plugin_endpoint(route: Route, gateway: Gateway, guard: Guard) -> WebHandler:
    """The handler of a plugin's route, behind the same guard; ``request[keys.PRINCIPAL]`` is who asks."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            await guard.admit(request, route.permission)
            answer = await route.handler(request)
        except (Unauthenticated, Forbidden, NotFound) as refused:
            await record_refusal(request, gateway, f"{route.method} {route.path}", route.permission, refused)
            raise
        if not isinstance(answer, web.StreamResponse):
            raise TypeError(f"{route.method} {route.path} answered {type(answer).__name__}, not a response")
        return answer

    return serve
