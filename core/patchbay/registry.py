"""What the plugins brought, typed and frozen: here pluggy's ``Any`` ends. No IO.

Everything that runs later takes its objects from the registry; nothing calls pluggy after the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from patchbay.channel import Channel
from patchbay.collections import Collection
from patchbay.errors import ConfigError
from patchbay.hookspecs import Permission, Route
from patchbay.ports import (
    Authenticator,
    Authorizer,
    Bus,
    Directory,
    HealthCheck,
    Listener,
    Notifier,
    Recorder,
    Service,
    Store,
)
from patchbay.settings import PREFIX, Settings

if TYPE_CHECKING:
    import typer

    from patchbay.web.operations import Operation

T = TypeVar("T")
StoreFactory = Callable[[str, Settings], Store]
BusFactory = Callable[[str, Settings], Bus]
CommandAdder = Callable[["typer.Typer"], None]

Kind = Literal[
    "settings table",
    "channel",
    "store scheme",
    "bus scheme",
    "collection",
    "authenticator",
    "authorizer",
    "notifier",
    "listener",
    "service",
    "directory",
    "recorder",
    "route",
    "permission",
    "health check",
]


@dataclass(frozen=True)
class Registry:
    """All that is plugged in, in the order of the allow list, the core first.

    ``stores`` and ``buses`` are factories by URL scheme. ``origins`` names the plugin that brought a thing, by its kind
    and name; a route's name is ``GET /path``, and so is that of one of the plugins' ``operations``. ``commands`` are
    the plugins' hooks for the command line, not called yet.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    stores: Mapping[str, StoreFactory] = field(default_factory=dict)
    buses: Mapping[str, BusFactory] = field(default_factory=dict)
    collections: tuple[Collection[Any], ...] = ()
    authenticators: tuple[Authenticator, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    notifiers: tuple[Notifier, ...] = ()
    listeners: tuple[Listener, ...] = ()
    services: tuple[Service, ...] = ()
    directories: tuple[Directory, ...] = ()
    recorders: tuple[Recorder, ...] = ()
    routes: tuple[Route, ...] = ()
    operations: tuple[Operation, ...] = ()
    permissions: tuple[Permission, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    commands: Mapping[str, CommandAdder] = field(default_factory=dict)
    origins: Mapping[tuple[Kind, str], str] = field(default_factory=dict)

    def origin(self, kind: Kind, name: str) -> str:
        """The plugin that brought it. Raises ``KeyError`` for what nobody brought."""
        return self.origins[kind, name]

    def store(self, settings: Settings) -> Store:
        """The store that the settings ask for, not opened yet. Raises ``ConfigError``."""
        return _by_scheme("STORE", settings.store_url, self.stores)(settings.store_url, settings)

    def bus(self, settings: Settings) -> Bus:
        """The bus that the settings ask for, not opened yet. Raises ``ConfigError``."""
        return _by_scheme("BUS", settings.bus, self.buses)(settings.bus, settings)


def _by_scheme(setting: str, url: str, factories: Mapping[str, T]) -> T:
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    found = factories.get(scheme)
    if found is None:
        known = ", ".join(f"{name}://" for name in sorted(factories)) or "none"
        asked = f"{scheme}://, which no enabled plugin serves" if scheme else "no URL scheme"
        raise ConfigError(f"{PREFIX}{setting} has {asked}; those that can be used: {known}.")
    return found
