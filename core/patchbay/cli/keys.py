"""``patchbay keys``: a new key for what is sealed, and the end of old ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from patchbay.cli.loading import Config, load

if TYPE_CHECKING:
    from patchbay.plugins import Loaded
    from patchbay.service import Inbox


def keys() -> None:
    """Keys of what is sealed."""


def rotate(
    ctx: typer.Context,
    retire: Annotated[
        bool, typer.Option("--retire", help="Forget the old keys, if nothing is sealed by them any more.")
    ] = False,
    config: Config = None,
) -> None:
    """Seal stored secrets with a new key, while the gateway is stopped.

    A running gateway does it by POST /api/v1/keys/reseal. With --retire no key is made.
    """
    loaded = load(ctx, config)
    asyncio.run(_retire(loaded) if retire else _rotate(loaded))


async def _rotate(loaded: Loaded) -> None:
    from patchbay.privacy.keyring import HOW_TO_ROTATE, add_key, key_file_is_used
    from patchbay.privacy.reseal import reseal_accounts, still_sealed
    from patchbay.secrets import open_vault

    settings = loaded.settings
    vault = open_vault(settings)
    async with _stopped(loaded) as inbox:
        made = None
        if key_file_is_used(settings) and not await still_sealed(inbox.store, vault, loaded.registry.collections):
            made = add_key(settings)  # else a rotation stopped half-way: it is finished first
            vault = open_vault(settings)
        count = await reseal_accounts(inbox, vault)
        left = await still_sealed(inbox.store, vault, loaded.registry.collections)
    if made is not None:
        print(f"Made the key {made.id}; it seals from now on.")
    elif not key_file_is_used(settings) and len(vault.keys) == 1:
        print(HOW_TO_ROTATE)
    else:
        print(f"Went on with the key {vault.keys[0].id}.")
    print(f"Sealed the credentials of {count} account{'' if count == 1 else 's'} again.")
    _tell_left(left)
    if len(vault.keys) > 1 and not left:
        print("Forget the old keys with: patchbay keys rotate --retire")


async def _retire(loaded: Loaded) -> None:
    from patchbay.errors import ConfigError
    from patchbay.privacy.keyring import key_file_is_used, retire_keys
    from patchbay.privacy.reseal import still_sealed
    from patchbay.secrets import open_vault

    vault = open_vault(loaded.settings)
    async with _stopped(loaded) as inbox:
        left = await still_sealed(inbox.store, vault, loaded.registry.collections)
        if left:
            _tell_left(left)
            raise ConfigError("The old keys are still in use; nothing was retired.")
        gone = retire_keys(loaded.settings)
    print(f"Retired {len(gone)} key{'' if len(gone) == 1 else 's'}.")
    if gone and not key_file_is_used(loaded.settings):
        print("Take them out of PATCHBAY_SECRET_KEY now.")


def _tell_left(left: dict[str, int]) -> None:
    for name, count in sorted(left.items()):
        print(f"{count} document{'' if count == 1 else 's'} of {name}: sealed by an older key.")
    if left:
        print("Plugins seal theirs again while the gateway runs: POST /api/v1/keys/reseal.")


@asynccontextmanager
async def _stopped(loaded: Loaded) -> AsyncIterator[Inbox]:
    """The store of a gateway that does not run, opened for this. Raises ``ConfigError`` while one runs."""
    from patchbay.errors import ConfigError
    from patchbay.service import Inbox
    from patchbay.system import SystemClock, SystemIds

    registry, settings = loaded.registry, loaded.settings
    inbox = Inbox(registry.store(settings), registry.bus(settings), SystemClock(), SystemIds())
    try:
        await inbox.store.open(registry.collections)
    except ConfigError as error:
        raise ConfigError(f"{error.detail} A gateway that runs takes POST /api/v1/keys/reseal instead.") from error
    await inbox.bus.open()
    try:
        yield inbox
    finally:
        await inbox.bus.close()
        await inbox.store.close()
