"""Provider callbacks: ``/webhooks/{channel}`` for each channel. The hot path: verify, journal, 200."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from patchbay.errors import BadSignature, RequestError, StoreUnavailable
from patchbay.web.bodies import body_at_hand, read_body
from patchbay.web.middlewares.edge import CallbackResponse, callback_headers

if TYPE_CHECKING:
    from patchbay.channel import Channel
    from patchbay.web.keys import Gateway

log = structlog.get_logger(__name__)
RETRY_S = 5  # what Retry-After says; providers come back by their own schedule anyway
WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def register(app: web.Application, gateway: Gateway) -> None:
    """Mount both methods for every channel; a channel that is not there is 404 by the router."""
    for channel in gateway.registry.channels.values():
        resource = app.router.add_resource(f"/webhooks/{channel.name}")
        resource.add_route("GET", handshake(channel))
        resource.add_route("POST", delivery(channel.name, gateway))


def handshake(channel: Channel) -> WebHandler:
    """Answer the provider's verification of the callback: 200 with its challenge as text, or 403."""

    async def verify(request: web.Request) -> web.Response:
        answer = channel.handshake(request.query)
        if answer.text is None:
            return web.Response(status=403)
        return web.Response(text=answer.text, content_type="text/plain")

    return verify


def delivery(channel: str, gateway: Gateway) -> WebHandler:
    """Take a webhook: 200 once it is durable, 401 for a bad signature, 503 while the store cannot write.

    Answers have no body: a provider reads the status. An error that nobody foresaw is 503 too, so that it comes again.
    """
    http = gateway.settings.http
    max_bytes, timeout_s = http.webhook_max_bytes, http.read_timeout_s
    receive = gateway.ingest.receive
    plain = callback_headers(gateway.settings)
    later = callback_headers(gateway.settings, **{"Retry-After": str(RETRY_S)})
    counters = {
        status: gateway.metrics.counter(
            "patchbay_webhooks_total", "Webhooks by channel and answer.", channel=channel, status=str(status)
        )
        for status in (200, 401, 408, 413, 415, 400, 503)
    }

    async def deliver(request: web.Request) -> web.Response:
        headers = plain
        try:
            body = body_at_hand(request, max_bytes)
            if body is None:
                body = await read_body(request, max_bytes=max_bytes, timeout_s=timeout_s)
            await receive(channel, body, {name.lower(): value for name, value in request.headers.items()})
            status = 200
        except BadSignature:
            status = 401
        except StoreUnavailable:
            status, headers = 503, later
        except RequestError as error:
            status = error.status if error.status in counters else 503
        except Exception as error:
            log.error("unforeseen error in a webhook", channel=channel, exc_info=error)
            status, headers = 503, later
        counters[status].value += 1
        return CallbackResponse(status=status, headers=headers.copy())

    return deliver
