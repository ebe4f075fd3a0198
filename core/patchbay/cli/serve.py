"""``patchbay serve`` and ``patchbay demo``."""

from __future__ import annotations

from typing import Annotated

import typer

from patchbay.cli.loading import Config, chosen_above, config_text, load, open_settings, run

Host = Annotated[str | None, typer.Option(help="The address to listen on; wins over PATCHBAY_HTTP__HOST.")]
Port = Annotated[int | None, typer.Option(help="The port, 0 for any free one; wins over PATCHBAY_HTTP__PORT.")]


def serve(ctx: typer.Context, config: Config = None, host: Host = None, port: Port = None) -> None:
    """Run the gateway until it is told to stop."""
    loaded = load(ctx, config, overrides=_address(host, port))
    import structlog

    from patchbay import logs, server

    logs.begin(loaded)
    told = open_settings(config or chosen_above(ctx), loaded)
    if told is not None:
        structlog.get_logger(__name__).warning("settings.open", told=told)
    from patchbay.secrets import open_admin_token

    open_admin_token(loaded.settings)  # made, or refused, now and not at the first request
    run(server.serve(loaded))


def demo(ctx: typer.Context, config: Config = None, host: Host = None, port: Port = None) -> None:
    """Run a gateway with simulated channels and customers, to look around.

    It keeps what it writes in the data folder and never touches the store or the bus of another deployment.
    """
    import os

    from patchbay.cli.loading import chosen_above
    from patchbay.demo import run_demo

    run(run_demo({**os.environ, **_address(host, port)}, config_text(config or chosen_above(ctx))))


def _address(host: str | None, port: int | None) -> dict[str, str]:
    named = {"PATCHBAY_HTTP__HOST": host, "PATCHBAY_HTTP__PORT": None if port is None else str(port)}
    return {name: value for name, value in named.items() if value is not None}
