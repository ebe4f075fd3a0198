"""``patchbay demo``: a gateway, a simulated Meta beside it, five connected accounts, and customers who write."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from patchbay import logs
from patchbay.errors import ConfigError
from patchbay.gateway import Gateway
from patchbay.inbox.accounts import NewAccount, connect_account
from patchbay.plugins import load_plugins
from patchbay.secret_files import read_secret, write_secret_once
from patchbay.secrets import open_admin_token
from patchbay.server import Server, say, settle_memory, stop_signals
from patchbay.settings import PREFIX, plugin_list, read_tables

GROUP = "patchbay.plugins"
SIMULATOR = "simulator"
BUSINESS_ID = "301000000000001"
NUMBERS = {  # phone_number_id: name; the first comes from the settings, the others as POST /channels would make them
    "401000000000001": "Blue Kettle Shop",
    "401000000000002": "Blue Kettle Repairs",
    "401000000000003": "Blue Kettle Wholesale",
}
PAGE_ID, INSTAGRAM_ID = "104857600000001", "17841400000000001"
CHANNELS = ("whatsapp", "messenger", "instagram")
DISPLAY_NUMBERS = ("15550009999", "15550009998", "15550009997")


async def run_demo(environ: Mapping[str, str], config_text: str) -> None:
    """Run until SIGTERM or SIGINT. Everything it writes is in the data folder; nothing leaves this machine."""
    simulator = _simulator_plugin()
    tree = read_tables(environ, config_text)
    data_dir = Path(str(tree.get("data_dir", "var")))
    secrets = {name: _kept(data_dir / f"demo-{name}") for name in ("app-secret", "verify-token", "access-token")}
    fake = simulator.demo_simulator(
        callback_url=None,
        app_secret=secrets["app-secret"],
        verify_token=secrets["verify-token"],
        access_token=secrets["access-token"],
        numbers=[
            simulator.NumberSpec(
                phone_number_id=id,
                display_phone_number=display,
                waba_id=BUSINESS_ID,
                verified_name=name,
                coexistence=True,
            )
            for (id, name), display in zip(NUMBERS.items(), DISPLAY_NUMBERS, strict=True)
        ],
        accounts=[simulator.PageSpec(id=PAGE_ID), simulator.InstagramSpec(id=INSTAGRAM_ID)],
    )
    graph_url = await fake.start("127.0.0.1", 0)
    try:
        loaded = load_plugins({**environ, **_overrides(environ, config_text, graph_url, secrets)}, config_text)
        logs.begin(loaded)
        server = Server(Gateway(loaded))
        await server.open()
        settle_memory()
        try:
            await _connect_the_others(server.gateway, secrets["access-token"])
            # Patchbay itself judges the reply window. This Meta knows of no message from before its start, nor of one
            # that was signed by hand, and would refuse every answer to those.
            callbacks = {name: f"{server.url}/webhooks/{name}" for name in CHANNELS}
            fake.configure(callback_urls=callbacks, window="off")
            mara = fake.add_customer(simulator.people(1)[0])
            mara.say("Hi, is the blue kettle still in stock?", number=next(iter(NUMBERS)))
            stop = stop_signals()
            _introduce(server, graph_url, data_dir)
            crowd = asyncio.ensure_future(simulator.run_demo(fake, first_within_s=5.0))
            try:
                await stop.wait()
            finally:
                crowd.cancel()
                with suppress(asyncio.CancelledError):
                    await crowd
        finally:
            await server.close()
    finally:
        await fake.stop()


def _simulator_plugin() -> Any:
    """The simulator, by its entry point: the core imports no plugin, and only the demo asks for one by name."""
    found = metadata.entry_points(group=GROUP, name=SIMULATOR)
    if not found:
        raise ConfigError("The demo needs the plugin 'simulator', which is not installed; run ./dev setup.")
    return next(iter(found)).load()


def _kept(path: Path) -> str:
    """A secret of the demo, made at its first start: there is no default one."""
    write_secret_once(path, lambda: token_urlsafe(32))
    return (read_secret(path) or "").strip()


def _overrides(
    environ: Mapping[str, str], config_text: str, graph_url: str, secrets: Mapping[str, str]
) -> dict[str, str]:
    listed = plugin_list(read_tables(environ, config_text))
    shared = {
        f"{PREFIX}{channel.upper()}__{name}": value
        for channel in CHANNELS
        for name, value in (
            ("APP_SECRET", secrets["app-secret"]),
            ("VERIFY_TOKEN", secrets["verify-token"]),
            ("ACCESS_TOKEN", secrets["access-token"]),
            ("GRAPH_URL", graph_url),
        )
    }
    return {
        **shared,
        f"{PREFIX}STORE": "",
        f"{PREFIX}BUS": "local://",
        f"{PREFIX}PLUGINS": ",".join(dict.fromkeys((*listed, *CHANNELS, SIMULATOR))),
        f"{PREFIX}WHATSAPP__PHONE_NUMBER_ID": next(iter(NUMBERS)),
        f"{PREFIX}WHATSAPP__BUSINESS_ID": BUSINESS_ID,
        f"{PREFIX}WHATSAPP__NAME": next(iter(NUMBERS.values())),
        f"{PREFIX}MESSENGER__PAGE_ID": PAGE_ID,
        f"{PREFIX}MESSENGER__NAME": "Blue Kettle on Messenger",
        f"{PREFIX}INSTAGRAM__ACCOUNT_ID": INSTAGRAM_ID,
        f"{PREFIX}INSTAGRAM__NAME": "Blue Kettle on Instagram",
    }


async def _connect_the_others(gateway: Gateway, access_token: str) -> None:
    for external_id, name in list(NUMBERS.items())[1:]:
        new = NewAccount(channel="whatsapp", name=name, external_id=external_id, parent_external_id=BUSINESS_ID)
        if gateway.directory.get(new.id) is None:
            sealed = gateway.vault.seal({"access_token": access_token}, new.id)
            account = NewAccount(**{**vars(new), "credentials": sealed})
            await gateway.inbox.run(partial(connect_account, new=account))


def _introduce(server: Server, graph_url: str, data_dir: Path) -> None:
    """What a newcomer reads: the address, the token, three commands to try; the ready line is the last.

    Once there is an administrator the token means nothing: then it is how to sign in.
    """
    url = server.url
    folder = os.path.relpath(data_dir)
    if any(directory.is_used for directory in server.gateway.registry.directories):
        token, where = "of whoever signs in: there is an administrator", ""
        first = f"""\
  0. Sign in, and keep the token:
     curl -s -H "Content-Type: application/json" -d '{{"email":"..","password":".."}}' "{url}/api/v1/auth/login"
     TOKEN=...   # its access_token
"""
        shown = "$TOKEN"
    else:
        token, where = open_admin_token(server.gateway.settings), f"   (also in {folder}/admin-token)"
        first, shown = "", f"$(cat {folder}/admin-token)"
    say(f"""
The inbox        {url}/api/v1        its documentation: {url}/docs
The token        {token}{where}
A simulated Meta {graph_url}   with three numbers, a page, an Instagram account and some eighteen customers

Try, in another terminal, from this folder:

{first}  1. See who wrote:
     curl -s -H "Authorization: Bearer {shown}" "{url}/api/v1/conversations?limit=5"
  2. Answer somebody, and wait until the provider took it:
     curl -s -H "Authorization: Bearer {shown}" -H "Content-Type: application/json" \\
       -d '{{"customer_phone":"+15550101001","text_content":"Three are left."}}' "{url}/messages/send?wait=accepted"
  3. Watch everything as it happens:
     curl -sN -H "Authorization: Bearer {shown}" "{url}/api/v1/events/stream"

Stop with Ctrl-C.
""")
    say(f"Patchbay is ready on {url}")
