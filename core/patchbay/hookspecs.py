"""Every hook. Hooks register, objects act: each is synchronous and called once, at start, after settings were read and
before anything is opened; whatever needs to await is a method of the object that was registered.

A hook that raises disables its plugin, by name, and nothing else. Empty sequences and None mean "nothing".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import typer
    from aiohttp import web
    from pydantic import BaseModel

    from patchbay.channel import Channel
    from patchbay.collections import Collection
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
    from patchbay.settings import Settings
    from patchbay.web.operations import Operations

PROJECT = "patchbay"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class PluginSettings:
    """A plugin's table in ``patchbay.toml`` and its environment names: ``PATCHBAY_{TABLE}__{FIELD}``."""

    table: str
    model: type[BaseModel]


@dataclass(frozen=True)
class Permission:
    """What a role can bundle: ``conversations.close`` and one sentence. ``scoped`` is whether it is about rows, so that
    it can be granted for some of them."""

    name: str
    description: str
    scoped: bool = False


@dataclass(frozen=True)
class Route:
    """An HTTP route of a plugin, below ``/api/v1``. ``permission`` None is public and must say why in ``summary``.

    ``deadline_s`` are the seconds until the answer must have begun, 600 at most.
    """

    method: str
    path: str
    handler: Callable[[web.Request], Any]
    permission: str | None
    summary: str
    tags: tuple[str, ...] = ()
    responses: dict[int, str] = field(default_factory=dict)
    deadline_s: float = 2.0


@hookspec
def register_settings() -> PluginSettings | None:
    """Say which settings the plugin reads. The loaded model reaches the other hooks as ``settings.plugin(table)``.

    Two plugins with one table disable the second, by name. Called before every other hook.
    """


@hookspec
def register_channels(settings: Settings) -> Sequence[Channel]:  # type: ignore[empty-body]
    """Offer channels. All are kept; two with one ``name`` disable the second, by name.

    Raises ``ConfigError`` when the settings cannot work: the start stops with that sentence.
    """


@hookspec
def register_stores(settings: Settings) -> dict[str, Callable[[str, Settings], Store]]:  # type: ignore[empty-body]
    """Offer stores by URL scheme: a factory takes the whole URL and the settings and does no IO."""


@hookspec
def register_buses(settings: Settings) -> dict[str, Callable[[str, Settings], Bus]]:  # type: ignore[empty-body]
    """Offer buses by URL scheme, like stores."""


@hookspec
def register_collections(settings: Settings) -> Sequence[Collection[Any]]:  # type: ignore[empty-body]
    """Declare collections that the plugin keeps in the store; names start with the plugin's name."""


@hookspec
def register_authenticators(settings: Settings) -> Sequence[Authenticator]:  # type: ignore[empty-body]
    """Offer ways to tell who is asking. They are asked in the order of the allow list; the first answer wins."""


@hookspec
def register_authorizers(settings: Settings) -> Sequence[Authorizer]:  # type: ignore[empty-body]
    """Offer judges. One deny denies, and so does silence."""


@hookspec
def register_notifiers(settings: Settings) -> Sequence[Notifier]:  # type: ignore[empty-body]
    """Offer ways to tell a person something."""


@hookspec
def register_listeners(settings: Settings) -> Sequence[Listener]:  # type: ignore[empty-body]
    """Offer observers of the log. Each has a durable cursor and a deadline, off the request path."""


@hookspec
def register_services(settings: Settings) -> Sequence[Service]:  # type: ignore[empty-body]
    """Offer what lives as long as the gateway: started once the store is open, with a ``Host`` that does things for it,
    and stopped before the store closes."""


@hookspec
def register_directories(settings: Settings) -> Sequence[Directory]:  # type: ignore[empty-body]
    """Offer those who know the people and departments that conversations may be given to. The first who knows one
    answers."""


@hookspec
def register_recorders(settings: Settings) -> Sequence[Recorder]:  # type: ignore[empty-body]
    """Offer those who write down what is done, in the same commit. What one of them refuses is not done."""


@hookspec
def register_routes(settings: Settings) -> Sequence[Route | Operations]:  # type: ignore[empty-body]
    """Add HTTP routes below ``/api/v1``, bare ones or declared ``Operations``, which have schemas, permissions and
    conditional requests as the core's own do."""


@hookspec
def register_permissions() -> Sequence[Permission]:  # type: ignore[empty-body]
    """Declare permissions that the plugin's routes ask for."""


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to ``python -m patchbay``."""


@hookspec
def register_health(settings: Settings) -> Sequence[HealthCheck]:  # type: ignore[empty-body]
    """Add checks to ``/health``."""
