"""Loading plugins: one by one, from the allow list, each contained.

A plugin that is not on the list is never imported. One that cannot be imported, implements a hook wrongly, raises,
hangs or returns junk is reported by name with one sentence and brings nothing; the others are asked all the same, for
each has a plugin manager of its own. What stops the start is a wrong setting (``ConfigError``), and the failure of a
plugin that ``required_plugins`` names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from importlib.metadata import EntryPoint
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel

from patchbay import __version__, builtin
from patchbay.errors import ConfigError, PluginError
from patchbay.hookspecs import Route
from patchbay.plugins.contain import contained, said, traced
from patchbay.plugins.hooks import Hooks
from patchbay.plugins.offers import OFFERS, SETTINGS, Offer
from patchbay.plugins.report import PluginReport, PluginState
from patchbay.registry import CommandAdder, Kind, Registry
from patchbay.settings import PREFIX, Settings, load_settings, plugin_list, read_tables, validated

GROUP = "patchbay.plugins"
CORE = "core"  # the name that the core's own plugin goes by; no other can have it
HOOK_DEADLINE_S = 10.0  # for an import and for each hook; both happen once, at start
T = TypeVar("T")
Origins = dict[tuple[Kind, str], str]


@dataclass(frozen=True)
class Loaded:
    """A gateway's settings and all that is plugged in.

    ``reports`` are in the order of the allow list, the core first. ``unlisted`` names plugins that are installed and
    not on the list: they were not imported.
    """

    settings: Settings
    registry: Registry
    reports: tuple[PluginReport, ...]
    unlisted: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[PluginReport, ...]:
        """The plugins that were asked for and are not there."""
        return tuple(report for report in self.reports if report.state != "loaded")


def load_plugins(
    environ: Mapping[str, str],
    file_text: str = "",
    *,
    entry_points: Iterable[EntryPoint] | None = None,
    deadline_s: float = HOOK_DEADLINE_S,
    enforce_required: bool = True,
) -> Loaded:
    """Settings and plugins from the environment and the text of ``patchbay.toml``.

    ``entry_points`` are those that may be plugged in, by default all that are installed in the group.

    Raises: ``ConfigError`` when a setting is wrong, ``PluginError`` when a required plugin could not be loaded.
    """
    tree = read_tables(environ, file_text)
    listed = [name for name in plugin_list(tree) if name != CORE]
    installed = _by_name(offered_here() if entry_points is None else entry_points)
    plugins = [_Plugin(CORE, deadline_s), *(_Plugin(name, deadline_s) for name in listed)]

    for plugin in plugins:
        plugin.bring_in(installed)
    tables: dict[str, BaseModel] = {}
    origins: Origins = {}
    for plugin in plugins:
        plugin.read_settings(tree, tables, origins)
    settings = _settings(tree, tables, plugins)
    things: dict[Kind, dict[str, Any]] = {offer.kind: {} for offer in OFFERS}
    for plugin in plugins:
        plugin.hand_in(settings, things, origins)

    reports = tuple(plugin.report() for plugin in plugins)
    if reports[0].error is not None:
        raise PluginError(f"The core's own plugin is broken: {reports[0].error}")
    if enforce_required:
        _enforce(settings.required_plugins, reports)
    commands = {
        plugin.name: plugin.hooks.command_adder()
        for plugin in plugins
        if plugin.hooks is not None and plugin.error is None and "register_commands" in plugin.hooks.names
    }
    unlisted = tuple(sorted(set(installed) - set(listed)))
    return Loaded(settings, _registry(things, commands, origins), reports, unlisted)


@dataclass
class _Plugin:
    """One plugin on its way in. Once ``error`` is set nothing more is asked of it."""

    name: str
    deadline_s: float
    state: PluginState = "loaded"
    entry: EntryPoint | None = None
    hooks: Hooks | None = None
    table: str | None = None
    model: BaseModel | None = None
    seen: Settings | None = None
    offered: dict[Kind, dict[str, Any]] = field(default_factory=dict)
    error: str | None = None
    trace: str | None = None

    def bring_in(self, installed: Mapping[str, Sequence[EntryPoint]]) -> None:
        """Find and import it, and look at which hooks it implements."""
        if self.name == CORE:
            self.hooks = self._attempt("its import", lambda: Hooks.of(builtin))
            return
        found = installed.get(self.name, ())
        if not found:
            names = ", ".join(sorted(installed)) or "none"
            self._fail(f"No installed distribution offers a plugin of this name; installed are: {names}.", "missing")
        elif len(found) > 1:
            offering = " and ".join(sorted(_distribution(entry) or entry.value for entry in found))
            self._fail(f"It is offered twice, by {offering}; uninstall one of them.")
        elif _module(found[0]) is None:
            self._fail(f"Its entry point {found[0].value!r} names no module.")
        else:
            self.entry = found[0]
            self.hooks = self._attempt("its import", lambda: Hooks.of(found[0].load()))

    def read_settings(self, tree: Mapping[str, Any], tables: dict[str, BaseModel], origins: Origins) -> None:
        """Ask which table it owns, and validate that. Raises ``ConfigError`` when a setting is wrong."""
        hooks = self.hooks
        if self.error is not None or hooks is None or SETTINGS.hook not in hooks.names:
            return
        declared = self._attempt(SETTINGS.hook, partial(self._answer, hooks, SETTINGS, {}))
        for table, model in (declared or {}).items():
            self.table = table
            if not self._is_free(SETTINGS.kind, table, origins):
                return
            values, prefix = tree.get(table, {}), f"{PREFIX}{table.upper()}__"
            made = self._attempt(f"its table [{table}]", partial(validated, model, values, prefix=prefix))
            if made is not None:
                self.model = tables[table] = made
                origins[SETTINGS.kind, table] = self.name

    def hand_in(self, settings: Settings, things: dict[Kind, dict[str, Any]], origins: Origins) -> None:
        """Ask for all that it brings; keep all of it, or nothing. Raises ``ConfigError`` when a setting is wrong."""
        hooks = self.hooks
        if self.error is not None or hooks is None:
            return
        seen = self._own_view(settings)
        for offer in OFFERS:
            if offer.hook not in hooks.names:
                continue
            arguments = {"settings": seen} if offer.takes_settings else {}
            found = self._attempt(offer.hook, partial(self._answer, hooks, offer, arguments))
            if found is None or not all(self._is_free(offer.kind, name, origins) for name in found):
                return
            self.offered[offer.kind] = found
        for kind, found in self.offered.items():
            things[kind].update(found)
            origins.update({(kind, name): self.name for name in found})

    def report(self) -> PluginReport:
        module_name = builtin.__name__ if self.name == CORE else _module(self.entry)
        module = sys.modules.get(module_name) if module_name else None
        brought = self.offered if self.error is None else {}
        return PluginReport(
            name=self.name,
            state=self.state,
            distribution="patchbay" if self.name == CORE else _distribution(self.entry),
            version=__version__ if self.name == CORE else _version(self.entry),
            module=module_name,
            file=getattr(module, "__file__", None),
            hooks=self.hooks.names if self.hooks is not None else (),
            channels=tuple(brought.get("channel", ())),
            permissions=tuple(brought.get("permission", ())),
            error=self.error,
            trace=self.trace,
        )

    def _answer(self, hooks: Hooks, offer: Offer, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What one hook brings, by name. Reading a strange answer belongs to the call, to be contained with it."""
        answer = hooks.call(offer.hook, arguments)
        try:
            found = {} if answer is None else offer.read(self.name, answer)
        except PluginError as error:
            raise PluginError(f"{offer.hook}: {error.detail}") from error
        if offer.kind in ("store scheme", "bus scheme"):
            return {scheme: self._with_own_view(factory) for scheme, factory in found.items()}
        return found

    def _own_view(self, settings: Settings) -> Settings:
        """What this plugin may read: the core's settings without its secrets, and its own table."""
        if self.name == CORE:
            return settings
        if self.seen is None:
            self.seen = settings.for_plugin(self.table)
        return self.seen

    def _with_own_view(self, factory: Callable[[str, Settings], Any]) -> Callable[[str, Settings], Any]:
        return lambda url, settings: factory(url, self._own_view(settings))

    def _is_free(self, kind: Kind, name: str, origins: Origins) -> bool:
        taken_by = origins.get((kind, name))
        if taken_by is not None:
            self._fail(f"The {kind} {name} is taken: the plugins {taken_by} and {self.name} both bring it.")
        return taken_by is None

    def _attempt(self, doing: str, call: Callable[[], T]) -> T | None:
        """What the call gives, or None after the plugin was marked as failed."""
        try:
            return contained(call, self.deadline_s)
        except ConfigError:
            raise
        except Exception as error:
            sentence = said(error, doing, self.deadline_s)
            self._fail(sentence[0].upper() + sentence[1:])
            self.trace = traced(error)
            return None

    def _fail(self, sentence: str, state: PluginState = "failed") -> None:
        self.error, self.state = sentence, state


