"""The composition root of the edge: a gateway becomes an aiohttp application. No globals, nothing is opened here."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from patchbay.errors import PluginError
from patchbay.hookspecs import Route
from patchbay.web import keys
from patchbay.web.endpoint import Guard, endpoint, plugin_endpoint
from patchbay.web.grants import grants
from patchbay.web.idempotency import IdempotencyKeys
from patchbay.web.middlewares.edge import edge, header_signal
from patchbay.web.operations import API_ROOT, Operation, Operations, Public
from patchbay.web.ratelimit import RateLimiter, WindowStorage

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway

log = structlog.get_logger(__name__)
MAX_HANDLER_READ = 1024  # bytes; aiohttp's own limit, for handlers that would read a body without ``bodies``


def build_app(gateway: Gateway, modules: Sequence[ModuleType] | None = None) -> web.Application:
    """The whole edge: resources, plugins' routes, callbacks, documentation, health.

    ``modules`` are what ``resource_modules`` finds, unless given.

    Raises ``PluginError`` for an operation without a declared permission, or two with one method and path.
    """
    app = web.Application(middlewares=[edge], client_max_size=MAX_HANDLER_READ)
    app[keys.GATEWAY] = gateway
    app[keys.IDEMPOTENCY] = IdempotencyKeys()
    limiter = RateLimiter(
        WindowStorage(clock=gateway.clock), gateway.clock, gateway.settings.http.rate_limit_per_minute
    )
    app[keys.RATE_LIMITER] = limiter
    app.on_response_prepare.append(header_signal(gateway.settings))

    modules = list(resource_modules()) if modules is None else modules
    declared = [operation for module in modules for operation in declarations(module)]
    app[keys.PERMISSIONS] = permissions(gateway, modules)
    _check(declared, app[keys.PERMISSIONS])

    guard = Guard(gateway, limiter)
    for operation in declared:
        _mount(app, operation, gateway, guard)
    for module in modules:
        register: Callable[[web.Application, Gateway], None] | None = getattr(module, "register", None)
        if register is not None:
            register(app, gateway)
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    usable, app[keys.REFUSED_ROUTES] = _usable_routes(gateway, app[keys.PERMISSIONS], served)
    app[keys.PLUGIN_ROUTES] = tuple(each for each in usable if isinstance(each, Route))
    operations = tuple(each for each in usable if isinstance(each, Operation))
    app[keys.OPERATIONS] = (*declared, *operations)
    for operation in operations:
        _mount(app, operation, gateway, guard)
    for route in app[keys.PLUGIN_ROUTES]:
        app.router.add_route(route.method, API_ROOT + route.path, plugin_endpoint(route, gateway, guard))
    return app


def _mount(app: web.Application, operation: Operation, gateway: Gateway, guard: Guard) -> None:
    handler = endpoint(operation, gateway, guard)
    app.router.add_route(operation.method, operation.path, handler)
    if operation.method == "GET":
        app.router.add_route("HEAD", operation.path, handler)


def resource_modules() -> Iterator[ModuleType]:
    """The modules of ``patchbay.web`` that serve something, by name: those with ``OPERATIONS`` or ``register``."""
    package = import_module("patchbay.web")
    for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if found.ispkg or found.name in _FOUNDATION:
            continue
        module = import_module(f"patchbay.web.{found.name}")
        if hasattr(module, "OPERATIONS") or hasattr(module, "register"):
            yield module


_FOUNDATION = frozenset({"app", "keys", "operations", "endpoint"})  # they speak of operations and serve none


def declarations(module: ModuleType) -> Iterable[Operation]:
    """The operations of a module."""
    declared: Operations | None = getattr(module, "OPERATIONS", None)
    return declared.declared if declared is not None else ()


def permissions(gateway: Gateway, modules: Iterable[ModuleType]) -> dict[str, str]:
    """Every permission that can be granted, with its sentence: the edge's own and those of plugins."""
    return {name: each.description for name, each in grants(gateway.registry, modules).items()}


def _check(declared: Iterable[Operation], names: Mapping[str, str]) -> None:
    """Raises ``PluginError`` for an operation that cannot be served: that is a mistake of our own."""
    seen: set[tuple[str, str]] = set()
    for operation in declared:
        _check_permission(f"{operation.method} {operation.path}", operation.permission, names)
        _check_once(seen, operation.method, operation.path)


def _usable_routes(
    gateway: Gateway, names: Mapping[str, str], seen: set[tuple[str, str]]
) -> tuple[list[Route | Operation], list[tuple[str, str]]]:
    """The plugins' routes and operations that can be served; and of the others, the plugin and why not. They cost
    nobody else."""
    usable: list[Route | Operation] = []
    refused: list[tuple[str, str]] = []
    offered: list[Route | Operation] = [*gateway.registry.routes, *gateway.registry.operations]
    for route in offered:
        below = route.path.removeprefix(API_ROOT) if isinstance(route, Operation) else route.path
        where = f"{route.method} {API_ROOT}{below}"
        try:
            _check_permission(where, Public(route.summary) if route.permission is None else route.permission, names)
            _check_once(seen, route.method, API_ROOT + below)
        except PluginError as error:
            plugin = gateway.registry.origins.get(("route", f"{route.method} {below}"), "unknown")
            log.error("plugin.route_refused", plugin=plugin, told=error.detail)
            refused.append((plugin, error.detail))
        else:
            usable.append(route)
    return usable, refused


def _check_permission(where: str, permission: str | Public, known: Mapping[str, str]) -> None:
    if isinstance(permission, Public):
        if not permission.reason:
            raise PluginError(f"{where} is public and does not say why.")
    elif permission not in known:
        raise PluginError(f"{where} asks for the permission {permission!r}, which nobody declared.")


def _check_once(seen: set[tuple[str, str]], method: str, path: str) -> None:
    if (method, path) in seen:
        raise PluginError(f"{method} {path} is declared twice.")
    seen.add((method, path))
