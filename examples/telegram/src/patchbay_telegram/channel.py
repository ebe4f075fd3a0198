"""The channel: every method pure, every request a value. No IO."""

from __future__ import annotations

import hmac
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from patchbay.channel import (
    ApiRequest,
    ApiResponse,
    BaseChannel,
    Capabilities,
    ConfiguredAccount,
    Draft,
    Findings,
    Flow,
    Item,
    Malformed,
    MediaSource,
    Outgoing,
    Recipient,
    SendFlow,
    SignedRequest,
)
from patchbay.errors import BadSignature
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.media import Media
from pydantic import BaseModel

from patchbay_telegram import check, diagnosis, names, parse, payloads, sending, split
from patchbay_telegram.limits import CAPABILITIES
from patchbay_telegram.settings import NoAccountSettings, TelegramSettings

SECRET = "x-telegram-bot-api-secret-token"  # Source: Bot API, setWebhook, "secret_token"


@dataclass
class TelegramChannel(BaseChannel):
    """Bots of the Telegram Bot API. An account's ``external_id`` is the bot's id, with which its token begins.

    A bot may answer at any time: there is no reply window. Telegram reports neither delivery nor reading to bots.
    """

    settings: TelegramSettings
    capabilities: Capabilities = CAPABILITIES

    name: ClassVar[str] = names.CHANNEL
    title: ClassVar[str] = "Telegram"
    account_settings: ClassVar[type[BaseModel]] = NoAccountSettings
    credential_names: ClassVar[tuple[str, ...]] = ("bot_token", "app_secret")

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        """The header is the secret that setWebhook was given. Without a bot in the path nothing can tell whom the
        update is for; refused, Telegram keeps it until the address is right."""
        if request.account is None:
            raise BadSignature("the path names no bot: it is /webhooks/telegram/{bot id}")
        given = request.headers.get(SECRET, "").encode("utf-8", "surrogatepass")
        fits = [
            hmac.compare_digest(secret.encode("utf-8", "surrogatepass"), given) for secret in account_secrets if secret
        ]
        if not any(fits):
            raise BadSignature("the secret token is not this bot's")

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        return parse.parse(body)

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        check.check(content, recipient, media)

    def closes_at(self, draft: Draft) -> datetime | None:
        """Never; the options are judged with it."""
        payloads.options(draft.options)
        return None

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        return split.split(content)

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        return (yield from sending.send(message))

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        return (yield from sending.react(recipient, target, emoji))

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        return (yield from sending.typing(recipient))

    def acknowledge(self, account: ChannelAccount, external_id: str) -> Flow:
        return (yield from sending.acknowledge(external_id))

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        return (yield from sending.find_file(media, self.base_url(account)))

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        return (yield from diagnosis.bot_of(account))

    def diagnose(self, account: ChannelAccount) -> Findings:
        return (yield from diagnosis.diagnose(account))

    def base_url(self, account: ChannelAccount) -> str:
        return self.settings.api_url

    def token(self, credentials: Mapping[str, str]) -> str | None:
        return credentials.get("bot_token") or None

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        return self.settings.accounts()

    def gaps(self) -> Sequence[str]:
        return self.settings.gaps()
