"""The app secrets that accounts have of their own, opened, and who has which. Never log them."""

from __future__ import annotations

from collections.abc import Sequence

from patchbay.model.account import ChannelAccount
from patchbay.secrets import Vault

FIELD = "app_secret"  # among the credentials; several, while one is replaced, have commas between them


class AppSecrets:
    """Follows committed accounts. A secret is opened when its sealed form changed, not with every commit of its
    account: health and names change far more often."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._sealed: dict[str, str] = {}  # by account
        self._opened: dict[str, tuple[str, ...]] = {}  # by account
        self._channel: dict[str, str] = {}  # by account
        self._holders: dict[str, dict[str, dict[str, None]]] = {}  # by channel and secret: accounts, in order
        self._every: dict[str, tuple[str, ...]] = {}  # by channel: at hand for each webhook

    def follow(self, id: str, account: ChannelAccount | None) -> None:
        """Take an account as committed; None means that it was removed."""
        sealed = None if account is None else account.credentials.get(FIELD)
        if sealed == self._sealed.get(id):
            return
        if id in self._sealed:
            self._forget(id)
        if account is None or sealed is None:
            return
        opened = self._vault.open({FIELD: sealed}, id)[FIELD]
        secrets = tuple(dict.fromkeys(filter(None, opened.split(","))))
        self._sealed[id], self._opened[id], self._channel[id] = sealed, secrets, account.channel
        holders = self._holders.setdefault(account.channel, {})
        for secret in secrets:
            holders.setdefault(secret, {})[id] = None
        self._every[account.channel] = tuple(holders)

    def of_channel(self, channel: str) -> Sequence[str]:
        """Each secret once."""
        return self._every.get(channel, ())

    def of_account(self, id: str) -> Sequence[str]:
        return self._opened.get(id, ())

    def shared(self, id: str, others: Sequence[str]) -> bool:
        """Whether an account is one of these, or has a secret in common with one: who has it speaks for both."""
        own = set(self.of_account(id))
        return id in others or any(not own.isdisjoint(self.of_account(other)) for other in others)

    def holders(self, channel: str, secret: str) -> Sequence[str]:
        """The accounts that have this secret."""
        return tuple(self._holders.get(channel, {}).get(secret, ()))

    def _forget(self, id: str) -> None:
        del self._sealed[id]
        channel = self._channel.pop(id)
        holders = self._holders[channel]
        for secret in self._opened.pop(id):
            del holders[secret][id]
            if not holders[secret]:
                del holders[secret]
        self._every[channel] = tuple(holders)
