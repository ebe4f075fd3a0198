"""``patchbay plugins``: what is plugged in, from where, and what is not and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from patchbay.cli.loading import Config, load

if TYPE_CHECKING:
    from patchbay.plugins import Loaded, PluginReport


def plugins(
    ctx: typer.Context,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON document.")] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Show the traceback of each failure.")] = False,
) -> None:
    """List the plugins: what is loaded, from where, and what it brings. Exits with 1 when a listed one is not there."""
    if ctx.invoked_subcommand is not None:
        return
    from patchbay.cli.app import command_line, plugin_commands

    loaded = load(ctx, config, enforce_required=False)
    commands = {
        report.name: sorted(plugin_commands(_only(loaded, report.name), set(command_line().commands)))
        for report in loaded.reports
        if report.name in loaded.registry.commands
    }
    print(_document(loaded, commands) if json else "\n".join(_lines(loaded, commands, trace)))
    raise typer.Exit(1 if loaded.failures else 0)


def _only(loaded: Loaded, plugin: str) -> Loaded:
    from dataclasses import replace

    commands = {plugin: loaded.registry.commands[plugin]}
    return replace(loaded, registry=replace(loaded.registry, commands=commands))


def _document(loaded: Loaded, commands: dict[str, list[str]]) -> str:
    import msgspec

    listed = [{**msgspec.to_builtins(report), "commands": commands.get(report.name, [])} for report in loaded.reports]
    text = msgspec.json.encode({"plugins": listed, "unlisted": loaded.unlisted})
    return msgspec.json.format(text, indent=2).decode()


def _lines(loaded: Loaded, commands: dict[str, list[str]], trace: bool) -> Iterator[str]:
    rows = [_row(report) for report in loaded.reports]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for report, row in zip(loaded.reports, rows, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()
        brought = (("channels", report.channels), ("commands", commands.get(report.name, ())))
        yield from (f"    {what}: {', '.join(names)}" for what, names in brought if names)
        if report.error is not None:
            yield f"    {report.error}"
        if trace and report.trace is not None:
            yield from (f"    | {line}" for line in report.trace.splitlines())
    if loaded.unlisted:
        yield f"Installed and not on the list PATCHBAY_PLUGINS: {', '.join(loaded.unlisted)}"


def _row(report: PluginReport) -> Sequence[str]:
    package = f"{report.distribution or ''} {report.version or ''}".strip() or "-"
    state = report.state if report.state == "loaded" else report.state.upper()
    return report.name, state, package, report.file or report.module or ""
