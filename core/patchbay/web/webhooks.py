"""Provider callbacks: ``/webhooks/{channel}`` for each channel. The hot path: verify, journal, 200.

``/webhooks/{channel}/{external_id}`` names the account in the path, for providers whose webhooks do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import hdrs, web

from patchbay.errands.diagnosis import CALLBACK_MARK
from patchbay.errors import BadSignature, RequestError, StoreUnavailable
from patchbay.web.acknowledgement import Acknowledgement
from patchbay.web.bodies import body_at_hand, read_body
from patchbay.web.middlewares.edge import WEBHOOK_ROOT, callback_headers

if TYPE_CHECKING:
    from patchbay.channel import Channel
    from patchbay.web.keys import Gateway

log = structlog.get_logger(__name__)
RETRY_S = 5  # what Retry-After says; providers come back by their own schedule anyway
WebHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def register(app: web.Application, gateway: Gateway) -> None:
    """Mount both methods for every channel; a channel that is not there is 404 by the router."""
    for channel in gateway.registry.channels.values():
        resource = app.router.add_resource(WEBHOOK_ROOT + channel.name)
        resource.add_route("GET", handshake(channel))
        resource.add_route("POST", delivery(channel.name, gateway))
        resource = app.router.add_resource(WEBHOOK_ROOT + channel.name + "/{external_id}")
        resource.add_route("GET", handshake(channel))
        resource.add_route("POST", delivery(channel.name, gateway, names_account=True))


def deliver_directly(runner: web.AppRunner, gateway: Gateway) -> None:
    """Hand webhooks to their handlers before the application sees them; the runner is set up and has no site yet.

    The application would resolve the route, run the middleware and send a signal for each of them, only to end at the
    same handler, which answers the same either way. It keeps all other requests, and those that wait for a
    ``100 Continue``.
    """
    server = runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")
    deliveries = {WEBHOOK_ROOT + name: delivery(name, gateway) for name in gateway.registry.channels}
    application = server.request_handler

    def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        if request.method == "POST" and hdrs.EXPECT not in request.headers:
            return deliveries.get(request.rel_url.raw_path, application)(request)
        return application(request)

    server.request_handler = handle


def handshake(channel: Channel) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Answer the provider's verification of the callback: 200 with its challenge as text, or 403.

    Both carry ``CALLBACK_MARK``, by which ``diagnose`` knows that it reached a gateway and not what stands before it.
    """

    async def verify(request: web.Request) -> web.Response:
        answer = channel.handshake(request.query)
        if answer.text is None:
            return web.Response(status=403, headers=CALLBACK_MARK)
        return web.Response(text=answer.text, content_type="text/plain", headers=CALLBACK_MARK)

    return verify


def delivery(channel: str, gateway: Gateway, *, names_account: bool = False) -> WebHandler:
    """Take a webhook: 200 once it is durable, 401 for a bad signature, 503 while the store cannot write.

    Answers have no body: a provider reads the status. An error that nobody foresaw is 503 too, so that it comes again.
    """
    http = gateway.settings.http
    max_bytes, timeout_s = http.webhook_max_bytes, http.read_timeout_s
    receive = gateway.ingest.receive
    plain = callback_headers(gateway.settings)
    later = callback_headers(gateway.settings, **{"Retry-After": str(RETRY_S)})
    acknowledgement = Acknowledgement(plain, gateway.clock)
    counters = {
        status: gateway.metrics.counter(
            "patchbay_webhooks_total", "Webhooks by channel and answer.", channel=channel, status=str(status)
        )
        for status in (200, 401, 408, 413, 415, 400, 503)
    }

    async def deliver(request: web.BaseRequest) -> web.StreamResponse:
        headers = plain
        try:
            body = body_at_hand(request, max_bytes)
            if body is None:
                body = await read_body(request, max_bytes=max_bytes, timeout_s=timeout_s)
            account = request.match_info["external_id"] if names_account and isinstance(request, web.Request) else None
            await receive(channel, body, LowerCaseNames(request.headers), account)
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
        if status == 200 and acknowledgement.suits(request):
            return acknowledgement
        return web.Response(status=status, headers=headers)

    return deliver


class LowerCaseNames(Mapping[str, str]):
    """A request's headers as channels know them: by names in lower case. Nothing is copied; of a header that came
    more than once, the first counts."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers  # finds a name in any case

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As every mapping, without an exception for what is not there."""
        return self._headers.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name in self._headers))

    def __len__(self) -> int:
        return len({name.lower() for name in self._headers})
