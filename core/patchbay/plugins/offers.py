"""What a plugin's hooks returned, checked: a plugin that returns junk is found at the start, by name.

Each reader takes the raw answer of one hook and gives the things in it by name; it raises ``PluginError`` with one
sentence about the first thing that is not what the hook's contract says.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from patchbay.channel import Capabilities, Channel, ConfiguredAccount
from patchbay.collections import Collection
from patchbay.errors import PluginError
from patchbay.hookspecs import Permission, PluginSettings, Route
from patchbay.model.document import Document
from patchbay.ports import (
    Authenticator,
    Authorizer,
    Directory,
    HealthCheck,
    Listener,
    Notifier,
    Recorder,
    Service,
)
from patchbay.registry import Kind
from patchbay.settings import Settings

AT_MOST = 1000  # things from one hook; more is a mistake, and nobody should wait for it
LONGEST_S = 600.0  # deadline of a route
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
TABLE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}")
PERMISSION = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
PATH = re.compile(r"/[!-~]*")
CORE_CHECKS = frozenset({"store", "ingest", "plugins"})  # what `/health` tells by itself
CORE_TABLES = frozenset(Settings.model_fields)
Reader = Callable[[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Offer:
    """How the answer of one hook is read; ``takes_settings`` is whether the hook does."""

    hook: str
    kind: Kind
    read: Reader
    takes_settings: bool = True


def settings_table(plugin: str, answer: Any) -> dict[str, Any]:
    """The plugin's own settings table and its model."""
    if not isinstance(answer, PluginSettings):
        raise PluginError(f"it returned {_shown(answer)} where a PluginSettings belongs")
    if not _is_text(answer.table, TABLE):
        raise PluginError(f"{_shown(answer.table)} cannot be a settings table; use lower case words joined by single _")
    if answer.table in CORE_TABLES:
        raise PluginError(f"the settings table [{answer.table}] belongs to the core")
    if not _is_class(answer.model, BaseModel):
        raise PluginError(f"the model of its table [{answer.table}] is not a pydantic model")
    return {answer.table: answer.model}


def channels(plugin: str, answer: Any) -> dict[str, Any]:
    """Channels by name."""
    found = _objects(answer, Channel)
    for name, channel in found.items():
        if not isinstance(channel.capabilities, Capabilities):
            raise PluginError(f"the capabilities of its channel {name} are {_shown(channel.capabilities)}")
        if not _is_class(channel.account_settings, BaseModel):
            raise PluginError(f"the account_settings of its channel {name} are not a pydantic model")
        wanted = channel.credential_names
        if not isinstance(wanted, tuple) or not all(isinstance(each, str) for each in wanted):
            raise PluginError(f"the credential_names of its channel {name} are not a tuple of names")
        if not all(isinstance(account, ConfiguredAccount) for account in _listed(channel.configured_accounts())):
            raise PluginError(f"the configured_accounts of its channel {name} are not all a ConfiguredAccount")
        if not all(isinstance(gap, str) for gap in _listed(channel.gaps())):
            raise PluginError(f"the gaps of its channel {name} are not all a sentence")
    return found


def factories(plugin: str, answer: Any) -> dict[str, Any]:
    """Factories of stores or buses by URL scheme."""
    if not isinstance(answer, Mapping):
        raise PluginError(f"it returned {_shown(answer)} where a mapping of URL schemes to factories belongs")
    found = dict(answer)
    for scheme, factory in found.items():
        if not _is_text(scheme, SCHEME):
            raise PluginError(f"{_shown(scheme)} is not a URL scheme")
        if not callable(factory):
            raise PluginError(f"what it offers for {scheme}:// is {_shown(factory)}, not a factory")
    return found


def collections(plugin: str, answer: Any) -> dict[str, Any]:
    """Collections by name; a plugin's begin with its own name."""
    found: dict[str, Any] = {}
    for collection in _listed(answer):
        if not isinstance(collection, Collection):
            raise PluginError(f"it returned {_shown(collection)} where a Collection belongs")
        if not _is_class(collection.type, Document):
            raise PluginError(f"the documents of its collection {collection.name} are not a Document type")
        if plugin != "core" and not str(collection.name).startswith(plugin):
            raise PluginError(f"its collection {collection.name} must have a name that starts with {plugin}")
        _add(found, collection.name, collection)
    return found


def routes(plugin: str, answer: Any) -> dict[str, Any]:
    """Routes and declared operations by method and path below ``/api/v1``."""
    from patchbay.web.operations import API_ROOT, Operations

    found: dict[str, Any] = {}
    for offered in _listed(answer):
        if isinstance(offered, Operations):
            for operation in offered.declared:
                below = operation.path.removeprefix(API_ROOT)
                if below == operation.path:
                    raise PluginError(f"the path {_shown(operation.path)} of an operation is not below {API_ROOT}")
                _check_route(operation.method, below, operation.handler, operation.deadline_s)
                _add(found, f"{operation.method} {below}", operation)
            continue
        if not isinstance(offered, Route):
            raise PluginError(f"it returned {_shown(offered)} where a Route belongs")
        _check_route(offered.method, offered.path, offered.handler, offered.deadline_s)
        if offered.permission is not None and not isinstance(offered.permission, str):
            raise PluginError(f"the permission of {offered.method} {offered.path} is {_shown(offered.permission)}")
        if offered.permission is None and not offered.summary:
            where = f"{offered.method} {offered.path}"
            raise PluginError(f"{where} asks for no permission and its summary does not say why")
        _add(found, f"{offered.method} {offered.path}", offered)
    return found


