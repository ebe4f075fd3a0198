"""Whom an item is for: by the account's own id, its parent's, or what the webhook's path named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from patchbay.channel import AccountRef
from patchbay.ingest.directory import AccountDirectory
from patchbay.model.account import ChannelAccount
from patchbay.model.ids import account_id
from patchbay.secrets import SecretKey, Vault

NOW = datetime(2026, 11, 22, tzinfo=UTC)
VAULT = Vault([SecretKey("k" * 32)])


def account(external_id: str, parent: str | None, secret: str = "", channel: str = "instagram") -> ChannelAccount:
    id = account_id(channel, external_id)
    return ChannelAccount(
        id=id,
        created_at=NOW,
        updated_at=NOW,
        channel=channel,
        name=external_id,
        external_id=external_id,
        parent_external_id=parent,
        credentials=VAULT.seal({"app_secret": secret}, id) if secret else {},
    )


@pytest.fixture
def directory() -> AccountDirectory:
    made = AccountDirectory(VAULT)
    made.learn(
        [
            account("1784", "page-1", "alpha"),
            account("1785", None, "beta,gamma"),
            account("1784", None, channel="other"),
        ]
    )
    return made


@pytest.mark.parametrize(
    ("ref", "named", "found"),
    [
        (AccountRef(external_id="1784"), None, ["1784"]),
        (AccountRef(external_id="page-1"), None, []),
        (AccountRef(external_id="page-1", or_parent=True), None, ["1784"]),
        (AccountRef(external_id="1785", or_parent=True), None, ["1785"]),
        (AccountRef(external_id="nobody", or_parent=True), "1784", []),
        (AccountRef(parent_external_id="page-1"), None, ["1784"]),
        (AccountRef(), "1785", ["1785"]),
        (AccountRef(), "nobody", []),
        (AccountRef(), None, []),
    ],
)
def test_finding(directory: AccountDirectory, ref: AccountRef, named: str | None, found: list[str]) -> None:
    assert [account.external_id for account in directory.find("instagram", ref, named)] == found


def test_a_path_that_names_an_account_narrows_the_secrets_to_its_own(directory: AccountDirectory) -> None:
    assert set(directory.app_secrets("instagram")) == {"alpha", "beta", "gamma"}
    assert directory.app_secrets("instagram", "1785") == ("beta", "gamma")
    assert directory.app_secrets("instagram", "nobody") == ()
    assert directory.app_secrets("other", "1784") == ()
