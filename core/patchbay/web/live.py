"""The three faces of the log: the socket, the stream, and the pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from patchbay.collections import CONVERSATIONS
from patchbay.errors import Forbidden, SignInUnavailable, Unauthenticated
from patchbay.hub.frames import Hello, Read, Typing, Viewing
from patchbay.inbox.audiences import of_conversation
from patchbay.inbox.reading import mark_read
from patchbay.inbox.unit import missing
from patchbay.model.conversation import Conversation
from patchbay.model.event import Audience
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from patchbay.web import keys
from patchbay.web.addresses import limiting_key
from patchbay.web.auth import authorise, is_allowed, principal_for, rows_of
from patchbay.web.call import Call
from patchbay.web.events import PullEndpoint
from patchbay.web.operations import API_ROOT, Operations
from patchbay.web.schemas.events import PullQuery, StreamQuery
from patchbay.web.socket_trail import SocketTrail
from patchbay.web.sse import StreamEndpoint
from patchbay.web.stream import PERMISSIONS, SocketEndpoint

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway

OPERATIONS = Operations("Events", {"events.read": "Follow what happens, as far as one may see it"})


def _principal_of(request: web.Request) -> Principal:
    return request[keys.PRINCIPAL]


@OPERATIONS.get("/events", "events.read", query=PullQuery, errors=("resync",), produces=("application/json",))
async def pull_events(call: Call) -> web.StreamResponse:
    """Read the log.

    ``after`` is a position, ``types`` a comma separated list, ``wait`` how many seconds to wait for something new.
    """
    gateway = call.gateway
    endpoint = PullEndpoint(gateway.hub, principal_of=_principal_of, clock=gateway.clock)
    return await endpoint.handle(call.request)


@OPERATIONS.get("/events/stream", "events.read", query=StreamQuery, produces=("text/event-stream",))
async def stream_events(call: Call) -> web.StreamResponse:
    """Follow the log as server-sent events; ``Last-Event-ID`` resumes."""
    gateway = call.gateway
    endpoint = StreamEndpoint(
        gateway.hub, principal_of=_principal_of, settings=gateway.settings.socket, clock=gateway.clock
    )
    return await endpoint.handle(call.request)


def register(app: web.Application, gateway: Gateway) -> None:
    """Mount the socket: it signs in by itself, so it is no operation."""
    authorizers = gateway.registry.authorizers
    limiter = app[keys.RATE_LIMITER]
    trail = SocketTrail(gateway)

    async def authenticate(request: web.Request, credentials: Credentials) -> Principal:
        counted = limiting_key(trail.address_of(request))
        await limiter.refuse_exhausted(counted)
        try:
            principal = await principal_for(credentials, gateway.registry.authenticators)
        except (Unauthenticated, SignInUnavailable):
            await limiter.take_anonymous(counted)
            raise
        request[keys.PRINCIPAL] = principal
        authorise(principal, PERMISSIONS[Hello], authorizers)
        return principal

    async def reach(principal: Principal, permission: str, conversation_id: str) -> Conversation:
        """The conversation, among the rows that the permission reaches. Raises ``Forbidden``, ``NotFound``."""
        authorise(principal, permission, authorizers)
        conversation = await gateway.inbox.get(CONVERSATIONS, conversation_id)
        if conversation is None:
            raise missing(CONVERSATIONS, conversation_id)

        def holds(needed: str) -> bool:
            rows = rows_of(principal, needed, authorizers)
            return rows.hold(conversation.department_id, conversation.assignee_id)

        if holds(permission):
            return conversation
        if is_allowed(principal, PERMISSIONS[Viewing], authorizers) and holds(PERMISSIONS[Viewing]):
            raise Forbidden("You may see this, and not do that with it.")
        raise missing(CONVERSATIONS, conversation_id)

    async def on_read(request: web.Request, principal: Principal, conversation_id: str, seq: int) -> None:
        permission = PERMISSIONS[Read]
        conversation = await reach(principal, permission, conversation_id)
        await gateway.inbox.run(
            lambda uow: mark_read(uow, gateway.registry.channels, conversation_id, principal.id, seq=seq),
            actor=principal.actor,
            lane=conversation.thread_id,
            rows=rows_of(principal, permission, authorizers),
            cause=trail.cause(request, principal, Read),
        )

    async def on_typing(principal: Principal, conversation_id: str) -> Audience:
        conversation = await reach(principal, PERMISSIONS[Typing], conversation_id)
        gateway.delivery.show_typing(conversation)
        return of_conversation(conversation)

    async def on_viewing(principal: Principal, conversation_id: str) -> Audience:
        return of_conversation(await reach(principal, PERMISSIONS[Viewing], conversation_id))

    socket = SocketEndpoint(
        gateway.hub,
        authenticate=authenticate,
        on_read=on_read,
        on_typing=on_typing,
        on_viewing=on_viewing,
        on_refusal=trail.refused,
        settings=gateway.settings.socket,
        http=gateway.settings.http,
        clock=gateway.clock,
        ids=gateway.ids,
    )
    app.router.add_get(f"{API_ROOT}/ws", socket.handle)
