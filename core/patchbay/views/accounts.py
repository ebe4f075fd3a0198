"""Channel accounts and their templates on the wire. No IO."""

from __future__ import annotations

from urllib.parse import quote

from patchbay.channel import Capabilities
from patchbay.model.account import ChannelAccount
from patchbay.model.template import TemplateRecord
from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay.views.parts import View


def account_view(account: ChannelAccount) -> View:
    """Without credentials: those are never returned. And without ``callback_path``, which REST adds: it is the plugin's
    to say, and an account may be without its plugin."""
    health = account.health
    return {
        "id": account.id,
        "channel": account.channel,
        "name": account.name,
        "external_id": account.external_id,
        "parent_external_id": account.parent_external_id,
        "status": account.status,
        "health": {
            "last_inbound_at": rfc3339_or_none(health.last_inbound_at),
            "last_send_ok_at": rfc3339_or_none(health.last_send_ok_at),
            "token_expires_at": rfc3339_or_none(health.token_expires_at),
            "quality": health.quality,
            "last_error": health.last_error,
            "last_error_at": rfc3339_or_none(health.last_error_at),
        },
        "settings": account.settings,
        "policies": {
            "reopen_after_s": account.policies.reopen_after_s,
        },
        "default_department_id": account.default_department_id,
        "from_settings": account.from_settings,
        "created_at": rfc3339(account.created_at),
        "updated_at": rfc3339(account.updated_at),
        "version": account.version,
    }


def callback_path(channel: str, external_id: str, capabilities: Capabilities) -> str:
    """Where the provider posts webhooks of an account, below the gateway's address."""
    path = f"/webhooks/{channel}"
    return f"{path}/{quote(external_id, safe='')}" if capabilities.account_in_path else path


def template_view(template: TemplateRecord) -> View:
    return {
        "id": template.id,
        "account_id": template.account_id,
        "channel": template.channel,
        "external_id": template.external_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "quality": template.quality,
        "reason": template.reason,
        "components": list(template.components),
        "synced_at": rfc3339_or_none(template.synced_at),
        "created_at": rfc3339(template.created_at),
        "updated_at": rfc3339(template.updated_at),
        "version": template.version,
    }
