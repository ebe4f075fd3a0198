"""Telling providers that what a person tapped has arrived, where their client waits for it: beside everything else.

It is worth something for seconds, so what waits here is not durable; the message itself is kept, whatever comes of it.
"""

from __future__ import annotations

import structlog

from patchbay.delivery.providers import Providers
from patchbay.errands.line import Line
from patchbay.inbox.sending import provider_id
from patchbay.model.document import Document
from patchbay.model.message import Message

log = structlog.get_logger(__name__)

WAITING_AT_MOST = 1_000  # messages; what comes beyond that is answered by the provider's own time-out


class Acknowledging:
    """Acknowledges messages of channels whose capabilities say so, each once."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._line = Line("acknowledging", self._acknowledge, most=WAITING_AT_MOST)

    def message_committed(self, id: str, document: Document | None) -> None:
        """Notice a message of a person that is new."""
        if not isinstance(document, Message) or document.version != 1 or document.origin != "contact":
            return
        account = self._providers.directory.get(document.account_id)
        channel = None if account is None else self._providers.channel(account)
        if channel is not None and channel.capabilities.acknowledges:
            self._line.put((document.account_id, provider_id(document) or ""))

    async def run(self) -> None:
        """Acknowledge until cancelled."""
        await self._line.run()

    async def _acknowledge(self, message: tuple[str, str]) -> None:
        account_id, external_id = message
        account = self._providers.directory.get(account_id)
        channel = None if account is None else self._providers.channel(account)
        if account is not None and channel is not None and account.works:
            await self._providers.play(channel, account, channel.acknowledge(account, external_id))
