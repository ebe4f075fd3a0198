"""Cross-origin requests: nobody's by default, else of exactly the origins that ``http.allowed_origins`` lists.

Source: Fetch Standard, "CORS protocol". A listed origin may bring credentials and read what is exposed; any other gets
the same answer as without it, which its browser keeps from it. There is no ``*``, and no other origin is echoed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from patchbay.settings import Settings

SHARED = ("/api/", "/media/links/")  # what front ends ask for; pages, probes and callbacks are nobody else's
REQUEST_HEADERS = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, X-Requested-With, X-API-Key"
)
EXPOSED = (
    "ETag, Location, Link, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id, "
    "Idempotency-Replayed, Content-Disposition"
)
MAX_AGE_S = 600
_ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?", re.ASCII)


class CrossOrigin:
    """The list, and what is said by it. What is no origin (a path at its end, ``*``, ``null``) matches nothing."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin for origin in origins if _ORIGIN.fullmatch(origin))

    @classmethod
    def of(cls, settings: Settings) -> CrossOrigin:
        return cls(settings.http.allowed_origins)

    def add_to(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """The headers that any answer carries, errors and streams too."""
        if not self._origins or not request.rel_url.raw_path.startswith(SHARED):
            return
        _vary(response, "Origin")  # also for those without one: a cache must not hand them to others
        origin = request.headers.get(hdrs.ORIGIN)
        if origin in self._origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
            if request.method != hdrs.METH_OPTIONS:
                response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = EXPOSED

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to a browser's question before its request; None when this is no such question, or not from a
        listed origin, or about a path that is not there."""
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        known = request.match_info.http_exception
        if not isinstance(known, web.HTTPMethodNotAllowed) or not request.rel_url.raw_path.startswith(SHARED):
            return None
        if request.headers.get(hdrs.ORIGIN) not in self._origins:
            return None
        answer = web.Response(status=204)
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = ", ".join(sorted(known.allowed_methods))
        answer.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = REQUEST_HEADERS
        answer.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = str(MAX_AGE_S)
        _vary(answer, "Access-Control-Request-Method, Access-Control-Request-Headers")
        return answer


def _vary(response: web.StreamResponse, names: str) -> None:
    said = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = names if not said else f"{names}, {said}"
