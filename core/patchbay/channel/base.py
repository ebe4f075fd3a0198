"""What a channel does unless it says otherwise: the parts of the contract that not every provider has. No IO."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import datetime
from typing import Any

from patchbay.channel.contract import ConfiguredAccount, HandshakeAnswer
from patchbay.channel.findings import Finding, Findings
from patchbay.channel.inbound import IdentityKey, InboundEvent, Person
from patchbay.channel.outbound import (
    ApiRequest,
    ApiResponse,
    Draft,
    Flow,
    MediaSource,
    Recipient,
    SendFlow,
    TokenState,
)
from patchbay.errors import MediaRefused, Unsupported
from patchbay.model.account import ChannelAccount
from patchbay.model.content import AnyContent
from patchbay.model.conversation import Window
from patchbay.model.media import Media


class BaseChannel:
    """A base for channels. What has no sensible answer for all is left to the channel: its name and settings,
    ``verify``, ``parse``, ``check``, ``send`` and ``base_url``."""

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        """Refused: the provider verifies no callback."""
        return HandshakeAnswer(text=None)

    def window(self, current: Window, event: InboundEvent, message_id: str | None) -> Window:
        """Unchanged: the provider has no reply window."""
        return current

    def closes_at(self, draft: Draft) -> datetime | None:
        """Never."""
        return None

    def split(self, content: AnyContent) -> Sequence[AnyContent]:
        """One part."""
        return (content,)

    def react(self, account: ChannelAccount, recipient: Recipient, target: str, emoji: str | None) -> SendFlow:
        """Refused; ``capabilities.reactions`` keeps callers from asking."""
        raise Unsupported("This channel carries no reactions.")

    def mark_read(self, account: ChannelAccount, recipient: Recipient, external_id: str) -> Flow:
        """Nothing: nobody is told."""
        yield from ()

    def typing(self, account: ChannelAccount, recipient: Recipient, last_inbound: str | None) -> Flow:
        """Nothing: nobody is shown."""
        yield from ()

    def acknowledge(self, account: ChannelAccount, external_id: str) -> Flow:
        """Nothing: nobody waits."""
        yield from ()

    def fetch_media(self, account: ChannelAccount, media: Media) -> Generator[ApiRequest, ApiResponse, MediaSource]:
        """Refused: what this channel parses names no files."""
        raise MediaRefused("This channel knows no files.")

    def list_templates(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, list[Mapping[str, Any]]]:
        """None."""
        yield from ()
        return []

    def fetch_profile(
        self, account: ChannelAccount, key: IdentityKey
    ) -> Generator[ApiRequest, ApiResponse, Person | None]:
        """Nothing is told."""
        yield from ()
        return None

    def fetch_message(
        self, account: ChannelAccount, external_id: str
    ) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
        """Nothing is told."""
        yield from ()
        return ()

    def check_account(self, account: ChannelAccount) -> Generator[ApiRequest, ApiResponse, Mapping[str, Any]]:
        """Nothing is known of it, and nothing wrong."""
        yield from ()
        return {}

    def look_after_token(
        self, account: ChannelAccount, now: datetime
    ) -> Generator[ApiRequest, ApiResponse, TokenState | None]:
        """Its tokens do not end."""
        yield from ()
        return None

    def diagnose(self, account: ChannelAccount) -> Findings:
        """What ``check_account`` finds."""
        yield from self.check_account(account)
        return (Finding("token", "ok", "The provider knows the account."),)

    def token(self, credentials: Mapping[str, str]) -> str | None:
        """The credential ``access_token``."""
        return credentials.get("access_token") or None

    def configured_accounts(self) -> Sequence[ConfiguredAccount]:
        """None: accounts come from the API."""
        return ()

    def gaps(self) -> Sequence[str]:
        """None."""
        return ()
