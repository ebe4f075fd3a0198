"""The core's own plugin: its defaults come in through the same hooks as anybody's."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

from patchbay.collections import CORE_COLLECTIONS, Collection
from patchbay.hookspecs import hookimpl
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.ports import Authenticator, Authorizer, Bus, Credentials, Store, Verdict
from patchbay.settings import Settings

ADMINISTRATOR = Principal(type="bootstrap", id="admin", name="Administrator")


class BootstrapAuthenticator:
    """Whoever brings the administrator's token, as a bearer or as an API key, is the administrator.

    ``token`` is asked once, at the first request: hooks do no IO, and the token may have to be made. Once it is
    ``retired``, for there are people who may administrate, it means nothing.
    """

    name = "bootstrap"

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._digest: bytes | None = None
        self.retired = False

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        if self.retired:
            return None
        if self._digest is None:
            self._digest = _digest(self._token())
        for given in (credentials.bearer, credentials.api_key):
            if given is not None and hmac.compare_digest(_digest(given), self._digest):
                return ADMINISTRATOR
        return None

    async def still_valid(self, principal: Principal) -> bool:
        return principal.type != "bootstrap" or not self.retired


class BootstrapAuthorizer:
    """The administrator may do and see everything; about others it has no opinion."""

    name = "bootstrap"

    def decide(self, principal: Principal, permission: str) -> Verdict:
        return "allow" if principal.type == "bootstrap" else "abstain"

    def sees(self, principal: Principal, event: Event) -> Verdict:
        return "allow" if principal.type == "bootstrap" else "abstain"


def _digest(token: str) -> bytes:
    """Of one length whatever the token, so that comparing tells nothing."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


@hookimpl
def register_authenticators(settings: Settings) -> Sequence[Authenticator]:
    def token() -> str:
        from patchbay.secrets import open_admin_token

        return open_admin_token(settings)

    return [BootstrapAuthenticator(token)]


@hookimpl
def register_authorizers() -> Sequence[Authorizer]:
    return [BootstrapAuthorizer()]


@hookimpl
def register_stores() -> dict[str, Callable[[str, Settings], Store]]:
    return {"sqlite": sqlite_store}


@hookimpl
def register_buses() -> dict[str, Callable[[str, Settings], Bus]]:
    return {"local": local_bus}


def sqlite_store(url: str, settings: Settings) -> Store:
    """The embedded store; imported when it is asked for. Raises ``ConfigError``."""
    from patchbay.storage import sqlite

    return sqlite.sqlite_store(url, settings)


def local_bus(url: str, settings: Settings) -> Bus:
    """The bell of one process."""
    from patchbay.bus.local import LocalBus

    return LocalBus()


@hookimpl
def register_collections() -> Sequence[Collection[Any]]:
    return CORE_COLLECTIONS
