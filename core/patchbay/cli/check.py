"""``patchbay check``: whether a gateway could start with these settings, one line per finding."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from patchbay.cli.loading import CONFIG_FILE, Config, chosen_above, load
from patchbay.errors import PatchbayError

if TYPE_CHECKING:
    from patchbay.channel import Channel
    from patchbay.plugins import Loaded
    from patchbay.settings import Settings

REACH_S = 15.0  # for a store or a bus to open


@dataclass(frozen=True)
class Finding:
    """One line. ``fail`` means that a start would fail, or that something asked for would be missing."""

    verdict: Literal["ok", "warn", "fail"]
    text: str


def check(ctx: typer.Context, config: Config = None) -> None:
    """Check settings, plugins, secrets, store, bus and channels. Exits with 1 when something would not work."""
    loaded = load(ctx, config, enforce_required=False)
    file = config or chosen_above(ctx) or CONFIG_FILE
    found = asyncio.run(_collect(loaded, file))
    raise typer.Exit(1 if any(finding.verdict == "fail" for finding in found) else 0)


async def _collect(loaded: Loaded, file: Path) -> list[Finding]:
    found = []
    async for finding in findings(loaded, file):
        print(
            f"{finding.verdict.upper() if finding.verdict == 'fail' else finding.verdict:<5} {finding.text}", flush=True
        )
        found.append(finding)
    return found


async def findings(loaded: Loaded, file: Path) -> AsyncIterator[Finding]:
    """All findings, in the order in which a start would meet them."""
    for finding in (*_settings(loaded, file), *_plugins(loaded), *_secrets(loaded.settings)):
        yield finding
    yield await _store(loaded)
    yield await _bus(loaded)
    for channel in loaded.registry.channels.values():
        for finding in _channel(channel, unset=loaded.settings.leaves_unset(channel.name)):
            yield finding


def _settings(loaded: Loaded, file: Path) -> Iterator[Finding]:
    from patchbay.logs import level_of

    try:
        level_of(loaded.settings.log)
        yield Finding("ok", f"settings: read, from {file} and the environment" if file.exists() else "settings: read")
    except PatchbayError as error:
        yield Finding("fail", f"settings: {error.detail}")
    if os.name == "posix" and file.exists() and file.stat().st_mode & stat.S_IRWXO:
        text = file.read_text(encoding="utf-8")
        if any(word in text for word in ("secret", "token", "password")):
            yield Finding("warn", f"settings: {file} seems to hold secrets, and every user of this machine can read it")


def _plugins(loaded: Loaded) -> Iterator[Finding]:
    for report in loaded.reports:
        if report.state == "loaded":
            yield Finding("ok", f"plugin {report.name}: loaded")
        else:
            yield Finding("fail", f"plugin {report.name}: {report.error}")


def _secrets(settings: Settings) -> Iterator[Finding]:
    from patchbay.secrets import meet_canary, stated_admin_token, stated_keys

    try:
        keys = stated_keys(settings)
        if keys:
            meet_canary(settings, keys)
            yield Finding("ok", f"secret key: {len(keys)} in the ring, {keys[0].id} seals")
        elif (settings.data_dir / "secret-canary").exists():
            yield Finding("fail", "secret key: there is none, and credentials stored here were sealed with one")
        else:
            yield Finding("ok", f"secret key: none yet; the first start makes one in {settings.data_dir}")
    except PatchbayError as error:
        yield Finding("fail", f"secret key: {error.detail}")
    try:
        made = "set" if stated_admin_token(settings) else f"none yet; the first start makes one in {settings.data_dir}"
        yield Finding("ok", f"admin token: {made}")
    except PatchbayError as error:
        yield Finding("fail", f"admin token: {error.detail}")


async def _store(loaded: Loaded) -> Finding:
    try:
        async with asyncio.timeout(REACH_S):
            store = loaded.registry.store(loaded.settings)
            await store.open(loaded.registry.collections)
            try:
                await store.ping()
            finally:
                await store.close()
    except TimeoutError:
        return Finding("fail", f"store: it did not open within {REACH_S:g} s")
    except Exception as error:
        return Finding("fail", f"store: {_reason(error)}")
    return Finding("ok", "store: opened, and it answers")


async def _bus(loaded: Loaded) -> Finding:
    try:
        async with asyncio.timeout(REACH_S):
            bus = loaded.registry.bus(loaded.settings)
            await bus.open()
            await bus.close()
    except TimeoutError:
        return Finding("fail", f"bus: it did not open within {REACH_S:g} s")
    except Exception as error:
        return Finding("fail", f"bus: {_reason(error)}")
    return Finding("ok", "bus: opened")


def _channel(channel: Channel, *, unset: bool) -> Iterator[Finding]:
    required = [name for name in channel.credential_names if not name.endswith("?")]
    try:
        accounts = channel.configured_accounts()
    except Exception as error:
        yield Finding("fail", f"channel {channel.name}: {_reason(error)}")
        return
    if unset and not accounts:
        yield Finding("ok", f"channel {channel.name}: nothing is set for it in the settings")
        return
    if not accounts:
        yield Finding("ok", f"channel {channel.name}: no account in the settings; add accounts with POST /channels")
    for account in accounts:
        missing = [name for name in required if not account.credentials.get(name)]
        if missing:
            yield Finding("fail", f"channel {channel.name}: the account {account.name} lacks {', '.join(missing)}")
        else:
            yield Finding("ok", f"channel {channel.name}: the account {account.name} is complete")
    for gap in channel.gaps():
        yield Finding("warn", f"channel {channel.name}: {gap}")


def _reason(error: Exception) -> str:
    from patchbay.redaction import LOGS

    text = error.detail if isinstance(error, PatchbayError) else f"{type(error).__name__}: {error}"
    return LOGS.text(" ".join(text.split()))
