"""The outbox worker against a provider on a real socket: order, retries, broken accounts, lost answers, crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patchbay.channel import ReceiptReceived
from patchbay.collections import ACCOUNTS, MEDIA, OUTBOX
from patchbay.delivery import claims, outcomes
from patchbay.delivery import worker as worker_module
from patchbay.delivery.attempt import Attempt
from patchbay.errors import StoreUnavailable
from patchbay.inbox.apply import apply_event
from patchbay.inbox.outbox_ids import reference
from patchbay.inbox.reading import mark_read
from patchbay.inbox.reports import change_status
from patchbay.inbox.resending import retry_message, set_reaction
from patchbay.media.service import MediaService
from patchbay.model.content import Image, MediaRef
from patchbay.ports import Batch, Query
from patchbay.settings import HttpSettings
from patchbay.testing import FakeClock
from tests.core.plain_post import ANN, Behaviour, answer, reset, stage


async def test_one_queue_keeps_its_order_while_the_head_is_put_off(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)
        on.provider.script["1"] = [answer(503), answer(429, {"scope": "recipient"})]
        sent = [await on.send(conversation, str(number)) for number in range(1, 6)]
        worker = on.worker()
        for message in sent:
            await on.becomes(message, "accepted")
        assert on.provider.texts() == ["1", "2", "3", "4", "5"]
        assert on.provider.most_at_once == 1
        assert (worker.sent, worker.retried) == (5, 2)


async def test_queues_of_different_people_leave_side_by_side(tmp_path: Path) -> None:
    async with stage(tmp_path, concurrency=8) as on:
        account = await on.account()
        barrier = asyncio.Barrier(8)

        async def meet(request: web.Request, body: dict[str, Any]) -> None:
            await barrier.wait()  # nobody is answered before all are here

        on.provider.script["*"] = [meet] * 8
        messages = [await on.send(await on.writes(account, person)) for person in range(8)]
        on.worker()
        for message in messages:
            await on.becomes(message, "accepted")
        assert on.provider.most_at_once == 8


async def test_the_parts_of_a_message_leave_in_order_and_a_retry_repeats_none_that_was_taken(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)
        on.provider.script["b"] = [answer(400)]
        message = await on.send(conversation, "a|b|c")
        on.worker()
        await on.becomes(message, "failed")
        await on.once(lambda: on.entry(message, 2), lambda entry: entry.state == "sent", 15)
        assert on.provider.texts() == ["a", "c"]
        await on.inbox.run(lambda uow: retry_message(uow, message.id))
        done = await on.becomes(message, "accepted")
        assert on.provider.texts() == ["a", "c", "b"]
        assert sorted(ref.part for ref in done.external_refs) == [0, 1, 2]


@asynccontextmanager
async def flowing(clock: FakeClock, step_s: float) -> AsyncIterator[None]:
    """Time that flows, a step per turn."""

    async def flow() -> None:
        while True:
            await clock.advance(step_s)
            await asyncio.sleep(0.001)

    running = asyncio.create_task(flow())
    try:
        yield
    finally:
        running.cancel()


def refusing(clock: FakeClock, when: list[float], **headers: str) -> Behaviour:
    """Refuse, and note the moment."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        when.append(clock.monotonic())
        return await answer(503, None, **headers)(request, body)

    return behave


async def test_what_the_provider_says_about_when_to_come_back_is_honoured(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock, base_delay_s=2.0) as on:
        conversation = await on.writes(await on.account())
        when: list[float] = []
        on.provider.script["*"] = [refusing(clock, when, retry_after="40"), refusing(clock, when, retry_after="0")]
        message = await on.send(conversation)
        on.worker()
        async with flowing(clock, 0.5):
            await on.becomes(message, "accepted")
        assert 40 <= when[1] - when[0] < 50


