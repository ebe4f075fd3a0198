"""What has to happen as time passes: snoozed conversations wake, waiting echoes are judged, old rows go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import structlog
from msgspec.json import decode

from patchbay.channel import Channel, InboundEvent, MessageEchoed
from patchbay.collections import ACCOUNTS, PARKED
from patchbay.errors import StoreError
from patchbay.inbox.echoes import receive_echo
from patchbay.inbox.landing import Arrival
from patchbay.inbox.snoozing import wake_snoozed
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.outbox import Parked
from patchbay.ports import Query, Where
from patchbay.service import Inbox
from patchbay.settings import Settings

log = structlog.get_logger(__name__)

TICK_S = 1.0
ECHO_WAITS = timedelta(seconds=120)  # for a send in flight; a send takes 30 s at most, its retry tells itself apart
PRUNE_EVERY_S = 3600.0


class Housekeeping:
    """Runs small chores, one after the other; a failed one is tried again at the next tick."""

    def __init__(self, inbox: Inbox, channels: Mapping[str, Channel], settings: Settings) -> None:
        self._inbox = inbox
        self._channels = channels
        self._settings = settings
        self._stop = asyncio.Event()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Tick until ``stop``."""
        pruned_at = self._inbox.clock.monotonic()
        while not self._stop.is_set():
            try:
                await wake_snoozed(self._inbox)
                await self._judge_echoes()
                if self._inbox.clock.monotonic() - pruned_at >= PRUNE_EVERY_S:
                    pruned_at = self._inbox.clock.monotonic()
                    await self._prune()
            except StoreError as error:
                log.warning("housekeeping.store_refused", error=error.detail)
            try:
                async with asyncio.timeout(TICK_S):
                    await self._stop.wait()
            except TimeoutError:
                pass

    async def _judge_echoes(self) -> None:
        """Echoes that waited long enough are what they seem: written in the provider's own app."""
        where = (Where("thread_id", "exists", True),)
        page = await self._inbox.store.find(Query(PARKED, where, sort="thread_id", limit=100))
        for waiting in page.items:
            if self._inbox.clock.now() - waiting.created_at >= ECHO_WAITS:
                await self._inbox.run(partial(judge, parked_id=waiting.id, channels=self._channels))

    async def _prune(self) -> None:
        now = self._inbox.clock.now()
        retention = self._settings.retention
        dropped = await self._inbox.store.prune(
            now - timedelta(days=retention.events_days),
            journal_before=now - timedelta(days=retention.journal_days),
            expired_before=now,
        )
        if dropped:
            log.info("housekeeping.pruned", rows=dropped)


def judge(uow: UnitOfWork, *, parked_id: str, channels: Mapping[str, Channel]) -> None:
    """Apply what a parked echo says; what is parked beside it (receipts) stays for the message it makes."""
    waiting: Parked | None = uow.get(PARKED, parked_id)
    account = None if waiting is None else uow.get(ACCOUNTS, waiting.account_id)
    channel = None if account is None else channels.get(account.channel)
    if waiting is None or account is None or channel is None:
        return
    uow.remove(PARKED, waiting)
    arrival = Arrival(account, channel)
    for item in waiting.items:
        event = decode(item, type=InboundEvent)
        if isinstance(event, MessageEchoed):
            receive_echo(uow, arrival, event, judged=True)
