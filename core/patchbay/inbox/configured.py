"""Accounts that come from settings: made at the first start, following the settings afterwards. No IO."""

from __future__ import annotations

from collections.abc import Mapping

from patchbay.channel import ConfiguredAccount
from patchbay.collections import ACCOUNTS
from patchbay.inbox.health import with_credentials
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.account import ChannelAccount
from patchbay.model.event import Audience
from patchbay.model.ids import account_id
from patchbay.views import account_view


def settle_configured(
    uow: UnitOfWork,
    channel: str,
    configured: ConfiguredAccount,
    sealed: Mapping[str, str],
    *,
    digest: str,
    credentials_changed: bool,
) -> ChannelAccount:
    """The account as the settings have it. New credentials end ``reauth_required``; ``digest`` is of those, so that
    what replaced them since (a renewed token) is replaced only when the settings change."""
    id = account_id(channel, configured.external_id)
    known = uow.get(ACCOUNTS, id)
    settings = dict(configured.settings)
    portfolio_id = configured.portfolio_id
    if known is None:
        account = uow.add(
            ACCOUNTS,
            ChannelAccount(
                id=id,
                created_at=uow.now,
                updated_at=uow.now,
                channel=channel,
                name=configured.name,
                external_id=configured.external_id,
                parent_external_id=configured.parent_external_id,
                portfolio_id=portfolio_id,
                credentials=dict(sealed),
                settings=settings,
                from_settings=True,
                configured_digest=digest,
            ),
        )
        told = "channel.connected"
    else:
        same = (
            known.parent_external_id == configured.parent_external_id
            and known.portfolio_id == portfolio_id
            and known.settings == settings
            and known.configured_digest == digest
            and not credentials_changed
        )
        if same:
            return known
        renewed = with_credentials(known, sealed) if credentials_changed else known
        account = uow.put(
            ACCOUNTS,
            known,
            parent_external_id=configured.parent_external_id,
            portfolio_id=portfolio_id,
            settings=settings,
            credentials=renewed.credentials,
            status=renewed.status,
            health=renewed.health,
            from_settings=True,
            configured_digest=digest,
        )
        told = "channel.updated" if account.status == known.status else "channel.recovered"
    uow.emit(told, "channel", id, account_view(account), audience=Audience(account_id=id))
    return account
