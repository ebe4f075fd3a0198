"""Accounts that come from settings: they follow the settings, and keep what was renewed since."""

from __future__ import annotations

from patchbay.channel import ConfiguredAccount
from patchbay.collections import ACCOUNTS
from patchbay.inbox.configured import settle_configured
from patchbay.model.account import ChannelAccount
from patchbay.testing.world import World

PAGE = ConfiguredAccount("Shop", "7", None, {"access_token": "first"})


def started(world: World, digest: str, *, changed: bool, sealed: str = "sealed") -> ChannelAccount:
    """The account after a start with these settings."""
    return world.run(
        lambda uow: settle_configured(
            uow, "messenger", PAGE, {"access_token": sealed}, digest=digest, credentials_changed=changed
        )
    )


def test_a_start_with_the_same_settings_changes_nothing() -> None:
    world = World()
    first = started(world, "d1", changed=True)
    assert started(world, "d1", changed=False) == first
    assert world.told() == ["channel.connected"]


def test_a_token_that_was_renewed_is_kept_until_the_settings_change() -> None:
    world = World()
    account = started(world, "d1", changed=True)
    world.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), credentials={"access_token": "renewed"}))
    assert started(world, "d1", changed=False).credentials == {"access_token": "renewed"}
    assert started(world, "d2", changed=True, sealed="other").credentials == {"access_token": "other"}


def test_an_account_of_before_digests_were_kept_gets_its_own() -> None:
    world = World()
    account = started(world, "d1", changed=True)
    world.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), configured_digest=None))
    assert started(world, "d1", changed=False).configured_digest == "d1"


def test_new_credentials_let_an_account_work_again() -> None:
    world = World()
    account = started(world, "d1", changed=True)
    world.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), status="reauth_required"))
    assert started(world, "d1", changed=False).status == "reauth_required"
    assert started(world, "d2", changed=True).status == "active"
