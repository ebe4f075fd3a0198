"""The three faces of the log: the socket, the stream, and the pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from patchbay.collections import CONVERSATIONS
from patchbay.errors import NotFound
from patchbay.inbox.landing import audience_of
from patchbay.inbox.reading import mark_read
from patchbay.model.event import Audience
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from patchbay.web import keys
from patchbay.web.auth import authorise, principal_for
from patchbay.web.events import PullEndpoint
from patchbay.web.operations import API_ROOT, Call, Operations
from patchbay.web.schemas.events import PullQuery, StreamQuery
from patchbay.web.sse import StreamEndpoint
from patchbay.web.stream import SocketEndpoint

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

    async def authenticate(credentials: Credentials) -> Principal:
        principal = await principal_for(credentials, gateway.registry.authenticators)
        authorise(principal, "events.read", authorizers)
        return principal

    async def on_read(principal: Principal, conversation_id: str, seq: int) -> None:
        authorise(principal, "conversations.read", authorizers)
        await gateway.inbox.run(
            lambda uow: mark_read(uow, gateway.registry.channels, conversation_id, principal.id, seq=seq),
            actor=principal.actor,
        )

    async def on_typing(principal: Principal, conversation_id: str) -> Audience:
        authorise(principal, "messages.send", authorizers)
        conversation = await gateway.inbox.get(CONVERSATIONS, conversation_id)
        if conversation is None:
            raise NotFound(f"There is no conversation {conversation_id!r}.")
        gateway.delivery.show_typing(conversation)
        return audience_of(conversation)

    socket = SocketEndpoint(
        gateway.hub,
        authenticate=authenticate,
        on_read=on_read,
        on_typing=on_typing,
        settings=gateway.settings.socket,
        http=gateway.settings.http,
        clock=gateway.clock,
        ids=gateway.ids,
    )
    app.router.add_get(f"{API_ROOT}/ws", socket.handle)