def offered_here() -> Iterable[EntryPoint]:
    """The entry points of plugins that are installed; nothing is imported. A distribution whose list cannot be read
    offers nothing."""
    try:
        return metadata.entry_points(group=GROUP)
    except Exception:  # one broken list, and metadata gives none at all
        return [entry for distribution in metadata.distributions() for entry in _offered_by(distribution)]


def _offered_by(distribution: metadata.Distribution) -> Iterable[EntryPoint]:
    try:
        return distribution.entry_points.select(group=GROUP)
    except Exception:
        return ()


def _module(entry: EntryPoint | None) -> str | None:
    try:
        return None if entry is None else entry.module
    except AttributeError:  # its text has not the form of an entry point
        return None


def _by_name(entry_points: Iterable[EntryPoint]) -> dict[str, list[EntryPoint]]:
    """The entry points by name, each distribution's once."""
    found: dict[str, dict[tuple[str, str | None], EntryPoint]] = {}
    for entry in entry_points:
        found.setdefault(entry.name, {})[entry.value, _distribution(entry)] = entry
    return {name: list(entries.values()) for name, entries in found.items()}


def _distribution(entry: EntryPoint | None) -> str | None:
    dist = getattr(entry, "dist", None)  # absent where an entry point was made by hand
    return None if dist is None else str(dist.name)


