"""The hooks that one plugin implements, checked against the specifications.

Each plugin has a plugin manager of its own: calling a hook asks that plugin and no other, so one that raises cannot
abort the rest, and none can wrap or replace the hooks of another.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from patchbay import hookspecs
from patchbay.errors import PluginError


class Hooks:
    """What a plugin object implements. ``names`` are its hooks in the order of their specifications."""

    def __init__(self, manager: pluggy.PluginManager, names: tuple[str, ...]) -> None:
        self._manager = manager
        self.names = names

    @classmethod
    def of(cls, plugin: object) -> Hooks:
        """Look at a module or an object. Raises ``PluginError`` when a hook of it could never be called as meant."""
        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        specified = [name for name in vars(hookspecs) if name.startswith("register_")]
        try:
            manager.register(plugin)
        except pluggy.PluginValidationError as error:
            what = str(error).splitlines()
            raise PluginError(f"a hook has the wrong signature: {what[-1]} ({what[0]})") from error
        callers = {caller.name: caller for caller in manager.get_hookcallers(plugin) or ()}
        for name, caller in callers.items():
            for implementation in caller.get_hookimpls():
                if name not in specified and not implementation.optionalhook:
                    raise PluginError(f"it implements {name}, which is no hook{_meant(name, specified)}")
                if implementation.wrapper or implementation.hookwrapper:
                    raise PluginError(f"{name} is a hook wrapper, which Patchbay does not call")
                if inspect.iscoroutinefunction(implementation.function):
                    raise PluginError(f"{name} is async, and hooks are called at start, outside the event loop")
        for name in specified:
            if name not in callers and callable(getattr(plugin, name, None)):
                raise PluginError(f"{name} is not marked with @hookimpl")
        names = tuple(name for name in specified if name in callers)
        if not names:
            raise PluginError("it implements no hook; a plugin's hooks are functions marked with @hookimpl")
        return cls(manager, names)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """The plugin's answer, None when it said nothing."""
        answers = getattr(self._manager.hook, name)(**arguments)
        return answers[0] if answers else None

    def command_adder(self) -> Callable[[Any], None]:
        """``register_commands`` of this plugin, to be called when the command line is built."""
        return lambda app: self.call("register_commands", {"app": app})


def _meant(name: str, specified: list[str]) -> str:
    close = difflib.get_close_matches(name, specified, n=1)
    return f"; did you mean {close[0]}?" if close else ""