async def test_waits_grow_up_to_a_bound_and_end_after_the_last_day(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock, base_delay_s=2.0, max_delay_s=10_000.0, total_timeout_s=30.0) as on:
        conversation = await on.writes(await on.account())
        when: list[float] = []
        on.provider.script["*"] = [refusing(clock, when) for _ in range(100)]
        message = await on.send(conversation)
        on.worker()
        async with flowing(clock, 60):
            after = await on.becomes(message, "failed", within_s=60)
        gaps = [later - earlier for earlier, later in pairwise(when)]
        assert 10 <= len(when) < 60
        assert max(gaps) < 10_000 + 1000
        assert max(gaps) > 5_000, "a slow disk stretches a short wait by some hundred seconds of this clock"
        assert 12 * 3600 < when[-1] - when[0] <= 24 * 3600
        assert after.delivery.error is not None


@pytest.mark.parametrize(
    ("scope", "waits"), [("recipient", False), ("account", False), ("parent", True), ("app", True)]
)
async def test_a_limit_holds_up_all_that_share_it_and_nobody_else(tmp_path: Path, scope: str, waits: bool) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        mine = await on.account("1", parent_external_id="owner")
        other = await on.account("2", parent_external_id="owner" if scope == "parent" else "another")
        on.provider.script["first"] = [answer(429, {"scope": scope}, retry_after="30")]
        first = await on.send(await on.writes(mine, 1), "first")
        on.worker()
        await on.entry_becomes(first, "retry")
        same_account = await on.send(await on.writes(mine, 2), "same account")
        elsewhere = await on.send(await on.writes(other, 3), "elsewhere")
        await on.becomes(same_account, "accepted" if scope == "recipient" else "queued")
        await on.becomes(elsewhere, "queued" if waits else "accepted")
        async with flowing(clock, 0.5):
            for message in (first, same_account, elsewhere):
                await on.becomes(message, "accepted")


async def test_a_broken_account_pauses_its_sends_and_a_new_token_sends_them_in_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account, healthy = await on.account("1"), await on.account("2")
        on.provider.valid_token = "token-2"
        conversation = await on.writes(account)
        messages = [await on.send(conversation, str(number)) for number in range(3)]
        await on.inbox.run(
            lambda uow: uow.put(
                ACCOUNTS,
                uow.need(ACCOUNTS, healthy.id),
                credentials=on.vault.seal({"access_token": "token-2"}, healthy.id),
            )
        )
        fine = await on.send(await on.writes(healthy, 2), "fine")
        on.worker()
        await on.entry_becomes(messages[0], "paused")
        await on.becomes(fine, "accepted")
        broken = await on.inbox.get(ACCOUNTS, account.id)
        assert broken is not None
        assert (broken.status, broken.health.last_error) == ("reauth_required", "the token is old")
        assert (await on.message(messages[0])).delivery.state == "queued"
        await on.inbox.run(
            lambda uow: change_status(
                uow,
                uow.need(ACCOUNTS, account.id),
                "active",
                credentials=on.vault.seal({"access_token": "token-2"}, account.id),
            )
        )
        for message in messages:
            await on.becomes(message, "accepted")
        assert [text for text in on.provider.texts() if text != "fine"] == ["0", "1", "2"]


async def test_a_failure_with_the_old_token_does_not_blame_the_new_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        arrived, renewed = asyncio.Event(), asyncio.Event()

        async def refuse_late(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
            arrived.set()
            await renewed.wait()
            return web.json_response({}, status=401)

        on.provider.script["*"] = [refuse_late]
        message = await on.send(await on.writes(account))
        on.worker()
        await arrived.wait()
        sealed = on.vault.seal({"access_token": "token-2"}, account.id)
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), credentials=sealed))
        renewed.set()
        await on.becomes(message, "accepted")
        after = await on.inbox.get(ACCOUNTS, account.id)
        assert after is not None
        assert after.status == "active"
        assert on.provider.tokens == ["Bearer token-1", "Bearer token-2"]


