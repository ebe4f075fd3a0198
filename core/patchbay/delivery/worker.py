"""The outbox worker: one queue per thread, each in order, many side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from patchbay.collections import ACCOUNTS, OUTBOX
from patchbay.delivery import outcomes
from patchbay.delivery.context import DeliveryContext
from patchbay.delivery.policy import PAUSED_LOOK, next_turn
from patchbay.delivery.queues import Queues
from patchbay.delivery.sender import Sender
from patchbay.errors import StoreError
from patchbay.inbox.outbox_ids import entry_id
from patchbay.model.account import ChannelAccount
from patchbay.model.conversation import Conversation
from patchbay.model.document import Document
from patchbay.model.outbox import LIVE_STATES, OutboxEntry
from patchbay.ports import Query, Where
from patchbay.tasks import Tasks
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

POLL_S = 1.0  # how late an entry may be noticed that nobody told us of
RESUME_AGAIN_S = 1.0  # after the store refused to let paused entries go on
TYPING_EVERY_S = 20.0  # WhatsApp shows an indicator for 25 s (Cloud API, Typing indicators)
LOOK_AHEAD = 50  # entries of a queue read at once
DUE_AT_ONCE = 500


class DeliveryWorker:
    """Sends what is due. A crash at any point leaves an entry that says how far it came."""

    def __init__(self, on: DeliveryContext, *, alone: bool) -> None:
        self._on = on
        self._alone = alone
        self._tasks = Tasks()
        self._sender = Sender(on, tell=self._tell)
        self._queues = Queues(on.inbox.clock, self._tasks, self._turn, at_once=on.settings.concurrency)
        self._waiters: dict[str, list[asyncio.Future[dict[str, Any] | None]]] = {}
        self._working: set[str] = set()  # accounts, as last committed
        self._typed_at: dict[str, float] = {}
        self._due_at: datetime | None = None
        self._due_cursor: str | None = None
        self._paused_cursor: str | None = None
        self._paused_look_at = 0.0  # by the monotonic clock
        self._stopping = False

    @property
    def sent(self) -> int:
        return self._sender.sent

    @property
    def retried(self) -> int:
        return self._sender.retried

    @property
    def failed(self) -> int:
        return self._sender.failed

    @property
    def unknown(self) -> int:
        return self._sender.unknown

    # being told

    def entry_committed(self, id: str, document: Document | None) -> None:
        """Notice an outbox entry that is due, and one that others waited for and that is out of their way now."""
        if not isinstance(document, OutboxEntry):
            return
        queue = document.queue
        if document.state in ("queued", "retry"):
            if document.lease is None:
                self._queues.poke(queue)
        elif document.state not in LIVE_STATES and (self._queues.runs(queue) or self._queues.rests(queue)):
            self._queues.poke(queue)

    def account_committed(self, id: str, document: Document | None) -> None:
        """Let what was paused go on once its account works."""
        if not isinstance(document, ChannelAccount):
            self._working.discard(id)
            return
        if not document.works:
            self._working.discard(id)
        elif id not in self._working:
            self._working.add(id)
            self._tasks.start(self._resume(id), f"resume {id}")

    async def wait_accepted(self, message_id: str, timeout_s: float) -> dict[str, Any] | None:
        """The provider's answer to the first part of a message, None when there is none in time."""
        future: asyncio.Future[dict[str, Any] | None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(message_id, [])
        waiters.append(future)
        try:
            entry = await self._on.inbox.store.get(OUTBOX, entry_id(message_id, 0))
            if entry is not None and entry.state in ("sent", "failed", "unknown", "paused"):
                return entry.response or None
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            return None
        finally:
            waiters.remove(future)
            if not waiters:
                self._waiters.pop(message_id, None)

    def _tell(self, entry: OutboxEntry, answer: dict[str, Any] | None) -> None:
        if entry.kind == "message" and entry.part == 0:
            for future in self._waiters.get(entry.message_id, ()):
                if not future.done():
                    future.set_result(answer)

    def show_typing(self, conversation: Conversation) -> None:
        """Tell the provider that somebody types: at most once in a while per conversation, and nobody waits for it."""
        now = self._on.inbox.clock.monotonic()
        if now - self._typed_at.get(conversation.id, -TYPING_EVERY_S) < TYPING_EVERY_S:
            return
        self._typed_at = {id: at for id, at in self._typed_at.items() if now - at < TYPING_EVERY_S}
        self._typed_at[conversation.id] = now
        self._tasks.start(self._sender.attempt().show_typing(conversation), f"typing {conversation.id}")

    # life

    async def run(self) -> None:
        """Send until ``stop``. Begins with what a worker that is gone left behind."""
        while not self._stopping:
            self._queues.changed.clear()
            try:
                await self._recover()
                await self._look()
                await self._look_at_paused()
            except StoreError as error:
                log.warning("delivery.store_refused", error=error.detail)
            except Exception:
                log.exception("delivery.look_failed")
            await woken(self._queues.changed, self._on.inbox.clock, self._queues.until_next(POLL_S))
            self._queues.wake()

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; wait for what is in flight, at most ``grace_s``."""
        self._stopping = True
        self._queues.stop()
        self._queues.changed.set()
        await self._tasks.close(grace_s)

    async def _look(self) -> None:
        """Find entries that are due and that nobody told us of: after a start, or of another gateway.

        A page at a time, going round: entries that are due and cannot go must not hide those behind them.
        """
        if len(self._queues) >= DUE_AT_ONCE:
            return
        if self._due_cursor is None or self._due_at is None:
            self._due_at = self._on.inbox.clock.now()
        where = (Where("state", "in", ("queued", "retry")), Where("not_before", "lte", self._due_at))
        page = await self._on.inbox.store.find(
            Query(OUTBOX, where, sort="not_before", limit=DUE_AT_ONCE, cursor=self._due_cursor)
        )
        self._due_cursor = page.next
        for queue in dict.fromkeys(entry.queue for entry in page.items):
            if not self._queues.rests(queue) and not self._queues.runs(queue):
                self._queues.poke(queue)

    async def _look_at_paused(self) -> None:
        """Find entries that stayed paused although their account works: it did so while no worker ran, or by another
        gateway's commit. A page at a time, going round; a queue's turn lets them go."""
        now = self._on.inbox.clock.monotonic()
        if now < self._paused_look_at:
            return
        where = (Where("state", "eq", "paused"),)
        page = await self._on.inbox.store.find(
            Query(OUTBOX, where, sort="not_before", limit=DUE_AT_ONCE, cursor=self._paused_cursor)
        )
        self._paused_cursor = page.next
        self._paused_look_at = now + PAUSED_LOOK.total_seconds()
        for entry in page.items:
            account = self._on.providers.directory.get(entry.account_id)
            if account is not None and account.works:
                self._queues.poke(entry.queue)

    async def _recover(self) -> None:
        """Entries whose lease ran out, or whose owner cannot be alive: the embedded store has one process only.

        What is being sent here and takes longer than its lease (a large file) is let be.
        """
        now = self._on.inbox.clock.now()
        for state in ("claimed", "sending"):
            for entry in await self._on.inbox.find_all(Query(OUTBOX, (Where("state", "eq", state),), limit=200)):
                if entry.lease is None:
                    continue
                ours = entry.lease.owner == self._on.owner
                gone = self._alone and not ours
                late = entry.lease.until < now and not (ours and self._queues.runs(entry.queue))
                if gone or late:
                    await self._on.inbox.run(partial(outcomes.recover, entry_id=entry.id), lane=entry.thread_id)
                    self._queues.poke(entry.queue)

    async def _resume(self, account_id: str) -> None:
        where = (Where("account_id", "eq", account_id), Where("state", "eq", "paused"))
        while not self._stopping:
            try:
                for entry in await self._on.inbox.find_all(Query(OUTBOX, where, limit=200)):
                    await self._on.inbox.run(partial(outcomes.resume, entry_id=entry.id), lane=entry.thread_id)
            except StoreError as error:
                log.warning("delivery.store_refused", error=error.detail)
                await self._on.inbox.clock.sleep(RESUME_AGAIN_S)
            else:
                return

    # a queue's turn

    async def _turn(self, queue: str) -> float | None:
        """Send the first entry of a queue that may go, or say how long it has to wait."""
        where = (Where("queue", "eq", queue), Where("state", "in", LIVE_STATES))
        cursor = None
        while True:
            page = await self._on.inbox.store.find(Query(OUTBOX, where, sort="order", limit=LOOK_AHEAD, cursor=cursor))
            if not page.items:
                return None
            if await self._let_go(page.items):
                return 0
            now = self._on.inbox.clock.now()
            held_until = self._sender.held_until(page.items[0].account_id)
            turn = next_turn(page.items, now, held_until, self._on.settings)
            if turn.entry is not None:
                return 0 if await self._sender.send(turn.entry) else PAUSED_LOOK.total_seconds()
            if turn.rest is not None:
                return turn.rest.total_seconds()
            if page.next is None:
                return None
            cursor = page.next

    async def _let_go(self, entries: Sequence[OutboxEntry]) -> bool:
        """Resume what is paused on one queue, if the account works; whether anything was."""
        paused = [entry for entry in entries if entry.state == "paused"]
        account = await self._on.inbox.get(ACCOUNTS, paused[0].account_id) if paused else None
        if account is None or not account.works:
            return False
        for entry in paused:
            await self._on.inbox.run(partial(outcomes.resume, entry_id=entry.id), lane=entry.thread_id)
        return True
