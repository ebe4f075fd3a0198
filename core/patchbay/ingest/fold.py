"""From a raw event to staged changes: parsed once, then item by item, so that one that fails costs only itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from msgspec.structs import replace

from patchbay.channel import UNDATED, Channel, Item, Malformed, TemplateChanged
from patchbay.errors import BadPayload
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.loaded import DocumentNotLoaded, Loaded, NotLoaded
from patchbay.inbox.receive import Applied
from patchbay.inbox.unit import UnitOfWork
from patchbay.ingest.directory import NAMED_ACCOUNT, SIGNED_BY, AccountDirectory
from patchbay.ingest.needs import ROUNDS, Pairs, message_needs, strangers
from patchbay.model.account import ChannelAccount
from patchbay.model.raw import ItemOutcome, RawEvent, RawItem, RawState, Settlement
from patchbay.service import Inbox

log = structlog.get_logger(__name__)

SLICE_S = 0.005  # how long parsing and folding may hold the loop before others get a turn
ERROR_AT_MOST = 500  # characters kept of why an item failed


@dataclass
class Parsed:
    """A raw event, its items, and the accounts of each; ``error`` when it could not be read at all."""

    raw: RawEvent
    items: Sequence[Item | Malformed]
    accounts: list[Sequence[ChannelAccount]]
    error: str | None = None


@dataclass
class Tally:
    """What became of the items of one group. ``unroutable`` are the raw events that hold some without an account."""

    outcomes: dict[ItemOutcome, int] = field(default_factory=dict)
    unroutable: list[Parsed] = field(default_factory=list)

    def count(self, outcome: ItemOutcome) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1


class Folder:
    """Parses raw events and folds their items into a unit of work."""

    def __init__(
        self,
        inbox: Inbox,
        channels: Mapping[str, Channel],
        directory: AccountDirectory,
        *,
        max_attempts: int,
        reopen_after: timedelta,
    ) -> None:
        self._inbox = inbox
        self._channels = channels
        self._directory = directory
        self._max_attempts = max_attempts
        self._reopen_after = reopen_after
        self._since = 0.0
        self._pairs: Pairs = ()  # of the group in hand, until what it reads of people was loaded

    def begin(self) -> None:
        """A slice of work begins now."""
        self._since = self._inbox.clock.monotonic()

    @property
    def is_long(self) -> bool:
        """Whether the slice has held the loop long enough."""
        return self._inbox.clock.monotonic() - self._since > SLICE_S

    async def breathe(self) -> None:
        """Give others a turn, and begin another slice."""
        await self._inbox.clock.sleep(0)
        self.begin()

    def parse(self, raw: RawEvent) -> Parsed:
        """Its items and their accounts. What cannot be read is told of, never raised."""
        if raw.attempts > self._max_attempts:
            told = f"the process ended {raw.attempts - 1} times while this was applied"
            return Parsed(raw, (), [], told)
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
        return Parsed(raw, items, [self.accounts_of(raw, item) for item in items])

    def accounts_of(self, raw: RawEvent, item: Item | Malformed) -> Sequence[ChannelAccount]:
        """The accounts that an item is for, as known now."""
        if isinstance(item, Malformed):
            return ()
        named, signed_by = raw.headers.get(NAMED_ACCOUNT), raw.headers.get(SIGNED_BY)
        return self._directory.find(raw.channel, item.account, named, signed_by)

    def _unroutable(self, raw: RawEvent, item: Item) -> str:
        """Why an item is for no account."""
        named = raw.headers.get(NAMED_ACCOUNT)
        ref = item.account.external_id or item.account.parent_external_id or named
        if ref is None:
            return "neither the webhook nor its path names an account"
        if not self._directory.named_by(raw.channel, item.account, named):
            return f"no account is called {ref!r}"
        if named is not None:
            return f"it is for {ref!r}, and the webhook's path names {named!r}"
        return f"it is for {ref!r}, and another account's secret signed the webhook"

    async def prefetch(self, parsed: Sequence[Parsed], loaded: Loaded) -> None:
        """Load the messages that the group speaks of, so that the fold need not stop at each item."""
        self._pairs = [
            (item, accounts[0])
            for one in parsed
            for item, accounts in zip(one.items, one.accounts, strict=True)
            if accounts and not isinstance(item, Malformed)
        ]
        for collection, ids in message_needs(self._pairs).items():
            await self._inbox.prefetch(collection, ids, loaded)

    async def fold(self, unit: UnitOfWork, loaded: Loaded, one: Parsed, tally: Tally) -> None:
        """Stage one raw event and what became of each of its items."""
        results: list[RawItem] = []
        for item, accounts in zip(one.items, one.accounts, strict=True):
            try:
                result = self._item(unit, one.raw, item, accounts)
            except NotLoaded as missing:
                result = await self._loading(missing, unit, loaded, one.raw, item, accounts)
            tally.count(result.outcome)
            results.append(result)
            if self.is_long:
                await self.breathe()
        if one.error is not None:
            tally.count("quarantined")
        if any(result.outcome == "unroutable" for result in results):
            tally.unroutable.append(one)
        state: RawState = "quarantined" if one.error is not None else "applied"
        unit.settle(
            Settlement(raw_id=one.raw.id, state=state, items=tuple(results), error=one.error, settled_at=unit.now)
        )

    async def _loading(
        self,
        missing: NotLoaded,
        unit: UnitOfWork,
        loaded: Loaded,
        raw: RawEvent,
        item: Item | Malformed,
        accounts: Sequence[ChannelAccount],
    ) -> RawItem:
        """Stage an item that missed something, however often it misses more."""
        while True:
            await self._load(missing, loaded)
            try:
                return self._item(unit, raw, item, accounts)
            except NotLoaded as another:
                missing = another

    async def _load(self, missing: NotLoaded, loaded: Loaded) -> None:
        """Load what an item missed, and with the first document what the group is known to read of strangers."""
        if isinstance(missing, DocumentNotLoaded):
            pairs, self._pairs = strangers(self._pairs, loaded), ()
            for needs in ROUNDS if pairs else ():
                for collection, ids in needs(pairs, loaded).items():
                    await self._inbox.prefetch(collection, ids, loaded)
        await self._inbox.load(missing, loaded)

    def _item(
        self, unit: UnitOfWork, raw: RawEvent, item: Item | Malformed, accounts: Sequence[ChannelAccount]
    ) -> RawItem:
        """Stage one item and say what became of it. Raises ``NotLoaded``; nothing is staged then."""
        if isinstance(item, Malformed):
            return RawItem(index=item.index, key=item.key, kind="malformed", outcome="quarantined", error=item.error)
        kind = str(item.event.__struct_config__.tag)
        if not accounts:
            told = self._unroutable(raw, item)
            return RawItem(index=item.index, key=item.key, kind=kind, outcome="unroutable", error=told)
        mark = unit.mark()
        try:
            applied = self._apply(unit, raw, item, accounts)
        except NotLoaded:
            unit.rollback(mark)
            raise
        except Exception as error:
            unit.rollback(mark)
            log.exception("ingest.item_failed", raw_event=raw.id, index=item.index, kind=kind)
            told = f"{type(error).__name__}: {error}"[:ERROR_AT_MOST]
            return RawItem(index=item.index, key=item.key, kind=kind, outcome="quarantined", error=told)
        return RawItem(
            index=item.index,
            key=item.key,
            kind=kind,
            outcome=applied.outcome,
            ref=applied.ref,
            error=applied.reason,
        )

    def _apply(self, unit: UnitOfWork, raw: RawEvent, item: Item, accounts: Sequence[ChannelAccount]) -> Applied:
        event = item.event
        if event.occurred_at == UNDATED:
            event = replace(event, occurred_at=raw.received_at)
        if isinstance(event, TemplateChanged):
            accounts = accounts[:1]  # accounts of one owner share their templates
        applied = Applied()
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
        return applied