def _check_route(method: Any, path: Any, handler: Any, deadline_s: Any) -> None:
    if method not in METHODS:
        raise PluginError(f"{_shown(method)} is not a method of a route; use one of {', '.join(METHODS)}")
    if not _is_text(path, PATH):
        raise PluginError(f"the path {_shown(path)} of a route must start with / and hold no space")
    if not _can_be_routed(path):
        raise PluginError(f"the places in the path {_shown(path)} of a route are not well-formed")
    if not callable(handler):
        raise PluginError(f"the handler of {method} {path} cannot be called")
    if not isinstance(deadline_s, int | float) or not 0 < deadline_s <= LONGEST_S:
        told = f"{method} {path} is {_shown(deadline_s)}, not seconds up to {LONGEST_S:g}"
        raise PluginError(f"the deadline_s of {told}")


def health_checks(plugin: str, answer: Any) -> dict[str, Any]:
    """Health checks by name; those of the core's own are taken."""
    found = _objects(answer, HealthCheck)
    for name in found:
        if plugin != "core" and name in CORE_CHECKS:
            raise PluginError(f"the health check {name} is the core's own; call it {plugin}-{name}")
    return found


def permissions(plugin: str, answer: Any) -> dict[str, Any]:
    """Permissions by name."""
    found: dict[str, Any] = {}
    for permission in _listed(answer):
        if not isinstance(permission, Permission):
            raise PluginError(f"it returned {_shown(permission)} where a Permission belongs")
        if not _is_text(permission.name, PERMISSION):
            raise PluginError(f"{_shown(permission.name)} is not a permission's name, such as conversations.close")
        _add(found, permission.name, permission)
    return found


def _reader(protocol: type) -> Reader:
    return lambda plugin, answer: _objects(answer, protocol)


SETTINGS = Offer("register_settings", "settings table", settings_table, takes_settings=False)
OFFERS: tuple[Offer, ...] = (
    Offer("register_channels", "channel", channels),
    Offer("register_stores", "store scheme", factories),
    Offer("register_buses", "bus scheme", factories),
    Offer("register_collections", "collection", collections),
    Offer("register_authenticators", "authenticator", _reader(Authenticator)),
    Offer("register_authorizers", "authorizer", _reader(Authorizer)),
    Offer("register_notifiers", "notifier", _reader(Notifier)),
    Offer("register_listeners", "listener", _reader(Listener)),
    Offer("register_services", "service", _reader(Service)),
    Offer("register_directories", "directory", _reader(Directory)),
    Offer("register_recorders", "recorder", _reader(Recorder)),
    Offer("register_routes", "route", routes),
    Offer("register_permissions", "permission", permissions, takes_settings=False),
    Offer("register_health", "health check", health_checks),
)


def _listed(answer: Any) -> list[Any]:
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
        raise PluginError(f"it returned {_shown(answer)} where a list or tuple belongs")
    if len(answer) > AT_MOST:
        raise PluginError(f"it returned {len(answer)} things; {AT_MOST} are the most")
    return list(answer)


def _can_be_routed(path: str) -> bool:
    from aiohttp.web import UrlDispatcher

    try:
        UrlDispatcher().add_resource(path)
    except ValueError:
        return False
    return True


def _is_text(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_class(value: Any, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _objects(answer: Any, protocol: type) -> dict[str, Any]:
    """Objects that have all that the protocol asks for, by name."""
    found: dict[str, Any] = {}
    for thing in _listed(answer):
        if isinstance(thing, type):
            raise PluginError(f"it returned the class {thing.__name__} where an object of it belongs")
        wrong = _lacks(thing, protocol)
        if wrong:
            raise PluginError(f"{_shown(thing)} is no {protocol.__name__}: {wrong}")
        if not _is_text(thing.name, NAME):
            raise PluginError(f"{_shown(thing.name)} is not a name; use lower case letters, digits, _ and -")
        _add(found, thing.name, thing)
    return found


def _lacks(thing: Any, protocol: type) -> str | None:
    """What the protocol asks for and the thing does not have."""
    missing = object()
    members = {name for name in (*protocol.__annotations__, *vars(protocol)) if not name.startswith("_")}
    for name in sorted(members):
        value = getattr(thing, name, missing)
        if value is missing:
            return f"it has no {name}"
        wanted = vars(protocol).get(name)
        if inspect.isfunction(wanted):
            if not callable(value):
                return f"its {name} cannot be called"
            if inspect.iscoroutinefunction(value) and not inspect.iscoroutinefunction(wanted):
                return f"its {name} must not be async"
    return None


def _add(found: dict[str, Any], name: str, thing: Any) -> None:
    if name in found:
        raise PluginError(f"it offers {name} twice")
    found[name] = thing


def _shown(value: Any) -> str:
    """A value as a sentence can hold it: short texts and numbers themselves, anything else by its type."""
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, str) and len(value) <= 40:
        return repr(value)
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
