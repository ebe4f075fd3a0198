"""Who is asking, and may they: every operation, deny by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from patchbay.errors import Forbidden, SignInUnavailable, Unauthenticated
from patchbay.model.principal import Principal
from patchbay.model.rows import ALL_ROWS, Rows
from patchbay.ports import Authenticator, Authorizer, Credentials
from patchbay.web.operations import UNSAFE

if TYPE_CHECKING:
    from patchbay.settings import Settings

MAX_CREDENTIAL = 8192  # characters; no token of ours is longer
_WWW_AUTHENTICATE = 'Bearer realm="patchbay"'


def credentials_of(request: web.Request) -> Credentials:
    """What the request brought: a bearer token, else an API key, else cookies. Never anything from the URL.

    Raises ``Unauthenticated`` for an Authorization header that is no bearer token.
    """
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > MAX_CREDENTIAL:
            raise Unauthenticated(
                "Send the token as: Authorization: Bearer <token>.",
                headers={"WWW-Authenticate": f'{_WWW_AUTHENTICATE}, error="invalid_request"'},
            )
        return Credentials(bearer=token, request=request)
    api_key = request.headers.get("X-API-Key")
    if api_key is not None:
        if not api_key or len(api_key) > MAX_CREDENTIAL:
            raise Unauthenticated("The API key in X-API-Key is empty or too long.")
        return Credentials(api_key=api_key, request=request)
    return Credentials(cookies=request.cookies, request=request)


async def principal_for(credentials: Credentials, authenticators: Sequence[Authenticator]) -> Principal:
    """Who has these credentials: the first authenticator with an answer wins.

    One that cannot say is passed over: who is known to another gets in. Raises ``Unauthenticated`` when nobody knows
    them, ``SignInUnavailable`` when that is not sure. For a socket's hello as well as for requests.
    """
    unheard: SignInUnavailable | None = None
    for authenticator in authenticators:
        try:
            principal = await authenticator.authenticate(credentials)
        except SignInUnavailable as silent:
            unheard = silent
            continue
        if principal is not None:
            return principal
    if unheard is not None:
        raise unheard
    given = credentials.bearer is not None or credentials.api_key is not None
    error = ', error="invalid_token"' if given else ""
    raise Unauthenticated(
        "The token is not valid, or no longer." if given else "Send a token: Authorization: Bearer <token>.",
        headers={"WWW-Authenticate": _WWW_AUTHENTICATE + error},
    )


def is_allowed(principal: Principal, permission: str, authorizers: Sequence[Authorizer]) -> bool:
    """Whether somebody allows it and nobody denies it."""
    allowed = False
    for authorizer in authorizers:
        verdict = authorizer.decide(principal, permission)
        if verdict == "deny":
            return False
        allowed = allowed or verdict == "allow"
    return allowed


def authorise(principal: Principal, permission: str, authorizers: Sequence[Authorizer]) -> None:
    """Raises ``Forbidden`` unless the principal may use the permission."""
    if not is_allowed(principal, permission, authorizers):
        raise Forbidden(f"This needs the permission {permission}.", extra={"permission": permission})


def rows_of(principal: Principal, permission: str, authorizers: Sequence[Authorizer]) -> Rows:
    """The rows for which everybody who allows the permission does; to be asked once it is allowed."""
    rows = ALL_ROWS
    for authorizer in authorizers:
        # asked at each request, where isinstance() with the Protocol RowAuthorizer would cost as much as all the rest
        rows_by: Callable[[Principal, str], Rows] | None = getattr(authorizer, "rows", None)
        if rows_by is not None and authorizer.decide(principal, permission) == "allow":
            rows = rows & rows_by(principal, permission)
    return rows


def refuse_forged(request: web.Request, credentials: Credentials, settings: Settings) -> None:
    """Raises ``Forbidden`` for an unsafe request that rides on a cookie and is not from one of our own pages.

    A browser adds cookies to what other sites make it send; it does not let them set ``X-Requested-With``, and it says
    where the page is from in ``Origin``.
    """
    if request.method not in UNSAFE or credentials.bearer is not None or credentials.api_key is not None:
        return
    if not credentials.cookies:
        return
    if "X-Requested-With" not in request.headers:
        raise Forbidden("With a session cookie, send the header X-Requested-With.")
    site = request.headers.get("Sec-Fetch-Site")
    own = site in (None, "same-origin") or request.headers.get("Origin") in settings.http.allowed_origins
    if not own or not origin_allowed(request, settings):
        raise Forbidden("This origin may not use the session cookie.")


def origin_allowed(request: web.Request, settings: Settings) -> bool:
    """Whether ``Origin`` is ours, or on the list ``http.allowed_origins``; without the header it is not."""
    origin = request.headers.get("Origin")
    if not origin or origin == "null":
        return False
    if origin in settings.http.allowed_origins:
        return True
    public = settings.http.public_url
    if public is not None:
        parts = urlsplit(public)
        return origin == f"{parts.scheme}://{parts.netloc}"
    return origin == f"{request.scheme}://{request.host}"
