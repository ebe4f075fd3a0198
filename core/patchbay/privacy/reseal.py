"""Sealing again with the first key what another key sealed, while everything runs, and from where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec.json import encode

from patchbay.collections import ACCOUNTS, CORE_COLLECTIONS, Collection
from patchbay.errors import StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.runner import Work
from patchbay.model.account import ChannelAccount
from patchbay.ports import Query, Resealing, Store
from patchbay.privacy.forgetting import Counted
from patchbay.privacy.keyring import HOW_TO_ROTATE, add_key, key_file_is_used
from patchbay.privacy.person import pages
from patchbay.secrets import VERSION, Vault, open_vault
from patchbay.service import Inbox
from patchbay.settings import Settings

KIND = "keys_reseal"


class Resealer:
    """The kind of job that seals again."""

    name = KIND
    can_stop = True

    def __init__(
        self, vault: Vault, settings: Settings, collections: Sequence[Collection[Any]], services: Sequence[object]
    ) -> None:
        self._vault = vault
        self._settings = settings
        self._collections = collections
        self._services = [service for service in services if isinstance(service, Resealing)]

    async def run(self, work: Work) -> Counted:
        if work.job.arguments.get("new_key") and "key" not in work.job.memo:
            key = add_key(self._settings)  # a kill before the next line costs a key that seals nothing
            await work.remember(key=key.id)
        self._vault.renew(open_vault(self._settings).keys)
        counts = {"accounts": await reseal_accounts(work.inbox, self._vault)}
        for service in self._services:
            try:
                counts[service.name] = await service.reseal()
            except Exception as error:
                told = f"It failed: {type(error).__name__}."
                await work.error("plugin_failed", told, service.name)
            await work.breathe()
        left = await still_sealed(work.inbox.store, self._vault, self._collections)
        for name, count in left.items():
            await work.error("still_sealed", f"{count} documents hold values that an older key sealed.", name)
        return Counted({"key": self._vault.keys[0].id, "resealed": counts, "left": left})


async def reseal_accounts(inbox: Inbox, vault: Vault) -> int:
    """Seal the credentials of accounts again, each account in one commit; how many were."""
    count = 0
    async for account in pages(inbox.store, Query(ACCOUNTS)):
        count += await inbox.run(partial(_resealed, account_id=account.id, vault=vault))
    return count


def _resealed(uow: UnitOfWork, account_id: str, vault: Vault) -> int:
    account: ChannelAccount | None = uow.get(ACCOUNTS, account_id)
    if account is None or all(vault.is_current(sealed) for sealed in account.credentials.values()):
        return 0
    opened = vault.open(account.credentials, account.id)
    uow.put(ACCOUNTS, account, credentials=vault.seal(opened, account.id))
    return 1


async def still_sealed(store: Store, vault: Vault, collections: Sequence[Collection[Any]]) -> dict[str, int]:
    """How many documents of each collection hold what a key other than the first sealed.

    Of the core's own only accounts hold sealed values; in those of plugins any field may be one.
    """
    core = {collection.name for collection in CORE_COLLECTIONS} - {ACCOUNTS.name}
    marks = [f'"{VERSION}:{key.id}:'.encode() for key in vault.keys[1:]]
    found: dict[str, int] = {}
    for collection in collections:
        if collection.name in core or not marks:
            continue
        async for document in pages(store, Query(collection)):
            body = encode(document)
            if any(mark in body for mark in marks):
                found[collection.name] = found.get(collection.name, 0) + 1
    return found


def require_key_file(settings: Settings) -> None:
    """Raises ``StateConflict`` where a key cannot be made here."""
    if not key_file_is_used(settings):
        raise StateConflict("A new key cannot be made here.", hint=HOW_TO_ROTATE)
