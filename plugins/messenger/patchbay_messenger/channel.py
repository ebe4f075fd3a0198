"""The Messenger channel: every method pure, every request a value. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from patchbay.channel import ApiRequest, ApiResponse, Capabilities, ConfiguredAccount, Item, Malformed, Recipient
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.media import Media
from patchbay_messenger import parse as webhook
from patchbay_messenger import payloads
from patchbay_messenger.capabilities import CAPABILITIES, DIALECT
from patchbay_messenger.limits import check
from patchbay_messenger.settings import PREFIX, MessengerSettings
from patchbay_meta.diagnosis import Fields
from patchbay_meta.graph import segment
from patchbay_meta.hosts import GraphAccountSettings, base_url
from patchbay_meta.messaging.channel import MessagingChannel
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.paging import rows, template

ACCOUNT_FIELDS = "id,name,username,link"
# Source: Messenger Platform, Permissions; Webhooks, Page fields.
SCOPES = frozenset({"pages_messaging", "pages_manage_metadata", "pages_read_engagement"})
USEFUL_SCOPES = frozenset({"pages_read_user_content"})
# All but ``response_feedback``, which puts thumbs under every message: to be chosen, not missed.
FIELDS = Fields(
    needed=frozenset({"messages", "message_echoes", "messaging_postbacks"}),
    useful=frozenset(
        {
            "feed",
            "mention",
            "message_deliveries",
            "message_edits",
            "message_reactions",
            "message_reads",
            "message_template_status_update",
            "messaging_account_linking",
            "messaging_feedback",
            "messaging_handovers",
            "messaging_optins",
            "messaging_policy_enforcement",
            "messaging_referrals",
            "send_cart",
            "standby",
        }
    ),
)
TEMPLATE_FIELDS = "id,name,language,status,category,components"


@dataclass
class MessengerChannel(MessagingChannel):
    """Pages on Messenger. An account's ``external_id`` is the page's id."""

    settings: MessengerSettings
    capabilities: Capabilities = CAPABILITIES

    name: ClassVar[str] = "messenger"
    title: ClassVar[str] = "Messenger"
    account_settings: ClassVar[type[BaseModel]] = GraphAccountSettings
    dialect: ClassVar[Dialect] = DIALECT
    scopes: ClassVar[frozenset[str]] = SCOPES
    useful_scopes: ClassVar[frozenset[str]] = USEFUL_SCOPES

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        return webhook.parse(body)

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        check(content, recipient, media)

    def message(self, content: AnyContent, attachment_id: str | None) -> Mapping[str, Any]:
        return payloads.message(content, attachment_id)

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        """The page's utility templates: Meta's own members, with ``status`` in lower case."""
        found = yield from rows(f"{self.node(account)}/message_templates", TEMPLATE_FIELDS, DIALECT.own_errors.check)
        return [template(row) for row in found if isinstance(row.get("name"), str)]

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        response = yield ApiRequest("GET", self.node(account), query={"fields": ACCOUNT_FIELDS})
        DIALECT.own_errors.check(response)
        return response.body

    def subscribed_fields(self, account: ChannelAccount) -> Fields:
        return FIELDS

    def node(self, account: ChannelAccount) -> str:
        return f"/{segment(account.external_id)}"

    def base_url(self, account: ChannelAccount) -> str:
        return base_url(account.settings, self.settings.graph_url, self.settings.graph_version)

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        return self.settings.accounts()

    def gaps(self) -> Sequence[str]:
        return self.settings.gaps(PREFIX)
