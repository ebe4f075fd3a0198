"""Channel accounts: connect, change, enable, disable, reauthorise, delete. No IO.

Credentials come here sealed already; what an account may set was validated at the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patchbay.collections import ACCOUNTS, THREADS
from patchbay.errors import StateConflict
from patchbay.inbox.health import with_credentials, working
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.versions import require_version
from patchbay.model.account import ChannelAccount, Policies
from patchbay.model.event import Audience
from patchbay.model.ids import account_id
from patchbay.ports import Query, Where
from patchbay.views import account_view


@dataclass(frozen=True)
class NewAccount:
    """What makes an account. ``credentials`` are sealed for the account's id."""

    channel: str
    name: str
    external_id: str
    parent_external_id: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    default_department_id: str | None = None

    @property
    def id(self) -> str:
        return account_id(self.channel, self.external_id)


def connect_account(uow: UnitOfWork, new: NewAccount) -> ChannelAccount:
    """The new account. Raises ``StateConflict`` (``already_exists``) when there is one for this external id."""
    if uow.get(ACCOUNTS, new.id) is not None:
        raise StateConflict(
            f"There is an account for {new.external_id} on {new.channel} already.",
            code="already_exists",
            extra={"existing_id": new.id},
        )
    account = uow.add(
        ACCOUNTS,
        ChannelAccount(
            id=new.id,
            created_at=uow.now,
            updated_at=uow.now,
            channel=new.channel,
            name=new.name,
            external_id=new.external_id,
            parent_external_id=new.parent_external_id,
            credentials=dict(new.credentials),
            settings=dict(new.settings),
            policies=new.policies,
            default_department_id=new.default_department_id,
        ),
    )
    _emit(uow, "channel.connected", account)
    return account


def change_account(
    uow: UnitOfWork, id: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> ChannelAccount:
    """The account with these fields replaced; sealed ``credentials`` are laid over those it has, and let it work again
    where it waited for them.

    Nothing to change changes nothing, not even the version. Raises ``NotFound``, ``VersionConflict``.
    """
    account = _at_version(uow, id, expected)
    wanted = dict(changes)
    if "credentials" in wanted:
        credentials = {**account.credentials, **wanted["credentials"]}
        if credentials != account.credentials:
            renewed = with_credentials(account, credentials)
            wanted.update(credentials=credentials, health=renewed.health, status=renewed.status)
    different = sorted(name for name, value in wanted.items() if getattr(account, name) != value)
    if not different:
        return account
    told = "channel.recovered" if "status" in different else "channel.updated"
    return _put(uow, account, told, **{name: wanted[name] for name in different})


def enable_account(uow: UnitOfWork, id: str, *, expected: int | None = None) -> ChannelAccount:
    """Take a disabled account back into service; one that is not disabled stays as it is."""
    account = _at_version(uow, id, expected)
    if account.status != "disabled":
        return account
    return _put(uow, account, "channel.recovered", status=working(account.health.degraded_by))


def disable_account(uow: UnitOfWork, id: str, *, expected: int | None = None) -> ChannelAccount:
    """Stop sending through an account; what its provider delivers is still kept."""
    account = _at_version(uow, id, expected)
    if account.status == "disabled":
        return account
    return _put(uow, account, "channel.disabled", status="disabled")


def reauthorise_account(
    uow: UnitOfWork, id: str, credentials: Mapping[str, str], *, expected: int | None = None
) -> ChannelAccount:
    """Give an account new credentials, sealed; one that waited for them works again, a disabled one stays so."""
    account = _at_version(uow, id, expected)
    renewed = with_credentials(account, {**account.credentials, **credentials})
    return _put(
        uow,
        account,
        "channel.updated" if account.status == renewed.status else "channel.recovered",
        status=renewed.status,
        health=renewed.health,
        credentials=renewed.credentials,
    )


def delete_account(uow: UnitOfWork, id: str, *, expected: int | None = None) -> None:
    """Remove an account that never spoke with anybody; one with threads is disabled instead, for they need it.

    Raises ``NotFound``, ``VersionConflict``, ``StateConflict``.
    """
    account = _at_version(uow, id, expected)
    if account.from_settings:
        raise StateConflict("This account comes from the settings and would return at the next start; remove it there.")
    if uow.find(Query(THREADS, (Where("account_id", "eq", id),), limit=1)):
        raise StateConflict("People have written to this account; disable it instead, so that their threads stay.")
    uow.remove(ACCOUNTS, account)
    _emit(uow, "channel.deleted", account)


def _at_version(uow: UnitOfWork, id: str, expected: int | None) -> ChannelAccount:
    account = uow.need(ACCOUNTS, id)
    require_version(account.version, expected)
    return account


def _put(uow: UnitOfWork, account: ChannelAccount, event: str, **fields: Any) -> ChannelAccount:
    following = uow.put(ACCOUNTS, account, **fields)
    # that credentials changed may be told, not what they are: views never hold them
    _emit(uow, event, following, changed=sorted(fields))
    return following


def _emit(uow: UnitOfWork, event: str, account: ChannelAccount, *, changed: list[str] | None = None) -> None:
    data = account_view(account)
    if changed is not None:
        data["changed"] = changed
    uow.emit(event, "channel", account.id, data, audience=Audience(account_id=account.id))
