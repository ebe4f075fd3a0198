"""A gateway that listens: from a socket to the last line before it ends."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import socket
import sys
from contextlib import suppress

import structlog
from aiohttp import web

from patchbay.errors import ConfigError
from patchbay.gateway import GRACE_S, Gateway, told_by
from patchbay.plugins import Loaded
from patchbay.web.app import build_app
from patchbay.web.keys import REFUSED_ROUTES
from patchbay.web.middlewares.connection import guard_connections
from patchbay.web.webhooks import deliver_directly

log = structlog.get_logger(__name__)


class Server:
    """A gateway behind a listening socket."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Open the gateway, then listen. Raises ``ConfigError`` when something cannot work."""
        await self.gateway.open()
        http = self.gateway.settings.http
        try:
            app = build_app(self.gateway)
            self.gateway.blame(app[REFUSED_ROUTES])
            self._runner = web.AppRunner(
                app,
                access_log=None,
                keepalive_timeout=75.0,
                shutdown_timeout=GRACE_S,
                auto_decompress=False,  # a signature is over the bytes as sent; encoded bodies are answered 415
            )
            await self._runner.setup()
            guard_connections(self._runner, self.gateway.settings, self.gateway.ids)
            deliver_directly(self._runner, self.gateway)
            await web.TCPSite(self._runner, http.host, http.port, backlog=1024).start()
        except OSError as error:
            await self.close()
            raise _cannot_listen(error, http.host, http.port) from error
        except BaseException:
            await self.close()
            raise
        for name, channel in self.gateway.channels.items():
            for gap in told_by(channel.gaps) if self._is_used(name) else ():
                log.warning("gateway.setting_missing", channel=name, told=gap)
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def _is_used(self, channel: str) -> bool:
        """Whether somebody set anything for this channel, or connected an account: nobody else misses a setting."""
        if not self.gateway.settings.leaves_unset(channel):
            return True
        return any(account.channel == channel for account in self.gateway.directory.all())

    async def close(self) -> None:
        """Say goodbye to sockets, finish requests, close the gateway."""
        await self.gateway.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.gateway.close()


def _cannot_listen(error: OSError, host: str, port: int) -> ConfigError:
    """What to tell: the host is to blame when it is no address of this machine, the port otherwise."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return ConfigError(f"PATCHBAY_HTTP__HOST: {host} is no address of this machine; --host names another.")
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return ConfigError(f"PATCHBAY_HTTP__PORT: cannot listen on {host}:{port}: {reason}; --port names another.")


async def serve(loaded: Loaded) -> None:
    """Run until SIGTERM or SIGINT. The line that says so is the last before it is ready."""
    server = Server(Gateway(loaded))
    await server.open()
    settle_memory()
    stop = stop_signals()  # before anybody is told that it is ready, and may want it to stop
    try:
        say(f"Patchbay is ready on {server.url}")
        await stop.wait()
    finally:
        await server.close()
    if not server.gateway.all_ended:
        leave()


def leave() -> None:
    """End the process now. Everything is closed; asyncio would wait for calls of plugins that catch their cancellation,
    until somebody killed it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def settle_memory() -> None:
    """Tell the garbage collector that what is here now stays, and that what comes is mostly short-lived.

    Each message makes hundreds of objects that are freed by counting; at the default thresholds the collector walked
    all of them again and again, which cost about a tenth of the time and most of the worst answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def say(line: str) -> None:
    """A line for whoever started the process, on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def stop_signals() -> asyncio.Event:
    """Set at the first SIGTERM or SIGINT from now on; a second one ends the process the hard way."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def first(number: signal.Signals) -> None:
        log.info("gateway.stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, first, number)
    return stop
