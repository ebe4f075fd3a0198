"""What plugins brought, with a watch over each thing: the gateway uses these in the place of the objects themselves.

A watch adds a deadline where the call can wait and has nobody of its own who gives it one, reads what came back, and
keeps the record. What a contract foresees passes untouched. The core's own things go without.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from patchbay.errors import PatchbayError, PluginUnavailable, RequestError, SignInUnavailable, StoreError
from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.model.rows import ALL_ROWS, NO_ROWS, Rows
from patchbay.plugins.conduct import Conduct, Junk, kind
from patchbay.plugins.contain import Hung
from patchbay.plugins.loader import CORE
from patchbay.plugins.watched_channel import watched_channel
from patchbay.plugins.watched_plugin import Plugin
from patchbay.plugins.watched_routes import below_root, watched_operation, watched_route
from patchbay.ports import (
    Authenticator,
    Authorizer,
    Credentials,
    HealthCheck,
    Listener,
    RowAuthorizer,
    Standing,
    Verdict,
)
from patchbay.registry import Kind, Registry

T = TypeVar("T")
N = TypeVar("N")


def watched(registry: Registry, conduct: Conduct) -> Registry:
    """The registry with a watch over all that plugins brought and that is called while the gateway runs."""

    def over(
        kind: Kind, things: Sequence[N], name: Callable[[N], str], watch: Callable[[N, Plugin], N]
    ) -> tuple[N, ...]:
        made: list[N] = []
        for thing in things:
            plugin = registry.origins.get((kind, name(thing)), CORE)
            made.append(thing if plugin == CORE else watch(thing, Plugin(plugin, conduct)))
        return tuple(made)

    def named(thing: Any) -> str:
        return str(thing.name)

    channels = over(
        "channel", list(registry.channels.values()), named, lambda each, plugin: watched_channel(each, plugin.record)
    )
    return replace(
        registry,
        channels=MappingProxyType(dict(zip(registry.channels, channels, strict=True))),
        authenticators=over("authenticator", registry.authenticators, named, WatchedAuthenticator),
        authorizers=over("authorizer", registry.authorizers, named, WatchedAuthorizer),
        listeners=over("listener", registry.listeners, named, WatchedListener),
        health_checks=over("health check", registry.health_checks, named, WatchedCheck),
        routes=over("route", registry.routes, lambda route: f"{route.method} {route.path}", watched_route),
        operations=over("route", registry.operations, below_root, watched_operation),
    )


class WatchedAuthenticator:
    """One that hangs, raises or gives junk raises ``SignInUnavailable``: others are asked, and nobody is let in."""

    def __init__(self, authenticator: Authenticator, plugin: Plugin) -> None:
        self.name = authenticator.name
        self._authenticator = authenticator
        self._plugin = plugin
        self._record = plugin.record(f"authenticate of the authenticator {self.name}")
        self._standing = plugin.record(f"still_valid of the authenticator {self.name}")

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        record = self._record
        try:
            record.admit()
            principal = await self._plugin.call(lambda: self._authenticator.authenticate(credentials), record.what)
            if principal is not None and not isinstance(principal, Principal):
                raise Junk(f"gave {kind(principal)} where a Principal or None belongs")
        except (RequestError, StoreError):
            record.went_well()
            raise
        except PluginUnavailable as error:  # it rests
            raise _unheard(error.retry_after_s) from error
        except Exception as error:
            record.failed(error)
            raise _unheard() from error
        if record.in_a_row:
            record.went_well()
        return principal

    async def still_valid(self, principal: Principal) -> bool:
        """Whoever cannot say, nobody stays for: the hub asks again, and holds the connection meanwhile."""
        if not isinstance(self._authenticator, Standing):
            return True
        try:
            return await self._plugin.call(
                lambda: self._authenticator.still_valid(principal),  # type: ignore[attr-defined]
                self._standing.what,
            )
        except StoreError:
            raise
        except Exception as error:
            self._standing.failed(error)
            raise _unheard() from error


def _unheard(retry_after_s: float = 1.0) -> SignInUnavailable:
    return SignInUnavailable("What may know this token does not answer; try again.", retry_after_s=retry_after_s)


class WatchedAuthorizer:
    """One that raises denies: what it would have forbidden must not pass."""

    def __init__(self, authorizer: Authorizer, plugin: Plugin) -> None:
        self.name = authorizer.name
        self._decide = authorizer.decide
        self._sees = authorizer.sees
        self._rows = authorizer.rows if isinstance(authorizer, RowAuthorizer) else None
        self._deciding = plugin.record(f"decide of the authorizer {self.name}")
        self._seeing = plugin.record(f"sees of the authorizer {self.name}")

    def decide(self, principal: Principal, permission: str) -> Verdict:
        try:
            verdict = self._decide(principal, permission)
        except Exception as error:
            self._deciding.failed(error)
            return "deny"
        if self._deciding.in_a_row:
            self._deciding.went_well()
        return verdict

    def rows(self, principal: Principal, permission: str) -> Rows:
        """Its rows; none where it raises, all where it has no opinion."""
        if self._rows is None:
            return ALL_ROWS
        try:
            rows = self._rows(principal, permission)
            if not isinstance(rows, Rows):
                raise Junk(f"gave {kind(rows)} where Rows belong")
            return rows
        except Exception as error:
            self._deciding.failed(error)
            return NO_ROWS

    def sees(self, principal: Principal, event: Event) -> Verdict:
        try:
            verdict = self._sees(principal, event)
        except Exception as error:
            self._seeing.failed(error)
            return "deny"
        if self._seeing.in_a_row:
            self._seeing.went_well()
        return verdict


class Timed:
    """Calls of a thing whose caller has a deadline of its own, and cancels what is late. What catches that is waited
    for before anything is called again."""

    def __init__(self, plugin: Plugin, what: str) -> None:
        self._plugin = plugin
        self._running = 0
        self._late = False
        self.record = plugin.record(what)

    async def call(self, call: Callable[[], Awaitable[T]]) -> T:
        """The answer. Raises what the call raises, ``Hung`` while one that was cancelled does not end."""
        if self._late:
            self.record.failed(Hung())
            raise Hung
        try:
            return await self._plugin.call(lambda: self._counted(call), self.record.what, deadline_s=None)
        except asyncio.CancelledError:
            self._late = bool(self._running)
            self.record.failed(Hung())
            raise

    async def _counted(self, call: Callable[[], Awaitable[T]]) -> T:
        self._running += 1
        try:
            return await call()
        finally:
            self._running -= 1
            self._late = self._late and bool(self._running)


class WatchedListener:
    """``Listening`` has the deadline and the breaker; this keeps the record, and stubborn ones from holding it up."""

    def __init__(self, listener: Listener, plugin: Plugin) -> None:
        self.name = listener.name
        self._listener = listener
        self._calls = Timed(plugin, f"on_events of the listener {self.name}")

    async def on_events(self, events: Sequence[Event]) -> None:
        record = self._calls.record
        try:
            await self._calls.call(lambda: self._listener.on_events(events))
        except Hung:
            raise
        except Exception as error:
            record.failed(error)
            raise
        if record.in_a_row:
            record.went_well()


class WatchedCheck:
    """``/health`` has the deadline. That a check raises is what it is for; that it hangs or gives junk is not."""

    def __init__(self, check: HealthCheck, plugin: Plugin) -> None:
        self.name = check.name
        self._check = check
        self._calls = Timed(plugin, f"check of the health check {self.name}")

    async def check(self) -> Mapping[str, Any]:
        record = self._calls.record
        try:
            details = await self._calls.call(self._check.check)
        except Hung:
            raise PatchbayError("It has not come back since it was asked before.") from None
        except Exception:
            record.went_well()
            raise
        try:
            if not isinstance(details, Mapping):
                raise Junk(f"gave {kind(details)} where details belong")
            told: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode(dict(details)))
        except Exception as error:
            junk = error if isinstance(error, Junk) else Junk("gave details that are no JSON")
            record.failed(junk)
            raise PatchbayError(f"It {junk}.") from error
        record.went_well()
        return told
