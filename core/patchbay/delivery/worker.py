"""The outbox worker: one queue per thread, each in order, many side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from patchbay.channel import Channel
from patchbay.collections import OUTBOX
from patchbay.delivery import outcomes
from patchbay.delivery.attempt import Attempt
from patchbay.delivery.policy import delay, exhausted
from patchbay.delivery.runner import Runner
from patchbay.errors import (
    AccountBroken,
    OutcomeUnknown,
    SendError,
    StoreError,
    Throttled,
    ThrottleScope,
    Unavailable,
)
from patchbay.inbox.outbox_ids import entry_id
from patchbay.ingest.directory import AccountDirectory
from patchbay.model.account import ChannelAccount
from patchbay.model.conversation import Conversation
from patchbay.model.document import Document
from patchbay.model.outbox import LIVE_STATES, OutboxEntry
from patchbay.ports import Query, Where
from patchbay.service import Inbox
from patchbay.settings import DeliverySettings
from patchbay.tasks import Tasks

log = structlog.get_logger(__name__)

POLL_S = 1.0  # how late an entry may be noticed that nobody told us of
TYPING_EVERY_S = 20.0  # WhatsApp shows an indicator for 25 s (Cloud API, Typing indicators)
LOOK_AHEAD = 50  # entries of a queue read at once
DUE_AT_ONCE = 500


class DeliveryWorker:
    """Sends what is due. A crash at any point leaves an entry that says how far it came."""

    def __init__(
        self,
        inbox: Inbox,
        channels: Mapping[str, Channel],
        directory: AccountDirectory,
        runner: Runner,
        settings: DeliverySettings,
        *,
        owner: str,
        alone: bool,
    ) -> None:
        self._inbox = inbox
        self._channels = channels
        self._directory = directory
        self._runner = runner
        self._settings = settings
        self._owner = owner
        self._alone = alone
        self._tasks = Tasks()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._waiting: dict[str, float] = {}
        self._held_until: dict[str, datetime] = {}
        self._settled: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        self._status: dict[str, str] = {}
        self._typed_at: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self.sent = 0
        self.retried = 0
        self.failed = 0
        self.unknown = 0

    # being told

    def entry_committed(self, id: str, document: Document | None) -> None:
        """Notice an outbox entry that is due."""
        if isinstance(document, OutboxEntry) and document.state in ("queued", "retry") and document.lease is None:
            self._poke(document.queue)

    def account_committed(self, id: str, document: Document | None) -> None:
        """Let what was paused go on once its account works."""
        if isinstance(document, ChannelAccount) and document.status in ("active", "degraded"):
            if self._status.get(id) not in ("active", "degraded"):
                self._tasks.start(self._resume(id), f"resume {id}")
            self._status[id] = document.status
        elif isinstance(document, ChannelAccount):
            self._status[id] = document.status

    async def wait_accepted(self, message_id: str, timeout_s: float) -> dict[str, Any] | None:
        """The provider's answer to the first part of a message, None when there is none in time."""
        future = self._settled.setdefault(message_id, asyncio.get_running_loop().create_future())
        try:
            entry = await self._inbox.store.get(OUTBOX, entry_id(message_id, 0))
            if entry is not None and entry.state in ("sent", "failed", "unknown", "paused"):
                return entry.response or None
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(future)
        except TimeoutError:
            return None
        finally:
            self._settled.pop(message_id, None)

    def show_typing(self, conversation: Conversation) -> None:
        """Tell the provider that somebody types: at most once in a while per conversation, and nobody waits for it."""
        now = self._inbox.clock.monotonic()
        if now - self._typed_at.get(conversation.id, -TYPING_EVERY_S) < TYPING_EVERY_S:
            return
        self._typed_at = {id: at for id, at in self._typed_at.items() if now - at < TYPING_EVERY_S}
        self._typed_at[conversation.id] = now
        attempt = Attempt(self._inbox, self._channels, self._directory, self._runner, self._settings, self._owner)
        self._tasks.start(attempt.show_typing(conversation), f"typing {conversation.id}")

    # life

    async def run(self) -> None:
        """Send until ``stop``. Begins with what a worker that is gone left behind."""
        await self._recover()
        while not self._stopping:
            self._wake.clear()
            try:
                await self._look()
            except StoreError as error:
                log.warning("delivery.store_refused", error=error.detail)
            await self._pause_until_due()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; wait for what is in flight, at most ``grace_s``."""
        self._stopping = True
        self._wake.set()
        await self._tasks.close(grace_s)

    async def _pause_until_due(self) -> None:
        now = self._inbox.clock.monotonic()
        due = [at for at in self._waiting.values() if at > now]
        timeout = min([POLL_S, *(at - now for at in due)])
        try:
            async with asyncio.timeout(max(timeout, 0.001)):
                await self._wake.wait()
        except TimeoutError:
            pass
        now = self._inbox.clock.monotonic()
        for queue in [queue for queue, at in self._waiting.items() if at <= now]:
            del self._waiting[queue]
            self._poke(queue)

    async def _look(self) -> None:
        """Find entries that are due and that nobody told us of: after a start, or of another gateway."""
        where = (
            Where("state", "in", ("queued", "retry")),
            Where("not_before", "lte", self._inbox.clock.now()),
        )
        page = await self._inbox.store.find(Query(OUTBOX, where, sort="not_before", limit=DUE_AT_ONCE))
        for queue in dict.fromkeys(entry.queue for entry in page.items):
            if queue not in self._waiting:
                self._poke(queue)
        await self._recover()

    async def _recover(self) -> None:
        """Entries whose lease ran out, or whose owner cannot be alive: the embedded store has one process only."""
        now = self._inbox.clock.now()
        for state in ("claimed", "sending"):
            for entry in await self._inbox.find_all(Query(OUTBOX, (Where("state", "eq", state),), limit=200)):
                gone = self._alone and entry.lease is not None and entry.lease.owner != self._owner
                if gone or (entry.lease is not None and entry.lease.until < now):
                    await self._inbox.run(partial(outcomes.recover, entry_id=entry.id))
                    self._poke(entry.queue)

    async def _resume(self, account_id: str) -> None:
        where = (Where("account_id", "eq", account_id), Where("state", "eq", "paused"))
        for entry in await self._inbox.find_all(Query(OUTBOX, where, limit=200)):
            await self._inbox.run(partial(outcomes.resume, entry_id=entry.id))

    # queues

    def _poke(self, queue: str) -> None:
        if self._stopping:
            return
        if queue in self._running:
            self._again.add(queue)
            return
        self._running.add(queue)
        self._tasks.start(self._drain(queue), f"queue {queue}")

    async def _drain(self, queue: str) -> None:
        """Send what is due on one queue, in order, until its head has to wait."""
        try:
            while not self._stopping:
                self._again.discard(queue)
                async with self._slots:
                    more = await self._send_head(queue)
                if not more and queue not in self._again:
                    return
        except StoreError as error:
            log.warning("delivery.store_refused", error=error.detail)
            self._wait(queue, 0.5)
        finally:
            self._running.discard(queue)
            if queue in self._again and not self._stopping:
                self._again.discard(queue)
                self._poke(queue)

    async def _send_head(self, queue: str) -> bool:
        """Send the first entry that may go. False when the queue is empty or has to wait."""
        where = (Where("queue", "eq", queue), Where("state", "in", LIVE_STATES))
        page = await self._inbox.store.find(Query(OUTBOX, where, sort="order", limit=LOOK_AHEAD))
        now = self._inbox.clock.now()
        for entry in page.items:
            ready = self._ready_at(entry, now)
            if ready is None:
                return False
            if ready <= now:
                return await self._send(entry)
            began = entry.unknown_since or entry.began_at
            patience = (
                self._settings.unknown_hold_s if entry.state == "unknown" else self._settings.head_blocks_at_most_s
            )
            if began is None or now - began < timedelta(seconds=patience):
                wait = ready if began is None else min(ready, began + timedelta(seconds=patience))
                self._wait(queue, (wait - now).total_seconds())
                return False
        return False

    def _ready_at(self, entry: OutboxEntry, now: datetime) -> datetime | None:
        """When an entry may go; None when somebody else has it, or its account is paused."""
        match entry.state:
            case "queued" | "retry":
                held = self._held_until.get(entry.account_id)
                return max(entry.not_before, held) if held is not None and held > now else entry.not_before
            case "unknown":
                return (entry.unknown_since or now) + timedelta(days=36_500)
            case _:
                return None

    def _wait(self, queue: str, seconds: float) -> None:
        self._waiting[queue] = self._inbox.clock.monotonic() + max(seconds, 0.001)
        self._wake.set()

    # one send

    async def _send(self, entry: OutboxEntry) -> bool:
        attempt = Attempt(self._inbox, self._channels, self._directory, self._runner, self._settings, self._owner)
        claimed = await attempt.claim(entry)
        if claimed is None:
            return True
        try:
            response = await attempt.send()
        except outcomes.Fenced:
            return True
        except AccountBroken as error:
            broken = error
            await attempt.conclude(lambda uow, held: outcomes.pause(uow, held, broken))
            log.warning("delivery.account_broken", account=entry.account_id, code=error.provider_code)
            self._tell(entry, None)
        except OutcomeUnknown as error:
            await self._lost(attempt, entry, error)
        except Unavailable as error:
            return await self._later(attempt, entry, error)
        except SendError as error:
            await self._refused(attempt, entry, error)
        except StoreError:
            raise
        except Exception as error:  # a channel's bug: its message fails, or is unknown where bytes may have left
            log.exception("delivery.channel_failed", entry=entry.id, account=entry.account_id)
            told = f"The channel failed: {type(error).__name__}."
            if attempt.claimed.state == "sending":
                await self._lost(attempt, entry, OutcomeUnknown(told))
            else:
                await self._refused(attempt, entry, SendError(told))
        else:
            self.sent += 1
            self._tell(entry, response)
        return True

    async def _lost(self, attempt: Attempt, entry: OutboxEntry, error: OutcomeUnknown) -> None:
        if entry.kind != "message":  # a reaction or a read mark made twice hurts nobody
            await self._later(attempt, entry, Unavailable(error.reason, limit=5))
            return
        self.unknown += 1
        channel = attempt.channel
        await attempt.conclude(lambda uow, held: outcomes.failed(uow, held, channel, error, "unknown"))
        self._tell(entry, None)

    async def _refused(self, attempt: Attempt, entry: OutboxEntry, error: SendError) -> None:
        self.failed += 1
        channel = attempt.channel
        await attempt.conclude(lambda uow, held: outcomes.failed(uow, held, channel, error, "failed"))
        self._tell(entry, None)

    async def _later(self, attempt: Attempt, entry: OutboxEntry, error: Unavailable) -> bool:
        tries = entry.attempt + 1
        if exhausted(tries, error):
            await self._refused(attempt, entry, error)
            return True
        self.retried += 1
        until = self._inbox.clock.now() + delay(tries, error, self._settings, self._inbox.ids.jitter())
        if isinstance(error, Throttled) and error.scope != "recipient":
            self._hold(entry.account_id, error.scope, until)
        await attempt.conclude(lambda uow, held: outcomes.put_off(uow, held, error, until))
        return True

    def _hold(self, account_id: str, scope: ThrottleScope, until: datetime) -> None:
        """Let everything wait that shares the limit: the account, those of one owner, or all of the channel."""
        account = self._directory.get(account_id)
        for other in self._directory.all():
            if account is None or other.channel != account.channel:
                continue
            same_owner = scope == "parent" and other.parent_external_id == account.parent_external_id
            if other.id == account_id or scope == "app" or same_owner:
                self._held_until[other.id] = until

    def _tell(self, entry: OutboxEntry, response: dict[str, Any] | None) -> None:
        future = self._settled.get(entry.message_id)
        if future is not None and not future.done() and entry.kind == "message":
            future.set_result(response)
