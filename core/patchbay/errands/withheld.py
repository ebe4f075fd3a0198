"""Asking for messages that a provider announced without their content.

What is to be asked for is in the store, so a restart forgets none. An account that may not read its messages is left
alone for an hour, and told of once a day; its messages are asked for until they are a week old.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog
from msgspec.structs import replace

from patchbay.channel import UNDATED, AccountNotice, Channel, InboundEvent
from patchbay.collections import WITHHELD
from patchbay.delivery.providers import Providers
from patchbay.errors import AccountBroken, OutcomeUnknown, SendError, StoreError, Unavailable
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.inbox.loaded import NotLoaded
from patchbay.inbox.locate import locate
from patchbay.inbox.unit import UnitOfWork
from patchbay.inbox.withholding import ask_later, ask_no_more, is_open, is_wanted
from patchbay.model.account import ChannelAccount
from patchbay.model.document import Document
from patchbay.model.withheld import Withheld
from patchbay.ports import Query, Where
from patchbay.service import Inbox
from patchbay.waiting import woken

log = structlog.get_logger(__name__)

LOOK_S = 30.0
AT_ONCE = 100
REFUSED = timedelta(hours=1)
UNAVAILABLE = timedelta(minutes=1)


class WithheldMessages:
    """Asks for them one after the other, the one that is due the longest first."""

    def __init__(self, inbox: Inbox, providers: Providers, *, reopen_after: timedelta) -> None:
        self._inbox = inbox
        self._providers = providers
        self._reopen_after = reopen_after
        self._wake = asyncio.Event()

    def withheld_committed(self, id: str, document: Document | None) -> None:
        """Notice one that is new."""
        if document is not None and document.version == 1:
            self._wake.set()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            self._wake.clear()
            try:
                while await self.ask() == AT_ONCE:
                    pass
            except StoreError as error:
                log.warning("withheld.store_refused", error=error.detail)
            except Exception:
                log.exception("withheld.failed")
            await woken(self._wake, self._inbox.clock, LOOK_S)

    async def ask(self) -> int:
        """Ask for what is due now; how many were."""
        where = (Where("not_before", "lte", self._inbox.clock.now()),)
        page = (await self._inbox.store.find(Query(WITHHELD, where, sort="not_before", limit=AT_ONCE))).items
        by_account: defaultdict[str, list[Withheld]] = defaultdict(list)
        for waiting in page:
            by_account[waiting.account_id].append(waiting)
        for account_id, due in by_account.items():
            await self._ask_of(self._providers.directory.get(account_id), due)
        return len(page)

    async def _ask_of(self, account: ChannelAccount | None, due: Sequence[Withheld]) -> None:
        """Ask an account's provider; where it will not answer now, for none of the others either."""
        channel = None if account is None else self._providers.channel(account)
        if account is None or channel is None or not account.works:
            await self._put_off(due, REFUSED)
            return
        for index, waiting in enumerate(due):
            try:
                await self._ask_for(channel, account, waiting)
            except AccountBroken as refused:
                await self._put_off(due[index:], REFUSED)
                await self._inbox.run(partial(tell, account=account, channel=channel, refused=refused))
                return
            except (Unavailable, OutcomeUnknown) as away:
                told = timedelta(seconds=getattr(away, "retry_after_s", None) or 0)
                await self._put_off(due[index:], min(max(told, UNAVAILABLE), REFUSED))
                return
            except SendError as gone:
                log.info("withheld.refused", account=account.id, code=gone.code, provider_code=gone.provider_code)
                await self._inbox.run(partial(ask_no_more, waiting=waiting))
            except StoreError:
                raise
            except Exception:
                log.exception("withheld.channel_failed", account=account.id)
                await self._put_off([waiting], REFUSED)

    async def _ask_for(self, channel: Channel, account: ChannelAccount, waiting: Withheld) -> None:
        events: Sequence[InboundEvent] = ()
        if await self._inbox.run(partial(is_wanted, waiting=waiting)):
            flow = channel.fetch_message(account, waiting.external_id)
            events = await self._providers.play(channel, account, flow)
        arrival = Arrival(account, channel, waiting.raw_event_id, self._reopen_after)
        await self._inbox.run(partial(learn, arrival=arrival, waiting=waiting, events=events))

    async def _put_off(self, due: Sequence[Withheld], wait: timedelta) -> None:
        await self._inbox.run(partial(ask_later, waiting=due, at=self._inbox.clock.now() + wait))


def learn(uow: UnitOfWork, *, arrival: Arrival, waiting: Withheld, events: Sequence[InboundEvent]) -> None:
    """Fold in what the provider told, each part by itself, and ask no more. What was taken back meanwhile stays so."""
    known = locate(uow, waiting.account_id, waiting.external_id)
    for event in events if known is None or is_open(known) else ():
        if event.occurred_at == UNDATED:
            event = replace(event, occurred_at=uow.now if known is None else known.occurred_at)
        mark = uow.mark()
        try:
            apply_event(uow, arrival, event)
        except NotLoaded:
            raise
        except Exception:
            uow.rollback(mark)
            log.exception("withheld.part_failed", account=waiting.account_id)
    ask_no_more(uow, waiting)


def tell(uow: UnitOfWork, *, account: ChannelAccount, channel: Channel, refused: AccountBroken) -> None:
    """Once a day, that the account may not read its messages."""
    text = refused.reason if refused.hint is None else f"{refused.reason} {refused.hint}"
    arrival = Arrival(account, channel, key=f"messages_withheld:{uow.now:%Y-%m-%d}")
    apply_event(uow, arrival, AccountNotice(occurred_at=uow.now, notice="messages_withheld", text=text))
