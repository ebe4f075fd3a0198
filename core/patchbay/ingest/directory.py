"""Which account a webhook item is for, and whose secrets verify it: all accounts, in memory, as last committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from patchbay.channel import AccountRef
from patchbay.ingest.app_secrets import AppSecrets
from patchbay.model.account import ChannelAccount
from patchbay.model.document import Document
from patchbay.secrets import Vault

# beside the kept headers of a webhook
NAMED_ACCOUNT = "patchbay-account"  # the external id that its path named
SIGNED_BY = "patchbay-signed-by"  # the ids of accounts whose own secret verified it, where the plugin's did not

_Key = tuple[str, str]  # channel, and an id there


class AccountDirectory:
    """Accounts by what their providers call them. Small: one entry per connected number, page or profile.

    A committed change costs what it touches, whatever the number of accounts.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._secrets = AppSecrets(vault)
        self._accounts: dict[str, ChannelAccount] = {}
        self._by_external: dict[_Key, ChannelAccount] = {}
        self._by_parent: dict[_Key, dict[str, ChannelAccount]] = {}

    def learn(self, accounts: Iterable[ChannelAccount]) -> None:
        """Take accounts as committed."""
        for account in accounts:
            self.account_committed(account.id, account)

    def account_committed(self, id: str, document: Document | None) -> None:
        """Follow a committed change; None means that the account was removed."""
        before, account = self._accounts.get(id), document if isinstance(document, ChannelAccount) else None
        if before is not None and (account is None or _names(account) != _names(before)):
            del self._accounts[id], self._by_external[before.channel, before.external_id]
            if before.parent_external_id is not None:
                del self._by_parent[before.channel, before.parent_external_id][id]
        if account is not None:  # one that is known keeps its place among its siblings
            self._accounts[id] = self._by_external[account.channel, account.external_id] = account
            if account.parent_external_id is not None:
                self._by_parent.setdefault((account.channel, account.parent_external_id), {})[id] = account
        self._secrets.follow(id, account)

    def get(self, account_id: str) -> ChannelAccount | None:
        return self._accounts.get(account_id)

    def all(self) -> list[ChannelAccount]:
        return list(self._accounts.values())

    def find(
        self, channel: str, ref: AccountRef, named: str | None = None, signed_by: str | None = None
    ) -> Sequence[ChannelAccount]:
        """The accounts that an item is for; none when it is unroutable.

        ``named`` is whom the webhook's path named, ``signed_by`` the accounts whose own secret verified it when it
        came, with commas between them: of whom the item names, only those come who may be spoken of there.
        """
        found = self.named_by(channel, ref, named)
        if named is not None:
            return [account for account in found if account.external_id == named]
        if signed_by is not None:
            signers = signed_by.split(",")
            return [account for account in found if self._secrets.shared(account.id, signers)]
        return found

    def named_by(self, channel: str, ref: AccountRef, named: str | None = None) -> Sequence[ChannelAccount]:
        """The accounts that an item names, or the webhook's path where it names none."""
        if ref.external_id is not None:
            account = self._by_external.get((channel, ref.external_id))
            if account is None and ref.or_parent:
                return self._owned(channel, ref.external_id)
            return () if account is None else (account,)
        if ref.parent_external_id is not None:
            owned = self._owned(channel, ref.parent_external_id)
            if ref.display is not None:  # it speaks of one of them: not of those that are known to be called otherwise
                called = [account for account in owned if account.display == ref.display]
                return called or [account for account in owned if account.display is None]
            return owned
        account = None if named is None else self._by_external.get((channel, named))
        return () if account is None else (account,)

    def app_secrets(self, channel: str, named: str | None = None) -> Sequence[str]:
        """App secrets of accounts of this channel that have their own; only those of the account that is named."""
        if named is None:
            return self._secrets.of_channel(channel)
        account = self._by_external.get((channel, named))
        return () if account is None else self._secrets.of_account(account.id)

    def holders(self, channel: str, secret: str) -> Sequence[str]:
        """The ids of the accounts that have this app secret."""
        return self._secrets.holders(channel, secret)

    def credentials(self, account: ChannelAccount) -> Mapping[str, str]:
        """The account's credentials, opened. Never log them."""
        return self._vault.open(account.credentials, account.id)

    def _owned(self, channel: str, parent_external_id: str) -> Sequence[ChannelAccount]:
        return list(self._by_parent.get((channel, parent_external_id), {}).values())


def _names(account: ChannelAccount) -> tuple[str, str, str | None]:
    return account.channel, account.external_id, account.parent_external_id
