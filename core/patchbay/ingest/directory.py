"""Which account a webhook item is for: all accounts, in memory, as last committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from patchbay.channel import AccountRef
from patchbay.model.account import ChannelAccount
from patchbay.model.document import Document
from patchbay.secrets import Vault

NAMED_ACCOUNT = "patchbay-account"  # beside the kept headers of a webhook: the external id that its path named


class AccountDirectory:
    """Accounts by what their providers call them. Small: one entry per connected number, page or profile."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._accounts: dict[str, ChannelAccount] = {}
        self._by_external: dict[tuple[str, str], ChannelAccount] = {}
        self._by_parent: dict[tuple[str, str], list[ChannelAccount]] = {}
        self._secrets: dict[str, tuple[str, ...]] = {}
        self._named_secrets: dict[tuple[str, str], tuple[str, ...]] = {}

    def learn(self, accounts: Iterable[ChannelAccount]) -> None:
        """Take accounts as committed."""
        for account in accounts:
            self._accounts[account.id] = account
        self._index()

    def account_committed(self, id: str, document: Document | None) -> None:
        """Follow a committed change; None means that the account was removed."""
        if isinstance(document, ChannelAccount):
            self._accounts[id] = document
        else:
            self._accounts.pop(id, None)
        self._index()

    def get(self, account_id: str) -> ChannelAccount | None:
        return self._accounts.get(account_id)

    def all(self) -> list[ChannelAccount]:
        return list(self._accounts.values())

    def find(self, channel: str, ref: AccountRef, named: str | None = None) -> Sequence[ChannelAccount]:
        """The accounts that an item is for; none when it is unroutable. ``named`` is whom the webhook's path named."""
        if ref.external_id is not None:
            account = self._by_external.get((channel, ref.external_id))
            if account is None and ref.or_parent:
                return self._by_parent.get((channel, ref.external_id), ())
            return () if account is None else (account,)
        if ref.parent_external_id is not None:
            owned = self._by_parent.get((channel, ref.parent_external_id), [])
            if ref.display is not None:  # it speaks of one of them: not of those that are known to be called otherwise
                called = [account for account in owned if account.display == ref.display]
                return called or [account for account in owned if account.display is None]
            return owned
        account = None if named is None else self._by_external.get((channel, named))
        return () if account is None else (account,)

    def app_secrets(self, channel: str, named: str | None = None) -> tuple[str, ...]:
        """App secrets of accounts of this channel that have their own; only those of the account that is named."""
        if named is not None:
            return self._named_secrets.get((channel, named), ())
        return self._secrets.get(channel, ())

    def credentials(self, account: ChannelAccount) -> Mapping[str, str]:
        """The account's credentials, opened. Never log them."""
        return self._vault.open(account.credentials, account.id)

    def _index(self) -> None:
        accounts = self._accounts.values()
        self._by_external = {(account.channel, account.external_id): account for account in accounts}
        self._by_parent = {}
        self._named_secrets = {}
        secrets: dict[str, dict[str, None]] = {}
        for account in accounts:
            if account.parent_external_id is not None:
                self._by_parent.setdefault((account.channel, account.parent_external_id), []).append(account)
            if "app_secret" in account.credentials:
                own = self.credentials(account).get("app_secret", "")
                found = tuple(filter(None, own.split(",")))
                self._named_secrets[account.channel, account.external_id] = found
                secrets.setdefault(account.channel, {}).update(dict.fromkeys(found))
        self._secrets = {channel: tuple(every) for channel, every in secrets.items()}
