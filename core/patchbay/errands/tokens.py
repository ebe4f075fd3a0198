"""The tokens of accounts, looked after: renewed where the provider allows it, and told of before they end.

A token that ends in silence is found out by the first message that does not leave. So the provider is asked once a day,
and more often in the last days; what it says becomes the account's health, and a notice in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from patchbay.channel import TokenState
from patchbay.collections import ACCOUNTS
from patchbay.delivery.providers import Providers
from patchbay.errors import AccountBroken, SendError, StoreError
from patchbay.inbox.health import degraded, recovered, with_credentials
from patchbay.inbox.reports import change_status
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.event import Audience
from patchbay.secrets import Vault
from patchbay.service import Inbox
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

LOOK_S = 600.0
EVERY = timedelta(days=1)
SOON = timedelta(days=7)  # before the end: an administrator is told, and it is looked at more often
EVERY_SOON = timedelta(hours=6)


class Tokens:
    """Asks each account's provider about its token, one account after the other."""

    def __init__(self, inbox: Inbox, providers: Providers, vault: Vault) -> None:
        self._inbox = inbox
        self._providers = providers
        self._vault = vault
        self._refused_at: dict[str, datetime] = {}  # by account
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Look until ``stop``."""
        while not self._stop.is_set():
            for account in self._providers.directory.all():
                if self._is_due(account):
                    await self.look(account)
            await woken(self._stop, self._inbox.clock, LOOK_S)

    async def look(self, account: ChannelAccount) -> None:
        """Ask about one account's token, and keep what was said. A provider that is away is asked again later."""
        channel = self._providers.channels[account.channel]
        try:
            flow = channel.look_after_token(account, self._inbox.clock.now())
            state = await self._providers.play(channel, account, flow)
            sealed = self._vault.seal(state.credentials, account.id) if state is not None else {}
            command = partial(learn_token, known=account, state=state or TokenState(), sealed=sealed)
        except AccountBroken as error:
            command = partial(token_ended, known=account, reason=error.reason)
        except SendError as error:
            log.info("tokens.refused", account=account.id, code=error.code, provider_code=error.provider_code)
            self._refused_at[account.id] = self._inbox.clock.now()
            command = partial(token_not_renewed, known=account, reason=error.reason)
        except Exception as error:  # a channel's bug
            log.exception("tokens.channel_failed", account=account.id)
            self._refused_at[account.id] = self._inbox.clock.now()
            command = partial(token_not_renewed, known=account, reason=f"the channel failed: {type(error).__name__}")
        try:
            await self._inbox.run(command)
        except StoreError as error:
            log.warning("tokens.store_refused", account=account.id, error=error.detail)

    def _is_due(self, account: ChannelAccount) -> bool:
        channel = self._providers.channel(account)
        if channel is None or not channel.capabilities.token_care or not account.works:
            return False
        checked_at, now = account.health.token_checked_at, self._inbox.clock.now()
        refused_at = self._refused_at.get(account.id)
        if refused_at is not None and now - refused_at < EVERY_SOON:
            return False
        return checked_at is None or now - checked_at >= (EVERY_SOON if _ends_soon(account, now) else EVERY)


def _ends_soon(account: ChannelAccount, now: datetime) -> bool:
    ends = account.health.token_expires_at
    return ends is not None and ends - now <= SOON


def learn_token(
    uow: UnitOfWork, *, known: ChannelAccount, state: TokenState, sealed: Mapping[str, str]
) -> ChannelAccount | None:
    """Keep when the token ends and what replaces it; None when the account has other credentials by now."""
    before = _with_that_token(uow, known)
    if before is None:
        return None
    account = with_credentials(before, {**before.credentials, **sealed}) if sealed else before
    health = replace(account.health, token_checked_at=uow.now, token_expires_at=state.expires_at)
    account = replace(account, health=health)
    soon = _ends_soon(account, uow.now)
    told = f"The access token ends on {_day(state.expires_at)}: make a new one and reauthorise the account."
    if soon:
        account = degraded(account, "token", told, uow.now)
    elif "token" in health.degraded_by:
        account = recovered(account, "token")
    account = change_status(uow, before, account.status, health=account.health, credentials=account.credentials)
    if sealed:
        _notice(uow, account, "token_renewed", f"The access token was renewed until {_day(state.expires_at)}.")
    if soon and not _was_warned(before):
        _notice(uow, account, "token_expiring", told)
    return account


def token_not_renewed(uow: UnitOfWork, *, known: ChannelAccount, reason: str) -> ChannelAccount | None:
    """The provider told nothing, or refused: of concern once the token is known to end soon, None before."""
    before = _with_that_token(uow, known)
    ends = None if before is None else before.health.token_expires_at
    if before is None or ends is None or not _ends_soon(before, uow.now):
        return None
    if ends <= uow.now:
        reason = f"The access token ended on {_day(ends)} and could not be renewed: {reason}"
        return token_ended(uow, known=known, reason=reason)
    told = f"The access token ends on {_day(ends)} and could not be renewed: {reason}"
    following = degraded(before, "token", told, uow.now)
    account = change_status(uow, before, following.status, health=following.health)
    if not _was_warned(before):
        _notice(uow, account, "token_expiring", told)
    return account


def token_ended(uow: UnitOfWork, *, known: ChannelAccount, reason: str) -> ChannelAccount | None:
    """The provider takes the token no more: the account waits for a new one."""
    account = _with_that_token(uow, known)
    if account is None:
        return None
    health = replace(account.health, token_checked_at=uow.now, last_error=reason, last_error_at=uow.now)
    account = change_status(uow, account, "reauth_required", health=health)
    _notice(uow, account, "token_ended", reason)
    return account


def _with_that_token(uow: UnitOfWork, known: ChannelAccount) -> ChannelAccount | None:
    """The account as it is now, unless the token that was asked about is not its own any more."""
    account = uow.get(ACCOUNTS, known.id)
    return account if account is not None and account.credentials == known.credentials else None


def _was_warned(account: ChannelAccount) -> bool:
    return "token" in account.health.degraded_by or account.status == "reauth_required"


def _day(moment: datetime | None) -> str:
    return "an unknown day" if moment is None else f"{moment:%Y-%m-%d}"


def _notice(uow: UnitOfWork, account: ChannelAccount, notice: str, text: str) -> None:
    uow.emit(
        "channel.notice",
        "channel",
        account.id,
        {"account_id": account.id, "notice": notice, "text": text, "data": {}},
        audience=Audience(account_id=account.id),
    )
