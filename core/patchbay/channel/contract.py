"""The channel contract: bytes to items, and a message to a flow of requests. No IO.

A channel is two pure halves. ``parse`` turns a verified webhook body into items, one per update, each with a key that
is the same however often the provider delivers it. ``send`` is a generator: it yields the requests that one part of a
message takes and returns a receipt; the core's runner owns the session, the token, time-outs, retries and redaction.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

from msgspec import Struct
from pydantic import BaseModel

from patchbay.channel.findings import Findings
from patchbay.channel.inbound import IdentityKey, InboundEvent, Item, Malformed, Person
from patchbay.channel.outbound import (
    ApiRequest,
    ApiResponse,
    Capabilities,
    Draft,
    Flow,
    MediaSource,
    Outgoing,
    Recipient,
    SendFlow,
    TokenState,
)
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.conversation import Window
from patchbay.model.media import Media


class SignedRequest(Struct, frozen=True):
    """A webhook as it came: the raw body and its headers with lower-case names. ``account`` is the external id that the
    path named, for providers whose webhooks do not say whom they are for."""

    body: bytes
    headers: Mapping[str, str]
    account: str | None = None


@dataclass(frozen=True)
class HandshakeAnswer:
    """What to answer a verification request with: 200 and this text, or 403 when None."""

    text: str | None


class Channel(Protocol):
    """One messaging channel. All methods are pure: no IO, no clock, no awaiting.

    ``account_settings`` is the model of what an account of this channel may set; ``credential_names`` are the secrets
    it needs, required ones first and optional ones with a trailing "?".
    """

    name: ClassVar[str]
    title: ClassVar[str]
    account_settings: ClassVar[type[BaseModel]]
    credential_names: ClassVar[tuple[str, ...]]
    capabilities: Capabilities

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        """Answer the provider's verification of the callback URL."""

    def verify(self, request: SignedRequest, account_secrets: Sequence[str]) -> None:
        """Raise ``BadSignature`` unless the body is from the provider. ``account_secrets`` are app secrets of accounts
        that have their own: none, all or some of them, for the core finds out whose fits; the plugin's own are tried
        first."""

    def parse(self, body: bytes) -> Sequence[Item | Malformed]:
        """All items of a verified body, in order. Raises ``BadPayload`` when it cannot be read at all, nothing else."""

    def check(self, account: ChannelAccount, content: AnyContent, recipient: Recipient, media: Media | None) -> None:
        """Raise ``Unsupported`` when this account cannot send this content, naming the part and what to do."""

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        """The reply window after this event."""

    def closes_at(self, draft: Draft) -> datetime | None:
        """When the chance to send this ends, end excluded: that of the recipient's window, or of what the options or
        the quoted message allow. ``CLOSED`` when there is none, None when it may be sent at any time. Raises
        ``Unsupported`` for options that cannot be kept."""

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        """The content as the parts that the provider takes, in order; mostly one."""

    def send(self, account: ChannelAccount, message: Outgoing) -> SendFlow:
        """The requests that one part takes. Raises a ``SendError`` from the channel's error table."""

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        """Set or take back our reaction to a message."""

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        """Tell the provider that a message of this person was read."""

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        """Show that somebody is typing, where the provider can."""

    def acknowledge(self, account: ChannelAccount, external_id: str) -> Flow:
        """Tell the provider that a message of a person has arrived, where ``capabilities.acknowledges`` says that their
        client waits for it (a button that was pressed). Played soon after the message is kept, once, and beside
        everything else; for messages that nothing waits for it yields nothing."""

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        """Find where a file can be downloaded now. Raises ``MediaRefused`` when it is gone for good."""

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        """All templates of the account: mappings with name, language, status, category, id, components."""

    def fetch_profile(
        self, account: ChannelAccount, key: IdentityKey
    ) -> Generator[ApiRequest, ApiResponse, Person | None]:
        """What the provider tells of a person, None when it tells nothing; asked beside everything else, where
        ``capabilities.profiles`` says so. A refusal (no consent, gone) is a ``SendError`` and nobody's loss."""

    def fetch_message(
        self, account: ChannelAccount, external_id: str
    ) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
        """What a message says that was announced without its content (``MessageWithheld``): the events that ``parse``
        would have given for it, none where the provider tells nothing. Raises ``AccountBroken`` while the account may
        not read it: its reason becomes a notice, and it is asked for again for some days."""

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        """Ask the provider about the account: details such as verified name and quality. Raises ``AccountBroken``."""

    def look_after_token(
        self, account: ChannelAccount, now: datetime
    ) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
        """Find out until when the account's token is good, and renew it when it is time; where
        ``capabilities.token_care`` says so, asked about once a day. Raises ``AccountBroken`` when it has ended."""

    def diagnose(self, account: ChannelAccount) -> Findings:
        """Ask the provider what keeps the account from working: the token and what it may do, the subscription. What
        cannot be told is a finding, too; raises ``SendError`` where nothing can."""

    def base_url(self, account: ChannelAccount) -> str:
        """What relative paths of requests are appended to, without a trailing slash."""

    def token(self, credentials: Mapping[str, str]) -> str | None:
        """The bearer token among the account's opened credentials."""

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        """Accounts that come from the plugin's settings."""

    def gaps(self) -> Sequence[str]:
        """What the plugin's settings lack: a sentence each that names the setting and says what does not work without
        it. Told at the start and by ``patchbay check``; nothing is refused for it."""


@dataclass(frozen=True)
class ConfiguredAccount:
    """An account from settings, made at start when it does not exist, updated when it does."""

    name: str
    external_id: str
    parent_external_id: str | None
    credentials: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    portfolio_id: str | None = None
