"""The part of ingest that nobody waits for: claim raw events, parse them, fold their items in, commit in groups."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from msgspec.structs import replace

from patchbay.channel import UNDATED, Channel, Item, Malformed, TemplateChanged
from patchbay.errors import BadPayload, Conflict, Duplicate, StoreError
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.receive import Applied
from patchbay.inbox.unit import Loaded, NotLoaded, UnitOfWork
from patchbay.ingest.directory import AccountDirectory
from patchbay.ingest.needs import first_needs, second_needs, third_needs
from patchbay.model.account import ChannelAccount
from patchbay.model.raw import ItemOutcome, RawEvent, RawItem, RawState, Settlement
from patchbay.service import Inbox

log = structlog.get_logger(__name__)

GROUP = 128  # raw events per commit at most
GROUP_BYTES = 1024 * 1024
SLICE_S = 0.005  # how long the fold may hold the loop before others get a turn
RETRY_S = 0.25  # after the store refused
LOSSES = 20  # lost races of one group before its raw events are applied one by one


@dataclass
class Parsed:
    """A raw event, its items, and the accounts of each; ``error`` when it could not be read at all."""

    raw: RawEvent
    items: Sequence[Item | Malformed]
    accounts: list[Sequence[ChannelAccount]]
    error: str | None = None


class Applier:
    """Applies the journal. One at a time: the order of a thread is the order of the journal."""

    def __init__(
        self,
        inbox: Inbox,
        channels: Mapping[str, Channel],
        directory: AccountDirectory,
        *,
        owner: str,
        max_attempts: int,
        reopen_after: timedelta,
    ) -> None:
        self._inbox = inbox
        self._channels = channels
        self._directory = directory
        self._owner = owner
        self._max_attempts = max_attempts
        self._reopen_after = reopen_after
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = False
        self.backlog = 0
        self.outcomes: dict[ItemOutcome, int] = dict.fromkeys(
            ("applied", "duplicate", "ignored", "parked", "unroutable", "quarantined"), 0
        )

    def notify(self, arrived: int = 1) -> None:
        """Say that the journal grew."""
        self.backlog += arrived
        self._wake.set()

    async def room(self, limit: int) -> None:
        """Return once fewer than ``limit`` raw events wait."""
        while self.backlog >= limit:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Apply until ``stop``; errors of the store are waited out."""
        self.backlog = await self._inbox.store.pending()
        while not self._stopping:
            self._wake.clear()
            try:
                raws = await self._inbox.store.claim(self._owner, GROUP, GROUP_BYTES)
                if not raws:
                    self.backlog = await self._inbox.store.pending()
                    self._room.set()
                    if not self.backlog:
                        await self._wake.wait()
                    continue
                await self.apply(raws)
            except StoreError as error:
                log.warning("ingest.store_refused", error=error.detail)
                await self._inbox.clock.sleep(RETRY_S)
                continue
            self.backlog = max(0, self.backlog - len(raws))
            self._room.set()

    def stop(self) -> None:
        """Let ``run`` return after the group in hand."""
        self._stopping = True
        self._wake.set()

    async def apply(self, raws: Sequence[RawEvent]) -> None:
        """Apply claimed raw events, committed together, or one by one where that fails. Raises ``StoreError``."""
        parsed = [self._parse(raw) for raw in raws]
        try:
            await self._apply_together(parsed)
        except StoreError as error:
            if not isinstance(error, Conflict | Duplicate) or len(parsed) == 1:
                await self._inbox.store.release(self._owner, [raw.id for raw in raws])
                raise
        except Exception as error:
            log.exception("ingest.group_failed", raw_events=len(parsed))
            if len(parsed) == 1:
                await self._quarantine(parsed[0], f"{type(error).__name__}: {error}")
                return
        else:
            return
        for one in parsed:
            await self.apply([one.raw])

    def _parse(self, raw: RawEvent) -> Parsed:
        if raw.attempts > self._max_attempts:
            return Parsed(raw, (), [], f"its application ended the process {raw.attempts - 1} times")
        channel = self._channels.get(raw.channel)
        if channel is None:
            return Parsed(raw, (), [], f"the channel plugin {raw.channel!r} is not loaded")
        try:
            items = channel.parse(raw.body)
        except BadPayload as error:
            return Parsed(raw, (), [], error.detail)
        except Exception as error:  # a parser's bug costs a replay, never a message
            log.exception("ingest.parser_failed", channel=raw.channel, raw_event=raw.id)
            return Parsed(raw, (), [], f"the parser failed: {type(error).__name__}")
        accounts = [
            () if isinstance(item, Malformed) else self._directory.find(raw.channel, item.account) for item in items
        ]
        return Parsed(raw, items, accounts)

    async def _apply_together(self, parsed: Sequence[Parsed]) -> None:
        loaded = self._inbox.loaded()
        for loss in range(LOSSES + 1):
            await self._prefetch(parsed, loaded)
            unit = self._inbox.unit(loaded)
            tally: dict[ItemOutcome, int] = {}
            for one in parsed:
                await self._fold(unit, loaded, one, tally)
            try:
                await self._inbox.commit(unit)
            except (Conflict, Duplicate) as lost:
                if loss == LOSSES:
                    raise
                loaded = await self._inbox.after_loss(lost, loaded)
                continue
            for outcome, count in tally.items():
                self.outcomes[outcome] += count
            if tally.get("quarantined") or tally.get("unroutable"):
                log.warning(
                    "ingest.kept_unapplied",
                    quarantined=tally.get("quarantined", 0),
                    unroutable=tally.get("unroutable", 0),
                    see="GET /api/v1/ingest/events",
                )
            return

    async def _prefetch(self, parsed: Sequence[Parsed], loaded: Loaded) -> None:
        """Load what the group is known to need in three rounds, so that the fold need not stop at each item."""
        pairs = [
            (item, account)
            for one in parsed
            for item, accounts in zip(one.items, one.accounts, strict=True)
            for account in accounts[:1]
            if not isinstance(item, Malformed)
        ]
        for needs in (first_needs, second_needs, third_needs):
            for collection, ids in needs(pairs, loaded).items():
                await self._inbox.prefetch(collection, ids, loaded)

    async def _fold(self, unit: UnitOfWork, loaded: Loaded, one: Parsed, tally: dict[ItemOutcome, int]) -> None:
        """Stage one raw event: each item by itself, so that one that fails costs only itself."""
        clock = self._inbox.clock
        since = clock.monotonic()
        results: list[RawItem] = []
        for item, accounts in zip(one.items, one.accounts, strict=True):
            result = await self._fold_item(unit, loaded, one.raw, item, accounts)
            tally[result.outcome] = tally.get(result.outcome, 0) + 1
            results.append(result)
            if clock.monotonic() - since > SLICE_S:
                await clock.sleep(0)
                since = clock.monotonic()
        state: RawState = "quarantined" if one.error is not None else "applied"
        if one.error is not None:
            tally["quarantined"] = tally.get("quarantined", 0) + 1
        unit.settle(
            Settlement(raw_id=one.raw.id, state=state, items=tuple(results), error=one.error, settled_at=unit.now)
        )

    async def _fold_item(
        self,
        unit: UnitOfWork,
        loaded: Loaded,
        raw: RawEvent,
        item: Item | Malformed,
        accounts: Sequence[ChannelAccount],
    ) -> RawItem:
        if isinstance(item, Malformed):
            return RawItem(index=item.index, key=item.key, kind="malformed", outcome="quarantined", error=item.error)
        kind = str(item.event.__struct_config__.tag)
        if not accounts:
            ref = item.account.external_id or item.account.parent_external_id
            return RawItem(
                index=item.index, key=item.key, kind=kind, outcome="unroutable", error=f"no account is called {ref!r}"
            )
        event = item.event
        if event.occurred_at == UNDATED:
            event = replace(event, occurred_at=raw.received_at)
        if isinstance(event, TemplateChanged):
            accounts = accounts[:1]  # accounts of one owner share their templates
        mark = unit.mark()
        applied = Applied()
        while True:
            try:
                for account in accounts:
                    arrival = Arrival(
                        account,
                        self._channels[raw.channel],
                        raw.id,
                        self._reopen_after,
                        item.key,
                        item.account.display if item.account.external_id is not None else None,
                    )
                    applied = apply_event(unit, arrival, event)
            except NotLoaded as missing:
                unit.rollback(mark)
                await self._inbox.load(missing, loaded)
            except Exception as error:
                unit.rollback(mark)
                log.exception("ingest.item_failed", raw_event=raw.id, index=item.index, kind=kind)
                told = f"{type(error).__name__}: {error}"[:500]
                return RawItem(index=item.index, key=item.key, kind=kind, outcome="quarantined", error=told)
            else:
                return RawItem(
                    index=item.index,
                    key=item.key,
                    kind=kind,
                    outcome=applied.outcome,
                    ref=applied.ref,
                    error=applied.reason,
                )

    async def _quarantine(self, one: Parsed, error: str) -> None:
        def command(unit: UnitOfWork) -> None:
            unit.settle(Settlement(raw_id=one.raw.id, state="quarantined", error=error[:500], settled_at=unit.now))

        await self._inbox.run(command)
        self.outcomes["quarantined"] += 1
