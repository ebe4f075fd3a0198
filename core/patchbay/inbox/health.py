"""What keeps an account from working well, by cause, and what ends each cause. No IO.

A provider restricts an account, and a token comes to its end: either may begin and end while the other goes on, so an
account is degraded for as long as one of them does. One that waits for a new token gets out of that by other
credentials alone, or by being disabled.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec.structs import replace

from patchbay.model.account import AccountStatus, Cause, ChannelAccount


def degraded(account: ChannelAccount, cause: Cause, error: str, at: datetime) -> ChannelAccount:
    """The account with one more cause for concern; what it waits for, if it waits, stays the error that is shown."""
    health = replace(account.health, degraded_by=_with(account, cause))
    if account.status == "reauth_required":
        return replace(account, health=health)
    return replace(account, status="degraded", health=replace(health, last_error=error, last_error_at=at))


def recovered(account: ChannelAccount, cause: Cause) -> ChannelAccount:
    """The account after a cause ended: it works again where that was the only one."""
    left = _without(account, cause)
    health = replace(account.health, degraded_by=left)
    if left or account.status == "reauth_required":
        return replace(account, health=health)
    return replace(account, status="active", health=replace(health, last_error=None, last_error_at=None))


def with_credentials(account: ChannelAccount, credentials: Mapping[str, str]) -> ChannelAccount:
    """The account with other credentials, sealed: nothing that was found out of the old token is true of the new one.
    A disabled account stays so."""
    left = _without(account, "token")
    health = replace(account.health, degraded_by=left, token_expires_at=None, token_checked_at=None)
    if not left:
        health = replace(health, last_error=None, last_error_at=None)
    status: AccountStatus = account.status if account.status == "disabled" else working(left)
    return replace(account, status=status, health=health, credentials=dict(credentials))


def working(causes: tuple[Cause, ...]) -> AccountStatus:
    """What an account is that sends: with these causes for concern."""
    return "degraded" if causes else "active"


def _with(account: ChannelAccount, cause: Cause) -> tuple[Cause, ...]:
    return (*_without(account, cause), cause)


def _without(account: ChannelAccount, cause: Cause) -> tuple[Cause, ...]:
    return tuple(known for known in account.health.degraded_by if known != cause)
