"""What has to happen as time passes: snoozed conversations wake, waiting echoes are judged, old rows go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial

import structlog

from patchbay.channel import Channel
from patchbay.collections import ACCOUNTS, PARKED
from patchbay.errors import StoreError
from patchbay.inbox.apply import judge
from patchbay.inbox.echoes import ECHO_WAITS
from patchbay.inbox.landing import Arrival
from patchbay.inbox.locate import QuoteAwaited, take
from patchbay.inbox.snoozing import wake_snoozed
from patchbay.inbox.unit import UnitOfWork
from patchbay.ports import Query, Where
from patchbay.service import Inbox
from patchbay.settings import Settings
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

TICK_S = 1.0
PRUNE_EVERY_S = 3600.0
AT_ONCE = 100  # of one chore per tick


class Housekeeping:
    """Runs small chores, one after the other; a failed one is tried again at the next tick."""

    def __init__(
        self,
        inbox: Inbox,
        channels: Mapping[str, Channel],
        settings: Settings,
        *,
        more: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        self._more = more
        self._inbox = inbox
        self._channels = channels
        self._settings = settings
        self._stop = asyncio.Event()
        self._pruned_at = inbox.clock.monotonic()

    def stop(self) -> None:
        self._stop.set()

    async def run(self) -> None:
        """Tick until ``stop``."""
        while not self._stop.is_set():
            await self.tick()
            await woken(self._stop, self._inbox.clock, TICK_S)

    async def tick(self) -> None:
        """Each chore once; one that fails is told of and costs the others nothing."""
        for chore in (self._wake_snoozed, self._judge_echoes, self._give_up_parked, self._prune, *self._more):
            try:
                await chore()
            except StoreError as error:
                log.warning("housekeeping.store_refused", error=error.detail)
            except Exception:
                log.exception("housekeeping.chore_failed", chore=getattr(chore, "__name__", type(chore).__name__))

    async def _wake_snoozed(self) -> None:
        await wake_snoozed(self._inbox)

    async def _judge_echoes(self) -> None:
        """Echoes that waited long enough are what they seem: written in the provider's own app."""
        for waiting in await self._inbox.find_all(
            Query(PARKED, (Where("thread_id", "exists", True),), sort="thread_id", limit=AT_ONCE)
        ):
            if self._inbox.clock.now() - (waiting.echoed_at or waiting.created_at) >= ECHO_WAITS:
                command = partial(judge_parked, parked_id=waiting.id, channels=self._channels)
                await self._inbox.run(command, lane=waiting.thread_id)

    async def _give_up_parked(self) -> None:
        """Reports whose message never came: they stay listed with their webhooks."""
        where = (Where("expires_at", "lte", self._inbox.clock.now()),)
        given_up = 0
        for waiting in await self._inbox.find_all(Query(PARKED, where, sort="expires_at", limit=AT_ONCE)):
            given_up += await self._inbox.run(partial(give_up_parked, parked_id=waiting.id))
        if given_up:
            log.info("housekeeping.reports_without_message", reports=given_up)

    async def _prune(self) -> None:
        if self._inbox.clock.monotonic() - self._pruned_at < PRUNE_EVERY_S:
            return
        self._pruned_at = self._inbox.clock.monotonic()
        now, retention = self._inbox.clock.now(), self._settings.retention
        dropped = await self._inbox.store.prune(
            now - timedelta(days=retention.events_days),
            journal_before=now - timedelta(days=retention.journal_days),
            expired_before=now,
        )
        if dropped:
            log.info("housekeeping.pruned", rows=dropped)


def judge_parked(uow: UnitOfWork, *, parked_id: str, channels: Mapping[str, Channel]) -> None:
    """Judge an echo that waited, if it still waits and its channel is loaded."""
    waiting = uow.get(PARKED, parked_id)
    account = None if waiting is None else uow.get(ACCOUNTS, waiting.account_id)
    channel = None if account is None else channels.get(account.channel)
    if waiting is not None and account is not None and channel is not None:
        judge(uow, Arrival(account, channel), waiting)


def give_up_parked(uow: UnitOfWork, *, parked_id: str) -> int:
    """Forget what waited for a message that never came; how many reports."""
    waiting = uow.get(PARKED, parked_id)
    if waiting is None or waiting.expires_at > uow.now:
        return 0
    return sum(not isinstance(waited.early, QuoteAwaited) for waited in take(uow, waiting))
