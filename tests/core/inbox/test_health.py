"""What keeps an account from working, and who may say that it works again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from patchbay.channel import AccountNotice, ConfiguredAccount, TokenState
from patchbay.collections import ACCOUNTS
from patchbay.errands.tokens import learn_token
from patchbay.inbox.accounts import change_account, disable_account, enable_account, reauthorise_account
from patchbay.inbox.configured import settle_configured
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import AccountStatus, ChannelAccount, Health
from tests.core.inbox.builders import T0, Inbox, at

SOON = TokenState(expires_at=T0 + timedelta(days=3))
LATER = TokenState(expires_at=T0 + timedelta(days=60))


class Watched(Inbox):
    """An inbox whose account is in some state."""

    def is_in(self, status: AccountStatus, **health: object) -> None:
        known = self.now
        self.world.put(ACCOUNTS, replace(known, status=status, health=replace(known.health, **health)))

    @property
    def now(self) -> ChannelAccount:
        return self.world.get(ACCOUNTS, self.account.id)

    def notice(self, status: AccountStatus, when: int = 1) -> None:
        self.arrive(AccountNotice(occurred_at=at(when), notice="policy", text=f"it is {status}", status=status))

    def tokens_say(self, state: TokenState, **sealed: str) -> None:
        self.world.run(lambda uow: learn_token(uow, known=self.now, state=state, sealed=sealed))


def test_what_waits_for_a_new_token_is_not_made_to_send_by_a_restriction() -> None:
    inbox = Watched()
    inbox.is_in("reauth_required", last_error="the token is old")
    inbox.notice("degraded")
    assert (inbox.now.status, inbox.now.health.last_error) == ("reauth_required", "the token is old")
    inbox.notice("active")
    assert inbox.now.status == "reauth_required"


def test_what_a_send_found_out_of_a_token_stands_against_what_was_asked_before() -> None:
    inbox = Watched()
    inbox.is_in("reauth_required", last_error="the token is old")
    for state in (SOON, LATER):
        inbox.tokens_say(state)
        assert (inbox.now.status, inbox.now.health.last_error) == ("reauth_required", "the token is old")
    assert "channel.notice" not in inbox.world.told()


def test_a_renewed_token_is_one_that_the_account_waited_for() -> None:
    inbox = Watched()
    inbox.is_in("reauth_required", last_error="the token is old")
    inbox.tokens_say(LATER, access_token="sealed-2")
    assert (inbox.now.status, inbox.now.health.last_error) == ("active", None)
    assert inbox.world.told() == ["channel.recovered", "channel.notice"]


def test_a_good_token_does_not_end_what_the_provider_restricted() -> None:
    inbox = Watched()
    inbox.tokens_say(SOON)
    inbox.notice("degraded")
    inbox.tokens_say(LATER)
    assert (inbox.now.status, inbox.now.health.last_error) == ("degraded", "it is degraded")
    inbox.notice("active", 2)
    assert (inbox.now.status, inbox.now.health.last_error) == ("active", None)


def test_the_end_of_a_restriction_does_not_make_the_token_last() -> None:
    inbox = Watched()
    inbox.notice("degraded")
    inbox.tokens_say(SOON)
    after: list[AccountStatus] = []
    steps: list[Callable[[], None]] = [lambda: inbox.notice("active", 2), lambda: inbox.tokens_say(LATER)]
    for step in steps:
        step()
        after.append(inbox.now.status)
    assert after == ["degraded", "active"]


NewToken = Callable[[UnitOfWork, ChannelAccount], object]


def by_settings(uow: UnitOfWork, account: ChannelAccount) -> object:
    configured = ConfiguredAccount(account.name, account.external_id, account.parent_external_id, {})
    return settle_configured(uow, "whatsapp", configured, NEW, digest="d2", credentials_changed=True)


def by_change(uow: UnitOfWork, account: ChannelAccount) -> object:
    return change_account(uow, account.id, {"credentials": NEW})


def by_reauthorising(uow: UnitOfWork, account: ChannelAccount) -> object:
    return reauthorise_account(uow, account.id, NEW)


NEW = {"access_token": "sealed-2"}
EACH_WAY = pytest.mark.parametrize("renew", [by_settings, by_change, by_reauthorising])
OLD = Health(
    token_expires_at=at(9), token_checked_at=at(1), last_error="it ends", last_error_at=at(1), degraded_by=("token",)
)


@EACH_WAY
@pytest.mark.parametrize("before", ["reauth_required", "degraded"])
def test_nothing_that_was_found_out_of_the_old_token_is_said_of_the_new_one(
    renew: NewToken, before: AccountStatus
) -> None:
    inbox = Watched()
    inbox.world.put(ACCOUNTS, replace(inbox.now, status=before, health=OLD))
    inbox.world.run(lambda uow: renew(uow, inbox.now))
    assert (inbox.now.status, inbox.now.health, inbox.now.credentials) == ("active", Health(), NEW)
    assert inbox.world.told() == ["channel.recovered"]


@EACH_WAY
def test_a_new_token_ends_no_restriction_and_takes_nothing_back_into_service(renew: NewToken) -> None:
    inbox = Watched()
    inbox.notice("degraded")
    inbox.world.run(lambda uow: renew(uow, inbox.now))
    assert (inbox.now.status, inbox.now.health.last_error) == ("degraded", "it is degraded")
    inbox.is_in("disabled")
    inbox.world.run(lambda uow: renew(uow, inbox.now))
    assert inbox.now.status == "disabled"


def test_a_restriction_outlives_being_disabled() -> None:
    inbox = Watched()
    inbox.notice("degraded")
    for verb in (disable_account, enable_account):
        inbox.world.run(lambda uow, verb=verb: verb(uow, inbox.account.id))  # type: ignore[misc]
    assert inbox.now.status == "degraded"
