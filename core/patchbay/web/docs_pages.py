"""``/docs`` (Swagger UI) and ``/redoc`` (ReDoc): everything they load is served from here, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway

STATIC = files("patchbay.web") / "static"
ASSETS = {  # the whole table: a path that is not in it is not there
    "/docs/swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "/docs/swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "/docs/start.js": ("docs-start.js", "text/javascript"),
    "/redoc/redoc.standalone.js": ("redoc/redoc.standalone.js", "text/javascript"),
    "/redoc/start.js": ("redoc-start.js", "text/javascript"),
}
PAGES = {"/docs": "docs.html", "/redoc": "redoc.html"}
# Looser than the policy of section 7 in three places, each for these two libraries alone: both write style elements and
# attributes from scripts ('unsafe-inline' for styles), draw some signs from data: addresses, and build their pages as
# text, which trusted types would refuse. No script is inline, and none is loaded or asked for anything from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
WebHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def register(app: web.Application, gateway: Gateway) -> None:
    """Mount the pages, unless ``http.docs`` is off."""
    if not gateway.settings.http.docs:
        return
    app.router.add_get("/", front)
    for path, name in PAGES.items():
        app.router.add_get(path, page(name))
    for path, (name, content_type) in ASSETS.items():
        app.router.add_get(path, asset(name, content_type))


async def front(request: web.Request) -> web.Response:
    """Whoever opens the address that was printed wants to look around."""
    return web.Response(status=302, headers={"Location": "/docs", **_headers("no-store")})


def page(name: str) -> WebHandler:
    """A page of ours."""

    async def show(request: web.Request) -> web.Response:
        body = (STATIC / name).read_bytes()
        return web.Response(body=body, content_type="text/html", charset="utf-8", headers=_headers("no-cache"))

    return show


def asset(name: str, content_type: str) -> WebHandler:
    """A file of a page. It is read once and stays in memory from then on: 3 MB, only when somebody looks."""
    held: list[bytes] = []

    async def show(request: web.Request) -> web.Response:
        if not held:
            held.append((STATIC / name).read_bytes())
        headers = _headers("public, max-age=3600")
        return web.Response(body=held[0], content_type=content_type, charset="utf-8", headers=headers)

    return show


def _headers(cache: str) -> dict[str, str]:
    return {"Content-Security-Policy": POLICY, "Cache-Control": cache, "Cross-Origin-Resource-Policy": "same-origin"}