async def test_a_lost_answer_is_unknown_is_never_sent_again_and_a_report_settles_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)
        on.provider.script["lost"] = [reset]
        lost = await on.send(conversation, "lost")
        worker = on.worker()
        unknown = await on.becomes(lost, "unknown")
        after = await on.send(conversation, "after")
        await on.becomes(after, "accepted")  # the unknown one held it up for a while only
        assert on.provider.asked.count("lost") == 1
        assert worker.unknown == 1
        assert unknown.delivery.error is not None
        report = ReceiptReceived(
            occurred_at=on.clock.now(), external_id="out.x", state="delivered", reference=reference(lost.id, 0, 1)
        )
        await on.inbox.run(lambda uow: apply_event(uow, on.arrival(account), report))
        assert (await on.message(lost)).delivery.state == "delivered"
        assert (await on.entry(lost)).state == "sent"


async def test_many_of_unknown_outcome_do_not_hide_what_comes_after_them(tmp_path: Path) -> None:
    async with stage(tmp_path, unknown_hold_s=0.01, concurrency=2) as on:
        conversation = await on.writes(await on.account())
        on.provider.script["*"] = [reset] * 60
        for number in range(60):
            await on.send(conversation, str(number))
        last = await on.send(conversation, "last")
        on.worker()
        await on.becomes(last, "accepted", within_s=40)


