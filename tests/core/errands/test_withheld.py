"""Messages that were announced without their content: asked for, filled in, and asked for again where refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from patchbay.channel import (
    UNDATED,
    ApiRequest,
    ApiResponse,
    InboundEvent,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageWithheld,
    Person,
)
from patchbay.collections import MESSAGES, PARKED, WITHHELD
from patchbay.errands.withheld import AT_ONCE, REFUSED, UNAVAILABLE, WithheldMessages
from patchbay.errors import AccountBroken
from patchbay.inbox.apply import apply_event
from patchbay.inbox.receive import Applied
from patchbay.inbox.withholding import UNTOLD
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text, Unsupported, text_content
from patchbay.model.ids import message_id
from patchbay.model.message import Message
from patchbay.ports import Query
from patchbay.testing.clock import START, FakeClock
from tests.core.plain_post import PlainPost, Stage, answer, checked, person, stage, written

NO_ACCESS = 403


class Secretive(PlainPost):
    """Its provider tells of a message under its id, and answers 403 to who may not read messages."""

    def fetch_message(
        self, account: ChannelAccount, external_id: str
    ) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
        response = yield ApiRequest("GET", f"/messages/{external_id}")
        if response.status == NO_ACCESS:
            raise AccountBroken("Messages may not be read.", hint="Ask for access.")
        said = checked(response).body
        at, by = START, person(1)
        if said.get("ours"):
            return (MessageEchoed(occurred_at=at, external_id=external_id, recipient=by, content=Text(text="ours")),)
        parts = [Text(text=text) for text in said.get("texts", ())]
        return [
            MessageReceived(
                occurred_at=at, external_id=external_id, sender=by, content=part, part=index, parts=len(parts)
            )
            for index, part in enumerate(parts)
        ]


@dataclass
class Asking:
    on: Stage
    account: ChannelAccount
    withheld: WithheldMessages
    asked: list[str] = field(default_factory=list)

    def tells(self, id: str, *texts: str, status: int = 200, **more: Any) -> None:
        async def tell(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
            self.asked.append(id)
            return web.json_response({"texts": texts, **more}, status=status)

        self.on.provider.files[f"/messages/{id}"] = tell

    async def arrives(self, event: InboundEvent) -> Applied:
        return await self.on.inbox.run(lambda uow: apply_event(uow, self.on.arrival(self.account), event))

    async def announced(self, id: str, *, by: int | None = 1, ours: bool = False) -> Applied:
        return await self.arrives(
            MessageWithheld(
                occurred_at=self.on.clock.now(),
                external_id=id,
                person=None if by is None else person(by),
                by_business=ours,
                provider_type="sealed",
                reason="It is sealed.",
            )
        )

    async def message(self, id: str) -> Message | None:
        return await self.on.inbox.store.get(MESSAGES, message_id(self.account.id, id))

    async def text(self, id: str) -> str | None:
        found = await self.message(id)
        assert found is not None
        return None if isinstance(found.content, Unsupported) else found.text

    async def waiting(self) -> list[str]:
        return sorted(each.external_id for each in await self.on.inbox.find_all(Query(WITHHELD, limit=200)))

    async def notices(self) -> list[str]:
        events = await self.on.inbox.store.read(0, 1000)
        return [json.loads(bytes(event.data))["text"] for event in events if event.type == "channel.notice"]

    async def pass_time(self, time: timedelta) -> None:
        assert isinstance(self.on.clock, FakeClock)
        await self.on.clock.advance(time.total_seconds())


@asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[Asking]:
    clock = FakeClock()
    async with stage(folder, clock=clock) as on:
        on.channel = Secretive(base=on.channel.base)
        account = await on.account()
        on.directory.learn([account])
        yield Asking(on, account, WithheldMessages(on.inbox, on.providers(), reopen_after=timedelta(0)))


async def test_a_message_is_shown_as_withheld_until_the_provider_tells_it(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "Hello", "and more")
        assert (await it.announced("m1")).outcome == "applied"
        before = await it.message("m1")
        assert before is not None
        assert (before.content, before.context) == (
            Unsupported(provider_type="sealed", reason="It is sealed."),
            {"withheld": True},
        )
        await it.withheld.ask()
        after = await it.message("m1")
        assert after is not None
        assert (after.text, after.seq, after.context, after.siblings) == ("Hello", before.seq, {}, 1)
        assert await it.text("m1#1") == "and more"
        assert await it.waiting() == []
        assert await it.withheld.ask() == 0


async def test_one_that_names_nobody_is_a_message_once_it_is_told(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "Hello")
        applied = await it.announced("m1", by=None)
        assert (applied.outcome, applied.reason) == ("parked", "it names nobody. It is sealed.")
        assert await it.message("m1") is None
        await it.withheld.ask()
        assert await it.text("m1") == "Hello"


async def test_what_the_business_wrote_is_filled_in_as_its_own(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", ours=True)
        await it.announced("m1", ours=True)
        found = await it.message("m1")
        assert found is not None
        assert (found.direction, found.context) == ("outbound", {"withheld": True})
        await it.withheld.ask()
        assert await it.text("m1") == "ours"


async def test_one_that_comes_whole_is_not_asked_for(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("in.1.1", "never asked")
        await it.announced("in.1.1")
        await it.arrives(written(1, 1, it.on.clock))
        await it.withheld.ask()
        assert (await it.text("in.1.1"), await it.waiting(), it.asked) == ("1.1", [], [])
        assert (await it.announced("in.1.1")).outcome == "duplicate"
        assert await it.waiting() == []


async def test_an_account_without_access_is_left_alone_and_told_of_once_a_day(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        for id in ("m1", "m2", "m3"):
            it.tells(id, "Hello", status=NO_ACCESS)
            await it.announced(id)
        await it.withheld.ask()
        assert (len(it.asked), await it.waiting()) == (1, ["m1", "m2", "m3"])
        assert await it.withheld.ask() == 0
        await it.pass_time(REFUSED)
        await it.withheld.ask()
        assert len(it.asked) == 2
        assert await it.notices() == ["Messages may not be read. Ask for access."]
        for id in ("m1", "m2", "m3"):
            it.tells(id, f"told {id}")
        await it.pass_time(REFUSED)
        await it.withheld.ask()
        assert [await it.text(id) for id in ("m1", "m2", "m3")] == ["told m1", "told m2", "told m3"]


async def test_a_provider_that_is_away_is_asked_again_and_nothing_is_told(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "Hello", status=503)
        await it.announced("m1")
        await it.withheld.ask()
        await it.pass_time(UNAVAILABLE)
        it.tells("m1", "Hello")
        await it.withheld.ask()
        assert (await it.text("m1"), await it.notices()) == ("Hello", [])


async def test_one_that_is_gone_keeps_its_place_and_is_asked_for_no_more(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", status=404)
        it.tells("m2", "Hello")
        await it.announced("m1")
        await it.announced("m2")
        await it.withheld.ask()
        assert (await it.text("m1"), await it.text("m2"), await it.waiting()) == (None, "Hello", [])


async def test_after_a_week_it_is_given_up(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "Hello", status=NO_ACCESS)
        await it.announced("m1")
        await it.pass_time(timedelta(days=7))
        await it.withheld.ask()
        assert await it.waiting() == []


async def test_reports_that_came_first_find_the_place(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        early = await it.arrives(written(1, 2, it.on.clock))
        assert early.outcome == "applied"
        quoting = MessageReceived(
            occurred_at=it.on.clock.now(),
            external_id="m2",
            sender=person(1),
            content=Text(text="That one"),
            reply_to="m1",
        )
        await it.arrives(quoting)
        await it.announced("m1")
        reply = await it.message("m2")
        assert reply is not None
        assert reply.reply_to is not None
        assert reply.reply_to.message_id == message_id(it.account.id, "m1")
        assert await it.on.inbox.find_all(Query(PARKED, limit=200)) == []


async def test_more_than_a_page_of_them_is_asked_for(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        for number in range(AT_ONCE + 1):
            it.tells(f"m{number}", f"told {number}")
            await it.announced(f"m{number}")
        assert await it.withheld.ask() == AT_ONCE
        assert await it.withheld.ask() == 1
        assert len(set(it.asked)) == AT_ONCE + 1


async def test_it_is_asked_for_as_soon_as_it_is_announced(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "Hello")
        it.on.inbox.watch(WITHHELD, it.withheld.withheld_committed)
        running = asyncio.create_task(it.withheld.run())
        try:
            await it.announced("m1")
            await it.on.once(lambda: it.text("m1"), lambda text: text == "Hello", 15)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_what_was_taken_back_is_not_shown_whatever_the_provider_tells(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "secret", "more of it")
        await it.announced("m1")
        await it.arrives(MessageDeleted(occurred_at=it.on.clock.now(), external_id="d1", target="m1"))
        await it.withheld.ask()
        found = await it.message("m1")
        assert found is not None
        assert found.deleted is not None
        assert (await it.message("m1#1"), it.asked, await it.waiting()) == (None, [], [])


async def test_one_that_was_edited_meanwhile_is_asked_for_all_the_same(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", "first", "more")
        await it.announced("m1")
        edit = MessageEdited(occurred_at=it.on.clock.now(), external_id="e1", target="m1", content=Text(text="second"))
        await it.arrives(edit)
        await it.withheld.ask()
        found = await it.message("m1")
        assert found is not None
        assert [text_content(each.content) for each in found.revisions] == ["first"]
        assert (found.text, await it.text("m1#1")) == ("second", "more")


@pytest.mark.parametrize(("after", "wait"), [("0", UNAVAILABLE), ("999999999", REFUSED)])
async def test_a_provider_may_neither_be_hammered_nor_make_us_forget(
    tmp_path: Path, after: str, wait: timedelta
) -> None:
    async with asking(tmp_path) as it:
        it.on.provider.files["/messages/m1"] = answer(503, None, retry_after=after)
        await it.announced("m1")
        assert (await it.withheld.ask(), await it.withheld.ask()) == (1, 0)
        await it.pass_time(wait)
        it.tells("m1", "Hello")
        await it.withheld.ask()
        assert await it.text("m1") == "Hello"


async def test_one_that_is_not_to_be_had_and_has_no_place_is_told_of(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", status=404)
        await it.announced("m1", by=None)
        await it.withheld.ask()
        assert await it.notices() == [UNTOLD]
        assert await it.waiting() == []


async def test_an_announcement_that_is_replayed_is_asked_for_again(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.tells("m1", status=404)
        await it.announced("m1")
        await it.withheld.ask()
        it.tells("m1", "Hello")
        assert (await it.announced("m1")).outcome == "duplicate"
        await it.withheld.ask()
        assert await it.text("m1") == "Hello"


class Careless(Secretive):
    """The second part of each message belongs to nobody, and no time is told."""

    def fetch_message(
        self, account: ChannelAccount, external_id: str
    ) -> Generator[ApiRequest, ApiResponse, Sequence[InboundEvent]]:
        first, second = yield from super().fetch_message(account, external_id)
        assert isinstance(first, MessageReceived)
        assert isinstance(second, MessageReceived)
        return [replace(first, occurred_at=UNDATED), replace(second, sender=Person(keys=()))]


async def test_a_part_that_fails_costs_no_other_and_what_has_no_time_is_when_it_was_announced(tmp_path: Path) -> None:
    async with asking(tmp_path) as it:
        it.on.channel = Careless(base=it.on.channel.base)
        it.withheld = WithheldMessages(it.on.inbox, it.on.providers(), reopen_after=timedelta(0))
        it.tells("m1", "good", "bad")
        await it.announced("m1", by=None)
        await it.withheld.ask()
        found = await it.message("m1")
        assert found is not None
        assert (found.text, found.occurred_at, await it.message("m1#1")) == ("good", it.on.clock.now(), None)
