"""From the journal to the timeline over a real store: bad items, races, outages, webhooks without a home."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from patchbay.channel import AccountRef, InboundEvent, Item, MessageReceived, Person, ReceiptReceived
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES, PARKED, THREADS
from patchbay.errors import BadSignature, StoreUnavailable
from patchbay.inbox.reports import change_status
from patchbay.ingest import applier as applier_module
from patchbay.ingest import fold
from patchbay.ingest.applier import Applier
from patchbay.ingest.receive import Ingest
from patchbay.model.content import Text
from patchbay.model.message import DeliveryState
from patchbay.model.raw import RawEvent
from patchbay.ports import Batch, Query, RawQuery
from patchbay.settings import IngestSettings
from tests.core.plain_post import Stage, stage, written

GOOD = {"x-signature": "good", "cookie": "secret"}


def body(*events: InboundEvent | None, account: str = "1") -> bytes:
    """A webhook as the plain post writes it."""
    items = [
        None
        if event is None
        else Item(index=index, key=f"{index}", account=AccountRef(external_id=account), event=event)
        for index, event in enumerate(events)
    ]
    return msgspec.json.encode(items)


class Journal:
    """The way in, with an applier that runs when it is told to."""

    def __init__(self, on: Stage, **settings: Any) -> None:
        self.on = on
        self.applier = Applier(
            on.inbox, on.channels, on.directory, owner="gw", max_attempts=3, reopen_after=timedelta(0), max_pending=1000
        )
        self.ingest = Ingest(
            on.inbox.store, on.clock, on.channels, on.directory, self.applier, IngestSettings(**settings)
        )
        self.running: asyncio.Task[None] | None = None

    def run(self) -> None:
        self.running = asyncio.create_task(self.applier.run())

    async def take(self, *events: InboundEvent | None, account: str = "1") -> None:
        await self.ingest.receive("plain", body(*events, account=account), GOOD)

    async def settled(self, within_s: float = 15.0) -> list[RawEvent]:
        """All raw events, oldest first, once none is pending."""
        try:
            async with asyncio.timeout(within_s):
                while await self.on.inbox.store.pending():
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError("something stays pending") from None
        page = await self.on.inbox.store.raws(RawQuery(limit=200))
        return page.items[::-1]

    async def stop(self) -> None:
        if self.running is not None:
            self.applier.stop()
            await self.running


@asynccontextmanager
async def journal(folder: Path, *, connected: bool = True, **settings: Any) -> AsyncIterator[Journal]:
    async with stage(folder) as on:
        if connected:
            await on.account()
        made = Journal(on, **settings)
        try:
            yield made
        finally:
            await made.stop()


async def messages(on: Stage) -> list[str]:
    found = await on.inbox.find_all(Query(MESSAGES, sort="id", limit=200))
    return sorted(message.text for message in found)


async def test_one_bad_item_of_many_costs_only_itself(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        nobody = MessageReceived(
            occurred_at=at.on.clock.now(), external_id="x", sender=Person(keys=()), content=Text(text="x")
        )
        events = [written(person, 1, at.on.clock) for person in range(40)]
        at.run()
        await at.take(*events[:20], None, nobody, *events[20:])
        (raw,) = await at.settled()
        assert [item.outcome for item in raw.items].count("applied") == 40
        assert [item.index for item in raw.items if item.outcome == "quarantined"] == [20, 21]
        assert len(await messages(at.on)) == 40
        assert at.applier.outcomes["quarantined"] == 2


@pytest.mark.parametrize(("sent", "told"), [(b"unreadable", "not mine"), (b"bug", "ZeroDivisionError")])
async def test_what_cannot_be_parsed_is_kept_and_holds_nobody_up(tmp_path: Path, sent: bytes, told: str) -> None:
    async with journal(tmp_path) as at:
        await at.ingest.receive("plain", sent, GOOD)
        await at.take(written(1, 1, at.on.clock))
        at.run()
        bad, good = await at.settled()
        assert (bad.state, good.state) == ("quarantined", "applied")
        assert told in (bad.error or "")
        assert bad.body == sent


async def test_a_second_delivery_changes_nothing(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        event = written(1, 1, at.on.clock)
        for _ in range(5):
            await at.take(event)
        at.run()
        raws = await at.settled()
        assert [raw.items[0].outcome for raw in raws] == ["applied"] + ["duplicate"] * 4
        head = await at.on.inbox.store.head()
        await at.ingest.replay([raw.id for raw in raws])
        await at.settled()
        assert await at.on.inbox.store.head() == head


async def test_only_what_is_signed_is_journalled_and_only_known_headers_are_kept(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        with pytest.raises(BadSignature):
            await at.ingest.receive("plain", b"[]", {"x-signature": "bad"})
        assert await at.on.inbox.store.pending() == 0
        await at.ingest.receive("plain", b"[]", {**GOOD, "user-agent": "provider"})
        at.run()
        (raw,) = await at.settled()
        assert raw.headers == {"user-agent": "provider"}
        assert (at.ingest.received, at.ingest.refused) == (1, 1)


async def test_agents_who_write_on_the_same_threads_never_cost_a_message(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        account = at.on.directory.all()[0]
        conversations = [await at.on.writes(account, person, 0) for person in range(3)]
        at.run()

        async def agent(number: int) -> None:
            for _ in range(15):
                await at.on.send(conversations[number])

        async def customers() -> None:
            for number in range(1, 31):
                await at.take(*(written(person, number, at.on.clock) for person in range(3)))

        await asyncio.gather(customers(), *(agent(number) for number in range(3)))
        raws = await at.settled()
        assert all(raw.state == "applied" for raw in raws)
        for thread in await at.on.inbox.find_all(Query(THREADS)):
            found = [m for m in await at.on.inbox.find_all(Query(MESSAGES, limit=200)) if m.thread_id == thread.id]
            assert sorted(message.seq for message in found) == list(range(1, 47))
            assert thread.last_seq == 46


async def test_first_messages_and_agents_who_start_make_one_conversation(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        account = at.on.directory.all()[0]
        at.run()
        await asyncio.gather(
            *(at.take(written(7, number, at.on.clock)) for number in range(10)),
            *(at.on.writes(account, 7, number) for number in range(10, 20)),
        )
        await at.settled()
        assert await at.on.inbox.store.count(Query(CONVERSATIONS)) == 1
        assert len(await messages(at.on)) == 20


async def test_reports_that_race_with_the_answer_of_the_send_all_arrive(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        account = at.on.directory.all()[0]
        at.on.worker()
        at.run()
        sent = [await at.on.send(await at.on.writes(account, person)) for person in range(30)]

        async def reports(number: int) -> None:
            states: tuple[DeliveryState, ...] = ("sent", "delivered")
            for state in states:
                event = ReceiptReceived(occurred_at=at.on.clock.now(), external_id=f"out.{number}", state=state)
                await at.take(event)

        await asyncio.gather(*(reports(number) for number in range(1, 31)))
        for message in sent:
            await at.on.becomes(message, "delivered")
        assert await at.on.inbox.store.count(Query(PARKED)) == 0


async def test_a_store_that_goes_away_for_a_while_loses_nothing(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        store = at.on.inbox.store
        commit, claim, release, refusals = store.commit, store.claim, store.release, {"c": 3, "l": 2, "r": 2}

        def away(name: str) -> None:
            if refusals[name]:
                refusals[name] -= 1
                raise StoreUnavailable("away")

        async def commits(batch: Batch) -> list[int]:
            away("c")
            return await commit(batch)

        async def claims(*arguments: Any) -> Any:
            away("l")
            return await claim(*arguments)

        async def releases(*arguments: Any) -> None:
            away("r")
            await release(*arguments)

        for number in range(4):
            await at.take(written(number, 1, at.on.clock))
        store.commit, store.claim, store.release = commits, claims, releases  # type: ignore[method-assign, assignment]
        at.run()
        raws = await at.settled()
        assert [raw.state for raw in raws] == ["applied"] * 4
        assert set(refusals.values()) == {0}


async def test_a_bug_in_the_applier_itself_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with journal(tmp_path) as at:
        claim, bugs = at.on.inbox.store.claim, 2

        async def claims(*arguments: Any) -> Any:
            nonlocal bugs
            if bugs:
                bugs -= 1
                raise KeyError("a bug")
            return await claim(*arguments)

        monkeypatch.setattr(applier_module, "RETRY_S", 0.01)
        at.on.inbox.store.claim = claims  # type: ignore[method-assign, assignment]
        await at.take(written(1, 1, at.on.clock))
        at.run()
        await at.settled()
        assert await messages(at.on) == ["1.1"]


async def test_what_others_hold_is_looked_at_again_without_a_rush(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        await at.take(written(1, 1, at.on.clock))
        await at.on.inbox.store.claim("another gateway", 10, 10**6)
        claim, claims = at.on.inbox.store.claim, 0

        async def counting(*arguments: Any) -> Any:
            nonlocal claims
            claims += 1
            return await claim(*arguments)

        at.on.inbox.store.claim = counting  # type: ignore[method-assign, assignment]
        at.run()
        for _ in range(200):
            await asyncio.sleep(0)
        assert claims <= 2
        await at.on.inbox.store.release("another gateway", ["1"])
        at.applier.notify(0)
        await at.settled()


async def test_what_came_for_no_account_applies_once_it_is_connected(tmp_path: Path) -> None:
    async with journal(tmp_path, connected=False) as at:
        at.run()
        await at.take(written(1, 1, at.on.clock))
        (raw,) = await at.settled()
        assert [item.outcome for item in raw.items] == ["unroutable"]
        await at.on.account()
        assert await at.ingest.replay(await at.on.inbox.store.unroutable("plain")) == 1
        (raw,) = await at.settled()
        assert [item.outcome for item in raw.items] == ["applied"]


async def test_an_account_connected_while_its_webhook_is_applied_misses_nothing(tmp_path: Path) -> None:
    async with journal(tmp_path, connected=False) as at:
        commit, connected = at.on.inbox.store.commit, False

        async def meanwhile(batch: Batch) -> list[int]:
            nonlocal connected
            if batch.settlements and not connected:
                connected = True
                await at.on.account()
                waiting = await at.on.inbox.store.unroutable("plain")
                assert waiting == []  # the one that connects looks too early
            return await commit(batch)

        at.on.inbox.store.commit = meanwhile  # type: ignore[method-assign]
        await at.take(written(1, 1, at.on.clock))
        at.run()
        await at.on.once(lambda: messages(at.on), lambda found: found == ["1.1"], 15)
        (raw,) = await at.settled()
        assert [item.outcome for item in raw.items] == ["applied"]


async def test_what_is_over_the_limit_is_told_to_come_back(tmp_path: Path) -> None:
    async with journal(tmp_path, max_pending=100, wait_s=0.05) as at:
        for number in range(100):
            await at.take(written(1, number, at.on.clock))
        with pytest.raises(StoreUnavailable):
            await at.take(written(1, 100, at.on.clock))
        room = asyncio.create_task(at.applier.room(100))
        at.run()
        await room
        await at.settled()
        await at.take(written(1, 101, at.on.clock))
        await at.settled()
        assert len(await messages(at.on)) == 101


async def test_a_large_batch_lets_others_have_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with journal(tmp_path) as at:
        for number in range(100):  # many small ones, none of which is long by itself
            await at.take(written(number, 1, at.on.clock))
        yields = 0
        sleep = at.on.clock.sleep

        async def counting(seconds: float) -> None:
            nonlocal yields
            yields += seconds == 0
            await sleep(seconds)

        monkeypatch.setattr(fold, "SLICE_S", 0.0)
        at.on.clock.sleep = counting  # type: ignore[method-assign]
        at.run()
        await at.settled()
        assert yields >= 100


async def test_a_disabled_account_still_hears(tmp_path: Path) -> None:
    async with journal(tmp_path) as at:
        account = at.on.directory.all()[0]
        await at.on.inbox.run(lambda uow: change_status(uow, uow.need(ACCOUNTS, account.id), "disabled"))
        at.run()
        await at.take(written(1, 1, at.on.clock))
        await at.settled()
        assert await messages(at.on) == ["1.1"]
