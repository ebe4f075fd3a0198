"""The Instagram channel: every method pure, every request a value. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    Capabilities,
    ConfiguredAccount,
    Finding,
    Findings,
    InboundEvent,
    Item,
    Malformed,
    Recipient,
    TokenState,
    tried,
)
from patchbay.errors import AccountBroken, Unsupported
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent, Interactive
from patchbay.model.media import Media
from patchbay_instagram import parse as webhook
from patchbay_instagram.capabilities import CAPABILITIES, DIALECT
from patchbay_instagram.limits import check
from patchbay_instagram.logins import HOSTS, login_of, sender
from patchbay_instagram.lookup import look_up
from patchbay_instagram.settings import PREFIX, InstagramAccountSettings, InstagramSettings
from patchbay_instagram.tokens import renew
from patchbay_meta.diagnosis import Fields, subscription_findings
from patchbay_meta.graph import segment
from patchbay_meta.hosts import GRAPH_URL, base_url
from patchbay_meta.messaging.channel import MessagingChannel
from patchbay_meta.messaging.dialect import Dialect
from patchbay_meta.reading import text

ME_FIELDS = "id,user_id,username,name,account_type"
# Source: Instagram Platform, Permissions; Webhooks, fields.
PAGE_SCOPES = frozenset({"instagram_basic", "instagram_manage_messages", "pages_manage_metadata"})
USEFUL_SCOPES = frozenset({"instagram_manage_comments", "pages_messaging", "pages_read_engagement"})
# Of Instagram login. Echoes come with ``messages`` by one page of the documentation and by their own field by another.
FIELDS = Fields(
    needed=frozenset({"messages", "messaging_postbacks"}),
    useful=frozenset(
        {
            "comments",
            "live_comments",
            "mentions",
            "message_echoes",
            "message_edit",
            "message_reactions",
            "messaging_handover",
            "messaging_optins",
            "messaging_referral",
            "messaging_seen",
            "standby",
            "story_insights",
        }
    ),
)
# A page's subscription names fields of pages, any of which brings all that the app has of Instagram's.
PAGE_FIELDS = Fields(any_brings_all="feed")
CATALOGUE = frozenset({"product", "product_list"})  # kinds of interactive that show products
ACCOUNT_FIELDS = "id,username,name"


@dataclass
class InstagramChannel(MessagingChannel):
    """Professional accounts on Instagram. An account's ``external_id`` is the professional account's id; its parent is
    the page that it is linked to, where it is connected by that page."""

    settings: InstagramSettings
    capabilities: Capabilities = CAPABILITIES

    name: ClassVar[str] = "instagram"
    title: ClassVar[str] = "Instagram"
    account_settings: ClassVar[type[BaseModel]] = InstagramAccountSettings
    dialect: ClassVar[Dialect] = DIALECT
    scopes: ClassVar[frozenset[str]] = PAGE_SCOPES
    useful_scopes: ClassVar[frozenset[str]] = USEFUL_SCOPES

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        return webhook.parse(body)

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        """Products are of a page's catalogue."""
        if isinstance(content, Interactive) and content.kind in CATALOGUE and login_of(account) != "page":
            reason = "Instagram takes products only from an account that is connected by its linked page."
            raise Unsupported(reason, pointer="/content/kind", hint="Send cards with links, of the kind generic.")
        check(content, recipient, media)

    def node(self, account: ChannelAccount) -> str:
        return sender(account)

    def upload_form(self, account: ChannelAccount) -> Mapping[str, str]:
        """A page has files of Messenger's and of Instagram's."""
        return {"platform": "instagram"} if login_of(account) == "page" else {}

    def fetch_message(
        self, account: ChannelAccount, external_id: str
    ) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
        """A message that was announced by ``message_edit`` with ``num_edit`` 0."""
        return (yield from look_up(account, external_id, DIALECT.errors))

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        """With Instagram login the token says whose it is: another account's is no use here."""
        if login_of(account) == "page":
            path, fields = f"/{segment(account.external_id)}", ACCOUNT_FIELDS
        else:
            path, fields = "/me", ME_FIELDS
        response = yield ApiRequest("GET", path, query={"fields": fields})
        DIALECT.own_errors.check(response)
        told = _unwrapped(response.body)
        if path == "/me" and text(told, "user_id") not in (account.external_id, None):
            hint = "Connect the account that the token belongs to, or make a token for this one."
            raise AccountBroken("The access token belongs to another Instagram account.", hint=hint)
        return told

    def diagnose(self, account: ChannelAccount) -> Findings:
        """The host of Instagram login tells nothing about a token but whose it is."""
        if login_of(account) == "page":
            return (yield from super().diagnose(account))
        about_token = yield from tried("token", self._knows(account))
        fields = subscription_findings(f"{self.node(account)}/subscribed_apps", DIALECT.own_errors, FIELDS)
        return (*about_token, *(yield from tried("subscription", fields)))

    def subscribed_fields(self, account: ChannelAccount) -> Fields:
        return PAGE_FIELDS if login_of(account) == "page" else FIELDS

    def _knows(self, account: ChannelAccount) -> Findings:
        yield from self.check_account(account)
        return (Finding("token", "ok", "Instagram takes the token, and it is this account's."),)

    def look_after_token(
        self, account: ChannelAccount, now: datetime
    ) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
        """The token of Instagram login is renewed every week; that of a page is asked about."""
        if login_of(account) == "page":
            return (yield from super().look_after_token(account, now))
        host = self.base_url(account).rsplit("/", 1)[0]
        return (yield from renew(host, account.health.token_expires_at, now, DIALECT.own_errors))

    def base_url(self, account: ChannelAccount) -> str:
        """Each flow has its host; a host in the settings replaces both."""
        chosen = self.settings.graph_url
        host = chosen if chosen != GRAPH_URL else HOSTS[login_of(account)]
        return base_url(account.settings, host, self.settings.graph_version)

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        return self.settings.accounts()

    def gaps(self) -> Sequence[str]:
        return self.settings.gaps(PREFIX)


def _unwrapped(body: Mapping[str, Any]) -> dict[str, Any]:
    """The account, also where it comes inside of ``data``."""
    data = body.get("data")
    if isinstance(data, list):
        data = data[0] if data else None
    return dict(data if isinstance(data, Mapping) else body)
