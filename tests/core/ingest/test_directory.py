"""Whom an item is for: by the account's own id, its parent's, or what the webhook's path named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

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
        (AccountRef(external_id="1784"), "1784", ["1784"]),
        (AccountRef(external_id="page-1", or_parent=True), "1784", ["1784"]),
        (AccountRef(external_id="1784"), "1785", []),
        (AccountRef(external_id="page-1", or_parent=True), "1785", []),
        (AccountRef(parent_external_id="page-1"), "1785", []),
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


class CountingVault(Vault):
    """Counts what it opens."""

    opened = 0

    def open_text(self, sealed: str, context: str, field: str) -> str:
        self.opened += 1
        return super().open_text(sealed, context, field)


def test_secrets_are_opened_when_they_change_and_not_with_each_commit() -> None:
    vault = CountingVault([SecretKey("k" * 32)])
    made = AccountDirectory(vault)
    accounts = [account(str(number), "page", f"secret-{number}") for number in range(50)]
    made.learn(accounts)
    assert vault.opened == 50
    for each in accounts:
        made.account_committed(each.id, replace(each, name="Renamed", version=2))
    assert vault.opened == 50
    assert [found.name for found in made.all()] == ["Renamed"] * 50
    renewed = account("7", "page", "another")
    made.account_committed(renewed.id, renewed)
    assert vault.opened == 51
    assert set(made.app_secrets("instagram")) == {"another", *(f"secret-{n}" for n in range(50) if n != 7)}


def test_a_change_of_one_account_is_followed_everywhere(directory: AccountDirectory) -> None:
    first = account("1784", "page-1", "alpha")
    directory.account_committed(first.id, replace(first, parent_external_id="page-2", credentials={}))
    for ref, found in (("page-1", []), ("page-2", ["1784"])):
        refs = directory.find("instagram", AccountRef(parent_external_id=ref))
        assert [each.external_id for each in refs] == found
    assert set(directory.app_secrets("instagram")) == {"beta", "gamma"}
    directory.account_committed(first.id, None)
    assert directory.get(first.id) is None
    assert directory.find("instagram", AccountRef(parent_external_id="page-2")) == []
    assert directory.find("instagram", AccountRef(external_id="1784")) == ()
    assert [each.channel for each in directory.find("other", AccountRef(external_id="1784"))] == ["other"]


def test_siblings_keep_their_order_whichever_of_them_changes() -> None:
    made = AccountDirectory(VAULT)
    siblings = [account(each, "page") for each in ("1", "2", "3")]
    made.learn(siblings)
    made.account_committed(siblings[0].id, replace(siblings[0], name="Renamed"))
    found = made.find("instagram", AccountRef(parent_external_id="page"))
    assert [each.external_id for each in found] == ["1", "2", "3"]


def test_a_secret_that_two_accounts_have_stays_while_one_has_it() -> None:
    made = AccountDirectory(VAULT)
    one, two = account("1", None, "shared,own"), account("2", None, "shared")
    made.learn([one, two])
    assert sorted(made.app_secrets("instagram")) == ["own", "shared"]
    made.account_committed(one.id, None)
    assert made.app_secrets("instagram") == ("shared",)
    assert (made.holders("instagram", "shared"), made.holders("instagram", "own")) == ((two.id,), ())
