"""A channel account: one phone number, page or profile that Patchbay speaks for."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from patchbay.model.document import Document, Value

AccountStatus = Literal["pending_setup", "active", "degraded", "reauth_required", "disabled"]

Cause = Literal["provider", "token"]


class Health(Value, frozen=True, kw_only=True):
    """What the channel last told us about itself. ``degraded_by`` is what makes the account ``degraded``: the
    provider's word, or a token that comes to its end."""

    last_inbound_at: datetime | None = None
    last_send_ok_at: datetime | None = None
    token_expires_at: datetime | None = None
    token_checked_at: datetime | None = None
    quality: str | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    degraded_by: tuple[Cause, ...] = ()


class Policies(Value, frozen=True, kw_only=True):
    """Seconds; None means the deployment's default. Nothing closes a conversation by itself yet, so the API does not
    offer ``auto_close_after_s``."""

    reopen_after_s: int | None = None
    auto_close_after_s: int | None = None


class ChannelAccount(Document, frozen=True, kw_only=True):
    """``credentials`` is the sealed form (see ``patchbay.secrets``); it never leaves the process readable.

    ``external_id`` is what webhooks name it by (phone_number_id, page id), ``parent_external_id`` what owns it (WABA).
    ``display`` is what people call it (a phone number), as webhooks last said.
    ``configured_digest`` is of the credentials that the settings last gave: those of the account may be newer, for a
    token is renewed.
    ``portfolio_id`` scopes identities that belong to a business portfolio. Unique: (channel, external_id), by its id.
    """

    channel: str
    name: str
    external_id: str
    parent_external_id: str | None = None
    portfolio_id: str | None = None
    display: str | None = None
    status: AccountStatus = "active"
    health: Health = Health()
    credentials: dict[str, str] = {}
    settings: dict[str, Any] = {}
    policies: Policies = Policies()
    default_department_id: str | None = None
    from_settings: bool = False
    configured_digest: str | None = None

    @property
    def works(self) -> bool:
        """Whether its provider may be asked: not while it waits for a new token, nor while it is disabled."""
        return self.status not in ("reauth_required", "disabled")
