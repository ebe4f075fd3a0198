"""The command line as a whole: the core's commands, and those of plugins once one of them is asked for."""

from __future__ import annotations

import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from patchbay import __version__
from patchbay.cli import certify, check, keys, new_plugin, openapi, plugins, replay, serve
from patchbay.cli.loading import Config, load

if TYPE_CHECKING:
    from patchbay.plugins import Loaded

EPILOG = "Plugins add commands of their own: `patchbay plugins` lists them with the plugins."


class Commands(TyperGroup):
    """Knows the core's commands. A name that is none of them is looked for in the plugins, which takes loading them:
    help and the core's own commands never wait for a plugin."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None and not ctx.resilient_parsing:
            found = plugin_commands(load(ctx, None), set(self.commands)).get(cmd_name)
        return found


def plugin_commands(loaded: Loaded, taken: set[str]) -> dict[str, Any]:
    """The commands of plugins by name. Standard error is told of those that fail or whose name is taken."""
    from patchbay.plugins.contain import contained, said
    from patchbay.plugins.loader import HOOK_DEADLINE_S

    found: dict[str, Any] = {}
    for plugin, add in loaded.registry.commands.items():
        own = typer.Typer()
        try:
            contained(partial(add, own), HOOK_DEADLINE_S)
            commands = typer.main.get_group(own).commands
        except Exception as error:
            sentence = said(error, "register_commands", HOOK_DEADLINE_S)
            print(f"The commands of the plugin {plugin} are missing: {sentence}", file=sys.stderr)
            continue
        for name, command in commands.items():
            if name in taken or name in found:
                print(f"The command {name} of the plugin {plugin} is missing: the name is taken.", file=sys.stderr)
            else:
                found[name] = command
    return found


def command_line() -> Any:
    """The root command, ready to be called with arguments."""
    app = typer.Typer(cls=Commands, no_args_is_help=True, epilog=EPILOG, pretty_exceptions_enable=False)
    app.callback()(root)
    app.command()(serve.serve)
    app.command()(serve.demo)
    app.add_typer(_plugins(), name="plugins")
    app.command()(check.check)
    app.command()(openapi.openapi)
    app.command()(replay.replay)
    app.add_typer(_keys(), name="keys", help="Keys of what is sealed.")
    app.command("new-plugin")(new_plugin.new_plugin)
    app.command()(version)
    return typer.main.get_command(app)


def _plugins() -> typer.Typer:
    """``plugins`` alone lists them; what is done with one of them is a command below it."""
    app = typer.Typer()
    app.callback(invoke_without_command=True)(plugins.plugins)
    app.command()(certify.certify)
    return app


def _keys() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True)
    app.callback()(keys.keys)
    app.command()(keys.rotate)
    return app


def root(config: Config = None) -> None:
    """Many messaging channels in one inbox."""


def version() -> None:
    """Print the version."""
    print(f"patchbay {__version__} (Python {platform.python_version()}, {platform.system()} {platform.machine()})")
