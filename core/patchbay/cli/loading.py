"""What commands share: where settings come from, and the loop that long-running ones run in."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.errors import ConfigError

if TYPE_CHECKING:
    from patchbay.plugins import Loaded

CONFIG_FILE = Path("patchbay.toml")
CONFIG_HELP = "The settings file; patchbay.toml in this folder by default, if there is one."
Config = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="PATCHBAY_CONFIG", show_envvar=True, help=CONFIG_HELP)
]


def config_text(config: Path | None) -> str:
    """The text of the settings file, empty when none was named and none is here. Raises ``ConfigError``."""
    path = CONFIG_FILE if config is None else config
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if config is None:
            return ""
        raise ConfigError(f"The settings file {path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The settings file {path} is not UTF-8 text.") from error
    except OSError as error:
        raise ConfigError(f"The settings file {path} cannot be read: {error.strerror}.") from error


def load(
    ctx: typer.Context,
    config: Path | None,
    *,
    overrides: Mapping[str, str] | None = None,
    enforce_required: bool = True,
) -> Loaded:
    """Settings and plugins as this command line says; ``overrides`` win over the environment.

    Raises: ``ConfigError``, and ``PluginError`` when a required plugin failed.
    """
    from patchbay.plugins import load_plugins

    text = config_text(config or chosen_above(ctx))
    return load_plugins({**os.environ, **(overrides or {})}, text, enforce_required=enforce_required)


def open_settings(config: Path | None, loaded: Loaded) -> str | None:
    """What to tell when every user of the machine can read a settings file that holds a secret."""
    from patchbay.redaction import secrets_in

    path, text = config or CONFIG_FILE, config_text(config)
    if os.name != "posix" or not text:
        return None
    mode = stat.S_IMODE(path.stat().st_mode)
    secrets = (*secrets_in(loaded.settings), *secrets_in(loaded.settings.plugin_tables))
    if mode & stat.S_IRWXO and any(secret and secret in text for secret in secrets):
        return (
            f"{path} holds a secret and is open to every user of this machine (mode {mode:04o}); "
            f"run: chmod 600 {path}, and replace the secret if others may have seen it."
        )
    return None


def chosen_above(ctx: typer.Context) -> Path | None:
    """The ``--config`` that stood before the command's name."""
    found = ctx.find_root().params.get("config")
    return None if found is None else Path(found)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end, on uvloop where it is installed (the ``speed`` extra)."""
    factory = None
    if sys.platform != "win32":
        try:
            import uvloop
        except ImportError:
            pass
        else:
            factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)
