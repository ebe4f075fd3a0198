"""Telling providers that what a person tapped has arrived, where their client waits for it: beside everything else.

It is worth something for seconds, so what waits here is not durable; the message itself is kept, whatever comes of it.
"""

from __future__ import annotations

import asyncio
from collections import deque

import structlog

from patchbay.delivery.providers import Providers
from patchbay.errors import SendError
from patchbay.model.document import Document
from patchbay.model.message import Message

log = structlog.get_logger(__name__)

WAITING_AT_MOST = 1_000  # messages; what comes beyond that is answered by the provider's own time-out
AT_ONCE = 4


class Acknowledging:
    """Acknowledges messages of channels whose capabilities say so, each once."""

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._waiting: deque[tuple[str, str]] = deque()  # account and external id
        self._wake = asyncio.Event()

    def message_committed(self, id: str, document: Document | None) -> None:
        """Notice a message of a person that is new."""
        if not isinstance(document, Message) or document.version != 1 or document.origin != "contact":
            return
        account = self._providers.directory.get(document.account_id)
        channel = None if account is None else self._providers.channel(account)
        if channel is not None and channel.capabilities.acknowledges and len(self._waiting) < WAITING_AT_MOST:
            self._waiting.append((document.account_id, document.external_refs[0].external_id))
            self._wake.set()

    async def run(self) -> None:
        """Acknowledge until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            account_id, external_id = self._waiting.popleft()
            try:
                await self._acknowledge(account_id, external_id)
            except SendError as error:
                log.info("acknowledging.refused", account=account_id, code=error.code)
            except Exception:
                log.exception("acknowledging.failed", account=account_id)

    async def _acknowledge(self, account_id: str, external_id: str) -> None:
        account = self._providers.directory.get(account_id)
        channel = None if account is None else self._providers.channel(account)
        if account is not None and channel is not None and account.works:
            await self._providers.play(channel, account, channel.acknowledge(account, external_id))
