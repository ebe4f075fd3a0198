"""What sockets do, as the trail names it: the causes of changes, and refusals like those of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from patchbay.errors import RequestError
from patchbay.hub.frames import AnyClientFrame, ClientFrame, Hello
from patchbay.model.cause import Cause
from patchbay.model.principal import Principal
from patchbay.ports import Act
from patchbay.web import keys
from patchbay.web.addresses import client_address, networks
from patchbay.web.call import cause_of
from patchbay.web.endpoint import NOBODY
from patchbay.web.stream import PERMISSIONS

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway

UPGRADE = "socket.open"  # what is refused before there is a message


class SocketTrail:
    """Knows whose address a socket's request has, which no guard looked at."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._proxies = networks(gateway.settings.http.trusted_proxies)

    def cause(self, request: web.Request, principal: Principal | None, message: type[ClientFrame] | None) -> Cause:
        """The cause of what a message does: ``socket.read``, with the permission that it asks for."""
        self.address_of(request)
        operation = UPGRADE if message is None else f"socket.{message.__struct_config__.tag}"
        permission = PERMISSIONS[Hello if message is None else message]
        return cause_of(request, operation, permission, principal)

    def address_of(self, request: web.Request) -> str:
        """The client's address, which stands in the request from now on."""
        if keys.ADDRESS not in request:
            forwarded = request.headers.getall("X-Forwarded-For", ()) if self._proxies else ()
            request[keys.ADDRESS] = client_address(request.remote, forwarded, self._proxies)
        return request[keys.ADDRESS]

    async def refused(
        self, request: web.Request, principal: Principal | None, frame: AnyClientFrame | None, refused: RequestError
    ) -> None:
        """Write a refusal down, in a commit of its own. Raises ``StoreUnavailable``."""
        principal = principal or request.get(keys.PRINCIPAL)
        about = {"path": request.rel_url.raw_path, **refused.about}
        conversation_id = getattr(frame, "conversation_id", None)
        if conversation_id is not None:
            about["conversation_id"] = conversation_id
        act = Act(
            cause=self.cause(request, principal, None if frame is None else type(frame)),
            actor=NOBODY if principal is None else principal.actor,
            occurred_at=self._gateway.clock.now(),
            outcome=refused.problem_code,
            status=refused.status,
            about=about,
        )
        await self._gateway.inbox.record(act)
