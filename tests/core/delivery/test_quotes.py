"""What a reply quotes at its own turn, and what typing answers."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from msgspec.structs import replace

from patchbay.channel import ApiRequest, ApiResponse, Outgoing, SendReceipt, ThreadNotice
from patchbay.collections import CONVERSATIONS, MESSAGES
from patchbay.delivery.attempt import Attempt
from patchbay.inbox.apply import apply_event
from patchbay.model.account import ChannelAccount
from patchbay.model.content import Text
from patchbay.model.ids import message_id
from tests.core.plain_post import PlainPost, answer, checked, person, stage, written


async def test_a_reply_to_a_message_that_was_still_queued_quotes_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        first = await on.send(conversation, "first")
        reply = await on.send(conversation, "reply|more", reply_to=first.id)
        assert reply.reply_to is not None
        assert reply.reply_to.external_id is None, "nobody knows it yet"
        on.worker()
        await on.becomes(reply, "accepted")
        assert [(body["text"], body["reply_to"]) for body in on.provider.taken] == [
            ("first", None),
            ("reply", "out.1"),
            ("more", None),
        ]


async def test_a_part_of_a_message_is_quoted_by_what_the_provider_calls_the_whole(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        whole = written(1, 1, on.clock)
        for part in range(2):
            event = replace(whole, content=Text(text=f"part {part}"), part=part, parts=2)
            await on.inbox.run(lambda uow, event=event: apply_event(uow, on.arrival(account), event))  # type: ignore[misc]
        second = await on.inbox.get(MESSAGES, message_id(account.id, "in.1.1#1"))
        assert second is not None
        conversation = await on.inbox.get(CONVERSATIONS, second.conversation_id or "")
        assert conversation is not None
        reply = await on.send(conversation, "reply", reply_to=second.id)
        on.worker()
        await on.becomes(reply, "accepted")
        assert [body["reply_to"] for body in on.provider.taken] == ["in.1.1"]
        await Attempt(on.context("gw")).show_typing(conversation)
        assert on.provider.taken[-1]["typing"] == "in.1.1"


async def test_typing_answers_what_the_person_wrote_and_no_notice(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)
        notice = ThreadNotice(occurred_at=on.clock.now(), external_id="call-7", notice="call", person=person(1))
        await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), notice))
        await Attempt(on.context("gw")).show_typing(conversation)
        assert [body["typing"] for body in on.provider.taken] == ["in.1.1"]


class Confirming(PlainPost):
    """Asks after each send, of somebody who cannot be reached."""

    def send(self, account: ChannelAccount, message: Outgoing) -> Generator[ApiRequest, ApiResponse, SendReceipt]:
        sent = yield from super().send(account, message)
        yield ApiRequest("GET", "http://127.0.0.1:9/confirm")
        return sent


async def test_a_flow_that_cannot_be_finished_is_not_begun_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.channel = Confirming(base=on.provider.base)
        conversation = await on.writes(await on.account())
        message = await on.send(conversation, "once")
        on.worker()
        await on.becomes(message, "unknown")
        await on.becomes(await on.send(conversation, "after"), "unknown")
        assert on.provider.texts() == ["once", "after"]


class InTwo(PlainPost):
    """Each message is two that the person sees."""

    def send(self, account: ChannelAccount, message: Outgoing) -> Generator[ApiRequest, ApiResponse, SendReceipt]:
        sent = yield from super().send(account, message)
        checked((yield ApiRequest("GET", "/second", effect=True)))
        return sent


@pytest.mark.parametrize("status", [429, 503])
async def test_nor_is_one_whose_second_half_may_be_made_later(tmp_path: Path, status: int) -> None:
    async with stage(tmp_path) as on:
        on.channel = InTwo(base=on.provider.base)
        on.provider.files["/second"] = answer(status)
        message = await on.send(await on.writes(await on.account()), "once")
        on.worker()
        await on.becomes(message, "unknown")
        assert on.provider.texts() == ["once"]
