"""The one middleware, and what every response carries.

The middleware gives a request its id, turns errors into problem documents and answers what browsers ask before they
send something to another origin. Provider callbacks pass it by: they have no caller who would read either.
Authentication, bodies and limits belong to operations.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog
from aiohttp import HttpVersion10, web
from multidict import CIMultiDict

from patchbay.plugins.conduct import ANSWERING
from patchbay.redaction import LOGS
from patchbay.web import problems
from patchbay.web.keys import GATEWAY, REPLY_HEADERS, REQUEST_ID
from patchbay.web.middlewares.cors import CrossOrigin

if TYPE_CHECKING:
    from patchbay.settings import Settings

WEBHOOK_ROOT = "/webhooks/"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SECURITY_HEADERS = {
    "Server": "patchbay",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
DEFAULT_HEADERS = {  # where the response has none of its own
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
HSTS = "max-age=31536000"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def edge(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id; answer every error with a problem document."""
    if request.rel_url.raw_path.startswith(WEBHOOK_ROOT) and request.match_info.http_exception is None:
        return await handler(request)
    request_id = request.headers.get("X-Request-Id", "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = request.app[GATEWAY].ids.new("req")
    request[REQUEST_ID] = request_id
    request[REPLY_HEADERS] = {"X-Request-Id": request_id}
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    try:
        if request.version < HttpVersion10:
            raise web.HTTPBadRequest  # HTTP/0.9 has no headers: what would follow is read as another request
        if request.method == "OPTIONS":
            asked = CrossOrigin.of(request.app[GATEWAY].settings).preflight(request)
            if asked is not None:
                return asked
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problems.response(error, request_id=request_id, instance=LOGS.text(request.rel_url.raw_path))
    except ConnectionError:
        raise  # the client is gone: there is nobody to tell
    except Exception as error:
        return problems.response(error, request_id=request_id, instance=LOGS.text(request.rel_url.raw_path))


def callback_headers(settings: Settings, **own: str) -> CIMultiDict[str]:
    """All headers of an answer to a provider, for one that is sent without ``set_headers``."""
    return CIMultiDict({**_always(settings), **DEFAULT_HEADERS, **own})


def _always(settings: Settings) -> dict[str, str]:
    always = dict(SECURITY_HEADERS)
    if (settings.http.public_url or "").startswith("https://"):
        always["Strict-Transport-Security"] = HSTS
    return always


def header_signal(settings: Settings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """What sets the headers of every response, streams and errors included, just before it begins."""
    always = _always(settings)
    cross_origin = CrossOrigin.of(settings)

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.update(always)
        for name, value in DEFAULT_HEADERS.items():
            if name not in headers:
                headers[name] = value
        cross_origin.add_to(request, response)
        own = request.get(REPLY_HEADERS)
        if own is not None:
            headers.update(own)
        begun = request.get(ANSWERING)
        if begun is not None:
            begun.set()

    return set_headers