def _version(entry: EntryPoint | None) -> str | None:
    dist = getattr(entry, "dist", None)
    return None if dist is None else str(dist.version)


def _settings(tree: Mapping[str, Any], tables: Mapping[str, BaseModel], plugins: Sequence[_Plugin]) -> Settings:
    """The core's settings with the plugins' tables in them. The tables of a plugin that failed are not unknown names:
    its failure must not stop the start."""
    failed = {name for plugin in plugins if plugin.error is not None for name in (plugin.name, plugin.table)}
    set_apart = set(tables) | (failed - set(Settings.model_fields))
    settings = load_settings({name: value for name, value in tree.items() if name not in set_apart}, {})
    return settings.model_copy(update={"plugin_tables": MappingProxyType(dict(tables))})


def _enforce(required: Sequence[str], reports: Sequence[PluginReport]) -> None:
    by_name = {report.name: report for report in reports}
    for name in required:
        report = by_name.get(name)
        if report is None:
            raise ConfigError(f"{PREFIX}REQUIRED_PLUGINS names {name}, which is not on the list {PREFIX}PLUGINS.")
        if report.error is not None:
            raise PluginError(f"The required plugin {name} could not be loaded: {report.error}")


def _registry(things: dict[Kind, dict[str, Any]], commands: dict[str, CommandAdder], origins: Origins) -> Registry:
    return Registry(
        channels=MappingProxyType(things["channel"]),
        stores=MappingProxyType(things["store scheme"]),
        buses=MappingProxyType(things["bus scheme"]),
        collections=tuple(things["collection"].values()),
        authenticators=tuple(things["authenticator"].values()),
        authorizers=tuple(things["authorizer"].values()),
        notifiers=tuple(things["notifier"].values()),
        listeners=tuple(things["listener"].values()),
        services=tuple(things["service"].values()),
        directories=tuple(things["directory"].values()),
        recorders=tuple(things["recorder"].values()),
        routes=tuple(each for each in things["route"].values() if isinstance(each, Route)),
        operations=tuple(each for each in things["route"].values() if not isinstance(each, Route)),
        permissions=tuple(things["permission"].values()),
        health_checks=tuple(things["health check"].values()),
        commands=MappingProxyType(commands),
        origins=MappingProxyType(origins),
    )
