"""The way to the providers: an account's channel, and a flow played to its address with its token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from patchbay.channel import ApiRequest, ApiResponse, Channel
from patchbay.delivery.runner import Runner
from patchbay.ingest.directory import AccountDirectory
from patchbay.model.account import ChannelAccount

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Providers:
    """``channels`` are by plugin name; what asks a provider for anything asks here."""

    channels: Mapping[str, Channel]
    directory: AccountDirectory
    runner: Runner

    def channel(self, account: ChannelAccount) -> Channel | None:
        """The account's channel; None while its plugin is not loaded."""
        return self.channels.get(account.channel)

    def token(self, channel: Channel, account: ChannelAccount) -> str | None:
        """The account's bearer token, opened. Never log it."""
        return channel.token(self.directory.credentials(account))

    async def play(
        self,
        channel: Channel,
        account: ChannelAccount,
        flow: Generator[ApiRequest, ApiResponse, R],
        *,
        before_effect: Callable[[], Awaitable[None]] | None = None,
    ) -> R:
        """The flow's result; see ``Runner.play``."""
        return await self.runner.play(
            flow,
            base_url=channel.base_url(account),
            token=self.token(channel, account),
            before_effect=before_effect,
        )
