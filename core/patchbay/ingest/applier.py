"""The part of ingest that nobody waits for: claim raw events, fold their items in, commit in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from patchbay.channel import Channel
from patchbay.errors import Conflict, Duplicate, StoreError
from patchbay.inbox.unit import UnitOfWork
from patchbay.ingest.directory import AccountDirectory
from patchbay.ingest.fold import ERROR_AT_MOST, Folder, Parsed, Tally
from patchbay.ingest.pacing import Waiting, linger, stand_back
from patchbay.model.raw import ItemOutcome, RawEvent, Settlement
from patchbay.service import Inbox
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

GROUP = 512  # raw events per commit at most
GROUP_BYTES = 1024 * 1024
RETRY_S = 0.25  # after the store refused
OTHERS_S = 1.0  # while others hold what is pending
MUCH = 0.75  # of what may wait: from there on applying no longer stands back
UNSURE = 16  # raw events per commit before anything is known of the end of the process before
LOSSES = 20  # lost races of one group before its raw events are applied one by one


class Applier:
    """Applies the journal. One at a time: the order of a thread is the order of the journal.

    ``waiting`` are the webhooks that wait for their acknowledgement; ``Ingest`` keeps it.
    """

    def __init__(
        self,
        inbox: Inbox,
        channels: Mapping[str, Channel],
        directory: AccountDirectory,
        *,
        owner: str,
        max_attempts: int,
        reopen_after: timedelta,
        max_pending: int,
    ) -> None:
        self._inbox = inbox
        self._much = max_pending * MUCH
        self._arrived = 0  # since the last group
        self._folder = Folder(inbox, channels, directory, max_attempts=max_attempts, reopen_after=reopen_after)
        self._owner = owner
        self._max_attempts = max_attempts
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False
        self._losing = ("", 0)
        self._held: list[str] = []  # claimed, and the store would not take them back yet
        self._counted = False  # whether ``backlog`` is what the store would say
        self.backlog = 0
        self.waiting = Waiting()
        self.outcomes: dict[ItemOutcome, int] = dict.fromkeys(
            ("applied", "duplicate", "ignored", "parked", "unroutable", "quarantined"), 0
        )

    async def clear_suspects(self) -> None:
        """Apply what may have ended the process before, while nothing else goes on that could end it now.

        Suspects come first and in small groups; the first group without any is the end of them.
        """
        store = self._inbox.store
        try:
            while raws := await store.claim(self._owner, UNSURE, GROUP_BYTES):
                await self.apply(raws)
                if not raws[-1].attempts:
                    return
        except StoreError as error:  # `run` tries again
            log.warning("ingest.store_refused", error=error.detail)
        except Exception:
            log.exception("ingest.step_failed")

    def notify(self, arrived: int = 1) -> None:
        """Say that the journal grew."""
        self.backlog += arrived
        self._arrived += arrived
        self._wake.set()

    async def room(self, limit: int) -> None:
        """Return once fewer than ``limit`` raw events wait."""
        while self.backlog >= limit:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Apply until ``stop``; errors of the store are waited out, and so is what nobody foresaw."""
        while not self._stopping:
            self._wake.clear()
            try:
                await self._step()
            except StoreError as error:
                log.warning("ingest.store_refused", error=error.detail)
            except Exception:
                log.exception("ingest.step_failed")
            else:
                continue
            self._counted = False
            await self._inbox.clock.sleep(RETRY_S)

    def stop(self) -> None:
        """Let ``run`` return after the group in hand."""
        self._stopping = True
        self._wake.set()

    async def _step(self) -> None:
        """Apply one group, or wait for one."""
        await self._release(())
        if not self._counted:
            self.backlog = await self._inbox.store.pending()
            self._counted = True
        raws = await self._inbox.store.claim(self._owner, GROUP, GROUP_BYTES)
        if raws:
            began = self._inbox.clock.monotonic()
            await self.apply(raws)
            self.backlog = max(0, self.backlog - len(raws))
            self._room.set()
            await self._stand_back(raws[-1], self._inbox.clock.monotonic() - began)
            return
        self.backlog = await self._inbox.store.pending()
        self._room.set()
        if self.backlog:  # another gateway has them
            await woken(self._wake, self._inbox.clock, OTHERS_S)
        else:
            await self._wake.wait()

    async def _stand_back(self, newest: RawEvent, spent_s: float) -> None:
        """Wait until the next group is due."""
        arrived, self._arrived = self._arrived, 0
        clock = self._inbox.clock
        old_s = (clock.now() - newest.received_at).total_seconds()
        seconds = linger(arrived=arrived, much=self.backlog >= self._much, old_s=old_s)
        since = clock.monotonic()
        self.waiting.crowd()  # those that waited for this group's commit tell nothing
        while seconds:
            await clock.sleep(seconds)
            seconds = stand_back(crowd=self.waiting.crowd(), spent_s=spent_s, stood_s=clock.monotonic() - since)

    async def apply(self, raws: Sequence[RawEvent]) -> None:
        """Apply claimed raw events, committed together, or one by one where that fails.

        Raises ``StoreError``; what was not applied is given back then.
        """
        left = list(raws)
        try:
            if not await self._together(left):
                while left:
                    await self._alone(left[0])
                    del left[0]
        except BaseException:
            await self._release([raw.id for raw in left])
            raise

    async def _together(self, raws: Sequence[RawEvent]) -> bool:
        """Whether they were applied in one commit. Raises ``StoreUnavailable``."""
        try:
            await self._commit(raws)
        except (Conflict, Duplicate):
            return False
        except StoreError:
            raise
        except Exception:
            log.exception("ingest.group_failed", raw_events=len(raws))
            return False
        return True

    async def _alone(self, raw: RawEvent) -> None:
        """Apply one, or set it aside. Raises ``StoreError``."""
        try:
            await self._commit([raw])
        except (Conflict, Duplicate) as lost:
            if self._losses_of(raw) < self._max_attempts:
                raise
            await self._quarantine(raw, f"others were quicker again and again: {lost.detail}")
        except StoreError:
            raise
        except Exception as error:
            log.exception("ingest.raw_event_failed", raw_event=raw.id)
            await self._quarantine(raw, f"{type(error).__name__}: {error}")

    async def _release(self, raw_ids: Sequence[str]) -> None:
        """Give raw events back. Those that the store does not take now are given back before the next claim."""
        self._held.extend(raw_ids)
        if self._held:
            try:
                await self._inbox.store.release(self._owner, self._held)
            except StoreError as error:
                log.warning("ingest.store_refused", error=error.detail)
            else:
                self._held = []

    def _losses_of(self, raw: RawEvent) -> int:
        """How often this one alone lost every race, counting now; it is the oldest, so there is one at a time."""
        known, losses = self._losing
        self._losing = (raw.id, losses + 1 if known == raw.id else 1)
        return self._losing[1]

    async def _commit(self, raws: Sequence[RawEvent]) -> None:
        """Parse, fold and commit. Raises ``Conflict`` or ``Duplicate`` when others were quicker each time."""
        folder = self._folder
        folder.begin()
        parsed: list[Parsed] = []
        for raw in raws:
            parsed.append(folder.parse(raw))
            if folder.is_long:
                await folder.breathe()
        loaded = self._inbox.loaded()
        for loss in range(LOSSES + 1):
            await folder.prefetch(parsed, loaded)
            unit = self._inbox.unit(loaded)
            tally = Tally()
            for one in parsed:
                await folder.fold(unit, loaded, one, tally)
            try:
                await self._inbox.commit(unit)
            except (Conflict, Duplicate) as lost:
                if loss == LOSSES:
                    raise
                loaded = await self._inbox.after_loss(lost, loaded)
            else:
                await self._applied(tally)
                return

    async def _applied(self, tally: Tally) -> None:
        for outcome, count in tally.outcomes.items():
            self.outcomes[outcome] += count
        kept = {name: tally.outcomes.get(name, 0) for name in ("quarantined", "unroutable")}
        if any(kept.values()):
            log.warning("ingest.kept_unapplied", see="GET /api/v1/ingest/events", **kept)
        # an account that was connected meanwhile has looked for what waits for it before this was there to be found
        again = [
            one.raw.id
            for one in tally.unroutable
            for item, accounts in zip(one.items, one.accounts, strict=True)
            if not accounts and self._folder.accounts_of(one.raw, item)
        ]
        if again:
            self.notify(await self._inbox.store.reopen(list(dict.fromkeys(again))))

    async def _quarantine(self, raw: RawEvent, error: str) -> None:
        def command(unit: UnitOfWork) -> None:
            told = error[:ERROR_AT_MOST]
            unit.settle(Settlement(raw_id=raw.id, state="quarantined", error=told, settled_at=unit.now))

        await self._inbox.run(command)
        self.outcomes["quarantined"] += 1
