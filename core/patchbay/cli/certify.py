"""``patchbay plugins certify``: which level of the contract a plugin's channel reaches, and what is missing."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from patchbay.cli.loading import Config, load
from patchbay.errors import PatchbayError

if TYPE_CHECKING:
    from patchbay.plugins import Loaded, PluginReport
    from patchbay.testing.channel_samples import ChannelSamples

PLACE = "certification"  # the function that gives the samples, and the module of the plugin's package that may hold it
Wanted = Literal["bronze", "silver", "gold", "platinum"]


class Uncertifiable(PatchbayError):
    """One sentence that says why the checks cannot be run."""

    code = "uncertifiable"


def certify(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The plugin, as it stands on the list.", metavar="NAME")],
    level: Annotated[Wanted, typer.Option("--level", help="The level that is wanted.")] = "bronze",
    config: Config = None,
) -> None:
    """Run the contract checks of a plugin's channel and print its level. Exits with 1 when it is lower than wanted."""
    from patchbay.testing.channel_report import lines, run_checks

    above = ctx.parent.params.get("config") if ctx.parent is not None else None
    loaded = load(ctx, config or (Path(above) if above else None), enforce_required=False)
    report = run_checks(samples_of(loaded, name))
    print("\n".join(lines(report)))
    if not report.reaches(level):
        print(f"{name} does not reach {level}.", file=sys.stderr)
        raise typer.Exit(1)


def samples_of(loaded: Loaded, name: str) -> ChannelSamples:
    """The samples that a plugin brings for its channel. Raises ``Uncertifiable``."""
    from patchbay.plugins.contain import contained, said
    from patchbay.plugins.loader import HOOK_DEADLINE_S
    from patchbay.testing.channel_samples import ChannelSamples

    plugin = _plugin(loaded, name)
    try:
        samples = contained(lambda: _given(plugin), HOOK_DEADLINE_S)
    except Uncertifiable:
        raise
    except Exception as error:
        raise Uncertifiable(f"The plugin {name}: {said(error, PLACE, HOOK_DEADLINE_S)}") from error
    if not isinstance(samples, ChannelSamples):
        raise Uncertifiable(f"The plugin {name}: {PLACE} returned {type(samples).__name__}, not ChannelSamples.")
    own = [loaded.registry.channels[channel] for channel in plugin.channels]
    if not any(type(samples.channel) is type(channel) for channel in own):
        tried = type(samples.channel).__name__
        raise Uncertifiable(f"The plugin {name}: {PLACE} is of {tried}, which is not the channel that it registers.")
    return samples


def _plugin(loaded: Loaded, name: str) -> PluginReport:
    """What became of the plugin: loaded, and bringing a channel."""
    plugin = next((report for report in loaded.reports if report.name == name), None)
    if plugin is None and name in loaded.unlisted:
        raise Uncertifiable(f"The plugin {name} is installed and not on the list PATCHBAY_PLUGINS: add it there first.")
    if plugin is None:
        listed = ", ".join(report.name for report in loaded.reports)
        raise Uncertifiable(f"There is no plugin {name}: it is neither installed nor on the list ({listed}).")
    if plugin.state != "loaded":
        raise Uncertifiable(f"The plugin {name} is not loaded: {plugin.error}")
    if not plugin.channels:
        raise Uncertifiable(f"The plugin {name} brings no channel, and only channels are certified.")
    return plugin


def _given(plugin: PluginReport) -> object:
    """What the plugin's ``certification()`` returns: of its module, or of the module ``certification`` beside it."""
    module = import_module(plugin.module or "")
    found = getattr(module, PLACE, None)
    if not callable(found) and hasattr(module, "__path__") and find_spec(f"{module.__name__}.{PLACE}") is not None:
        found = getattr(import_module(f"{module.__name__}.{PLACE}"), PLACE, None)
    if not callable(found):
        raise Uncertifiable(
            f"The plugin {plugin.name} brings no samples: there is no function {PLACE}() in {module.__name__}"
            f" nor in {module.__name__}.{PLACE}. See docs/certification.md."
        )
    return found()
