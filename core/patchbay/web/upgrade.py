"""The request that opens a socket: whether it may, and the credentials that it brings."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from patchbay.errors import Forbidden, Invalid
from patchbay.hub.frames import SUBPROTOCOL
from patchbay.ports import Credentials
from patchbay.settings import HttpSettings

TOKEN_PARAMETERS = ("token", "access_token", "ticket", "api_key", "key", "jwt")


def credentials_of(request: web.Request, token: str | None) -> Credentials:
    """The hello's token, or what the upgrade request brought: a bearer token, an API key, cookies, in this order."""
    if token is not None:
        return Credentials(bearer=token, request=request)
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return Credentials(bearer=value.strip(), request=request)
    if key := request.headers.get("X-API-Key"):
        return Credentials(api_key=key, request=request)
    return Credentials(cookies=dict(request.cookies), request=request)


def check_upgrade(request: web.Request, http: HttpSettings) -> None:
    """Raise unless a socket may be opened by this request: ``Forbidden`` for a page of another origin, ``Invalid`` for
    a token in the URL (URLs end up in logs and histories) or a subprotocol that is not ours."""
    origin = request.headers.get("Origin")
    if origin is not None and not _is_own(origin, request.host, http):
        raise Forbidden("This origin may not open a socket here; PATCHBAY_HTTP__ALLOWED_ORIGINS lists those that may.")
    for name in TOKEN_PARAMETERS:
        if name in request.query:
            raise Invalid(f"No credentials in the URL: send {name} in the hello.", code="token_in_url")
    offered = request.headers.getall("Sec-WebSocket-Protocol", [])
    if offered and SUBPROTOCOL not in [name.strip() for line in offered for name in line.split(",")]:
        raise Invalid(f"The subprotocol is {SUBPROTOCOL}.", code="unknown_subprotocol")


def _is_own(origin: str, host: str, http: HttpSettings) -> bool:
    """Whether a page of this origin is the server's own, or on the list."""
    if origin in http.allowed_origins or (http.public_url and origin == _origin_of(http.public_url)):
        return True
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == host.lower()


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
