"""Listeners: observers of the log, each with a durable cursor of its own, off the request path."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from patchbay.collections import CURSORS
from patchbay.errors import StoreError
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.cursor import Cursor
from patchbay.model.event import Event
from patchbay.ports import Listener
from patchbay.service import Inbox
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

BATCH = 100  # events told at once
DEADLINE_S = 2.0  # for one batch
POLL_S = 1.0  # a lost ring costs no more
OPEN_AFTER = 5  # failures in a row: then the breaker opens
REST_S = 60.0  # how long it stays open


class Listening:
    """Tells one listener of everything, in order, at least once. One that fails is tried again, ever more rarely, and
    costs nobody else anything; it goes on where it was."""

    def __init__(self, listener: Listener, inbox: Inbox) -> None:
        self._listener = listener
        self._inbox = inbox
        self._bell = asyncio.Event()
        self._stopping = False
        self.failures = 0

    def ring(self) -> None:
        """The log grew."""
        self._bell.set()

    def stop(self) -> None:
        self._stopping = True
        self._bell.set()

    async def run(self) -> None:
        """Tell it until ``stop``; a new listener begins at the head of the log."""
        position: int | None = None
        while not self._stopping:
            self._bell.clear()
            try:
                if position is None:
                    position = await self._begin()
                events = await self._inbox.store.read(position, BATCH)
                if events:
                    position = await self._tell(events, position)
                    continue
            except StoreError as error:
                log.warning("listener.store_refused", listener=self._listener.name, error=error.detail)
            await woken(self._bell, self._inbox.clock, POLL_S)

    async def _begin(self) -> int:
        epoch = await self._inbox.store.epoch()
        known = await self._inbox.store.get(CURSORS, self._listener.name)
        if known is not None and known.epoch == epoch:
            return known.position
        head = await self._inbox.store.head()
        await self._keep(epoch, head)
        return head

    async def _tell(self, events: Sequence[Event], position: int) -> int:
        """The new position: unchanged when the listener failed."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._listener.on_events(events)
        except Exception as error:
            self.failures += 1
            log.warning(
                "listener.failed", listener=self._listener.name, failures=self.failures, error=type(error).__name__
            )
            rest = REST_S if self.failures >= OPEN_AFTER else min(2.0**self.failures, REST_S)
            until = self._inbox.clock.monotonic() + rest
            while not self._stopping and (left := until - self._inbox.clock.monotonic()) > 0:
                self._bell.clear()
                await woken(self._bell, self._inbox.clock, left)
            return position
        self.failures = 0
        await self._keep(await self._inbox.store.epoch(), events[-1].position)
        return events[-1].position

    async def _keep(self, epoch: str, position: int) -> None:
        def command(uow: UnitOfWork) -> None:
            known = uow.get(CURSORS, self._listener.name)
            if known is not None:
                uow.put(CURSORS, known, epoch=epoch, position=position)
                return
            uow.add(
                CURSORS,
                Cursor(id=self._listener.name, created_at=uow.now, updated_at=uow.now, epoch=epoch, position=position),
            )

        await self._inbox.run(command)