async def test_a_refusal_fails_the_message_and_the_next_one_leaves(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        on.provider.script["no"] = [answer(400)]
        refused, following = await on.send(conversation, "no"), await on.send(conversation, "yes")
        worker = on.worker()
        failed = await on.becomes(refused, "failed")
        assert failed.delivery.error is not None
        assert failed.delivery.error.code == "rejected"
        await on.becomes(following, "accepted")
        assert worker.failed == 1


@pytest.mark.parametrize(("text", "state"), [("bug", "failed"), ("late bug", "unknown")])
async def test_a_bug_of_the_channel_costs_its_message_only(tmp_path: Path, text: str, state: str) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        odd = await on.send(await on.writes(account, 1), text)
        fine = await on.send(await on.writes(account, 2), "fine")
        on.worker()
        await on.becomes(odd, state)
        await on.becomes(fine, "accepted")


async def test_an_entry_whose_plugin_is_gone_waits_and_burns_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        reads = 0
        find = on.inbox.store.find

        async def counting(query: Query[Any]) -> Any:
            nonlocal reads
            reads += query.collection is OUTBOX
            return await find(query)

        on.inbox.store.find = counting  # type: ignore[method-assign]
        on.worker(channels={})
        await on.once(lambda: on.entry(message), lambda entry: reads >= 4, 15)
        before = reads
        for _ in range(50):
            await asyncio.sleep(0)
        assert reads - before < 10
        assert (await on.entry(message)).state == "queued"


async def test_only_the_first_part_quotes(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        assert conversation.last_message is not None
        message = await on.send(conversation, "one|two|three", reply_to=conversation.last_message.id)
        on.worker()
        await on.becomes(message, "accepted")
        assert [(body["text"], body["reply_to"]) for body in on.provider.taken] == [
            ("one", "in.1.1"),
            ("two", None),
            ("three", None),
        ]


async def test_a_worker_that_died_before_the_first_byte_left_loses_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        entry = await on.entry(message)
        await on.inbox.run(lambda uow: claims.claim(uow, entry.id, "dead", 60, "claimed"))
        on.worker(alone=True)
        await on.becomes(message, "accepted")
        assert on.provider.texts() == ["Hi"]


async def test_a_worker_that_died_while_bytes_left_leaves_an_unknown_outcome(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        entry = await on.entry(message)
        await on.inbox.run(lambda uow: claims.claim(uow, entry.id, "dead", 60, "sending"))
        on.worker(alone=True)
        await on.becomes(message, "unknown")
        assert on.provider.asked == []


async def test_the_lease_of_another_gateway_is_respected_until_it_ends(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        message = await on.send(await on.writes(await on.account()))
        entry = await on.entry(message)
        await on.inbox.run(lambda uow: claims.claim(uow, entry.id, "other", 60, "claimed"))
        on.worker(alone=False)
        for _ in range(5):
            await clock.advance(10)
            await on.inbox.store.ping()
        assert (await on.entry(message)).state == "claimed"
        async with flowing(clock, 0.5):
            await on.becomes(message, "accepted")


async def test_a_worker_that_lost_its_entry_sends_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        entry = await on.entry(message)
        slow = Attempt(on.context("slow"))
        assert await slow.prepare(entry)
        assert await slow.claim(entry)
        await on.inbox.run(lambda uow: outcomes.recover(uow, entry.id))
        with pytest.raises(claims.Fenced):
            await slow.send()
        assert on.provider.asked == []


async def test_an_answer_that_comes_after_the_lease_ended_still_settles_what_was_unknown(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        entry = await on.entry(message)
        slow = Attempt(on.context("slow"))

        async def lease_ends(request: web.Request, body: dict[str, Any]) -> None:
            await on.inbox.run(lambda uow: outcomes.recover(uow, entry.id))
            assert (await on.message(message)).delivery.state == "unknown"

        on.provider.script["*"] = [lease_ends]
        assert await slow.prepare(entry)
        assert await slow.claim(entry)
        await slow.send()
        assert (await on.message(message)).delivery.state == "accepted"
        assert (await on.entry(message)).state == "sent"


async def test_an_outcome_is_committed_although_the_store_is_away_for_a_moment(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        commit, refusals = on.inbox.store.commit, 0

        async def away(batch: Batch) -> list[int]:
            nonlocal refusals
            if any(put.collection is OUTBOX and put.document.state == "sent" for put in batch.puts) and refusals < 3:
                refusals += 1
                raise StoreUnavailable("away")
            return await commit(batch)

        on.inbox.store.commit = away  # type: ignore[method-assign]
        on.worker()
        await on.becomes(message, "accepted")
        assert refusals == 3
        assert on.provider.texts() == ["Hi"]


async def test_a_store_that_is_away_at_the_start_does_not_end_the_worker(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        find, refusals = on.inbox.store.find, 0

        async def away(query: Query[Any]) -> Any:
            nonlocal refusals
            refusals += 1
            if refusals <= 3:
                raise StoreUnavailable("away")
            return await find(query)

        on.inbox.store.find = away  # type: ignore[method-assign]
        on.worker()
        await on.becomes(message, "accepted")


async def test_a_file_is_uploaded_once_and_sent_by_its_id_afterwards(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)

        async def bytes_of() -> Any:
            yield b"\x89PNG\r\n\x1a\n" + b"\x00" * 300_000

        media = await MediaService(on.inbox, on.media, HttpSettings()).upload(bytes_of(), "a.png", "image/png")
        on.worker()
        for _ in range(2):
            message = await on.send(conversation, content=Image(media=MediaRef(id=media.id)))
            await on.becomes(message, "accepted")
        assert [len(body) for body in on.provider.uploads] == [300_008]
        assert [body["media"] for body in on.provider.taken] == ["upload.1", "upload.1"]
        gone = await on.inbox.get(MEDIA, media.id)
        assert gone is not None
        await on.inbox.run(lambda uow: uow.put(MEDIA, uow.need(MEDIA, media.id), state="purged"))


async def test_reactions_and_read_marks_leave_beside_messages_and_are_repeated_when_lost(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        account = await on.account()
        conversation = await on.writes(account)
        on.provider.script["None"] = [reset, reset]
        on.provider.script["slow"] = [answer(503, retry_after="3")]
        await on.send(conversation, "slow")
        inbound = conversation.last_message
        assert inbound is not None
        on.worker()
        await on.inbox.run(lambda uow: set_reaction(uow, on.channels, inbound.id, "🎉", actor=ANN))
        await on.inbox.run(lambda uow: mark_read(uow, on.channels, conversation.id, "ann"))

        async def taken() -> list[str]:
            return sorted(key for body in on.provider.taken for key in ("reaction", "read") if key in body)

        await on.once(taken, lambda kinds: kinds == ["reaction", "read"] or kinds == ["read", "reaction"], 15)


async def test_waiting_for_the_provider_gives_its_own_answer_to_everybody_who_waits(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        message = await on.send(conversation)
        worker = on.worker()
        answers = await asyncio.gather(*(worker.wait_accepted(message.id, 10) for _ in range(3)))
        assert answers == [{"id": "out.1"}] * 3
        assert await worker.wait_accepted(message.id, 10) == {"id": "out.1"}
        assert await worker.wait_accepted("msg_unknown", 0.01) is None
        on.provider.script["no"] = [answer(400)]
        assert await worker.wait_accepted((await on.send(conversation, "no")).id, 10) is None
        assert worker._waiters == {}


async def test_stopping_waits_for_what_is_on_its_way_and_begins_nothing_more(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        conversation = await on.writes(await on.account())
        arrived, go = asyncio.Event(), asyncio.Event()

        async def hold(request: web.Request, body: dict[str, Any]) -> None:
            arrived.set()
            await go.wait()

        on.provider.script["*"] = [hold]
        first, second = await on.send(conversation, "1"), await on.send(conversation, "2")
        worker = on.worker()
        await arrived.wait()
        stopping = asyncio.create_task(worker.stop(10))
        await asyncio.sleep(0)
        go.set()
        await stopping
        assert (await on.message(first)).delivery.state == "accepted"
        assert (await on.entry(second)).state == "queued"
        assert on.provider.texts() == ["1"]


async def test_stopping_does_not_wait_for_ever(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        message = await on.send(await on.writes(await on.account()))
        arrived, never = asyncio.Event(), asyncio.Event()

        async def hold(request: web.Request, body: dict[str, Any]) -> None:
            arrived.set()
            await never.wait()

        on.provider.script["*"] = [hold]
        worker = on.worker()
        await arrived.wait()
        await worker.stop(0.05)
        never.set()
        assert (await on.entry(message)).state == "sending"
        on.worker(owner="next", alone=True)
        await on.becomes(message, "unknown")


async def test_a_closed_window_is_found_at_the_claim(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        message = await on.send(await on.writes(await on.account()))
        await clock.advance(24 * 3600 - 30)  # still open, but not for the margin
        on.worker()
        failed = await on.becomes(message, "failed")
        assert failed.delivery.error is not None
        assert failed.delivery.error.code == "window_closed"
        assert on.provider.asked == []


async def test_an_account_that_cannot_send_starves_nobody_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(tmp_path) as on:
        broken, healthy = await on.account("1"), await on.account("2")
        waiting = [await on.send(await on.writes(broken, person)) for person in range(3)]
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, broken.id), status="reauth_required"))
        fine = await on.send(await on.writes(healthy, 9), "fine")
        monkeypatch.setattr(worker_module, "DUE_AT_ONCE", 2)
        on.worker()
        await on.becomes(fine, "accepted")
        for message in waiting:
            await on.entry_becomes(message, "paused")


async def test_what_was_paused_for_more_than_a_day_is_not_sent_out_of_the_blue(tmp_path: Path) -> None:
    clock = FakeClock()
    async with stage(tmp_path, clock=clock) as on:
        account = await on.account(status="reauth_required")
        conversation = await on.writes(account)
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), status="active"))
        message = await on.send(conversation)
        await on.inbox.run(lambda uow: uow.put(ACCOUNTS, uow.need(ACCOUNTS, account.id), status="reauth_required"))
        on.worker()
        await on.entry_becomes(message, "paused")
        clock.jump(25 * 3600)
        await on.inbox.run(lambda uow: change_status(uow, uow.need(ACCOUNTS, account.id), "active"))
        failed = await on.becomes(message, "failed")
        assert failed.delivery.error is not None
        assert "in time" in failed.delivery.error.message
        assert on.provider.asked == []
