"""Conversations over HTTP: found, started, changed, handed around, closed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from patchbay.collections import CONVERSATIONS
from patchbay.inbox.snoozing import wake_snoozed
from patchbay.model.times import rfc3339
from tests.core.web.resources.conftest import House


async def test_a_conversation_is_shown_with_its_contact_its_window_and_what_is_unread(house: House) -> None:
    shown = await house.conversation()
    assert shown["contact"]["display_name"] == "Mara Voss"
    assert (shown["status"], shown["channel"], shown["unread_count"], shown["number"]) == ("open", "whatsapp", 1, 1)
    assert shown["window"]["kind"] == "service"
    answer = await house.get(f"/conversations/{shown['id']}")
    assert answer.etag == f'"{shown["version"]}"'
    again = await house.get(f"/conversations/{shown['id']}", If_None_Match=answer.etag)
    assert again.status == 304
    assert (await house.get("/conversations/cnv_none")).code == "not_found"


async def many(house: House, count: int) -> list[dict[str, Any]]:
    return [await house.conversation(sender=f"1555000{number:04d}", name=f"Person{number}") for number in range(count)]


async def test_the_list_filters_sorts_and_searches(house: House) -> None:
    one, two, three = await many(house, 3)
    await house.say("Where is the blue kettle?", sender="15550000001", name="Person1")
    await house.post(f"/conversations/{one['id']}/close", {"reason": "done"})
    await house.post(f"/conversations/{two['id']}/claim")
    await house.post(f"/conversations/{three['id']}/assign", {"assignee_id": "ben"})
    await house.post("/tags", {"name": "VIP"})
    await house.ask("PUT", f"/conversations/{three['id']}/tags/vip")
    await house.ask("PATCH", f"/conversations/{three['id']}", {"priority": "urgent", "subject": "Teapots"})

    async def found(query: str) -> list[str]:
        answer = await house.get(f"/conversations?{query}")
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.body["data"]]

    everything = {one["id"], two["id"], three["id"]}
    assert await found("") == [two["id"], three["id"], one["id"]]
    assert await found("sort=number") == [one["id"], two["id"], three["id"]]
    assert await found("sort=-created_at") == [three["id"], two["id"], one["id"]]
    assert await found("status=closed") == [one["id"]]
    assert set(await found("status=open,pending")) == {two["id"], three["id"]}
    assert await found("assignee=me") == [two["id"]]
    assert await found("assignee=none") == [one["id"]]
    assert await found("assignee=ben&priority=urgent,high&tag=vip&channel=whatsapp") == [three["id"]]
    assert await found("department=none&status=closed") == [one["id"]]
    assert await found(f"contact={one['contact']['id']}") == [one["id"]]
    assert await found(f"account={one['account_id']}&channel=instagram") == []
    assert set(await found("waiting=true")) == {two["id"], three["id"]}
    assert await found("waiting=false") == [one["id"]]
    assert set(await found(f"created_after={one['created_at']}")) <= everything - {one["id"]}
    assert await found("q=kettle") == [two["id"]]
    assert await found("q=teapots") == [three["id"]]
    assert await found("q=person1") == [two["id"]]
    assert await found("q=%2B15550000000") == [one["id"]]
    assert await found("q=nothing%20of%20it") == []


WRONG_QUERIES: list[tuple[str, str]] = [
    ("status=lost", "?status.0"),
    ("sort=subject", "?sort"),
    ("limit=0", "?limit"),
    ("limit=201", "?limit"),
    ("cursor=nonsense", "?cursor"),
    ("waiting=perhaps", "?waiting"),
    ("updated_after=yesterday", "?updated_after"),
    ("colour=red", "?colour"),
]


async def test_what_is_wrong_with_a_query_is_named(house: House) -> None:
    for query, pointer in WRONG_QUERIES:
        answer = await house.get(f"/conversations?{query}")
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer]), answer.body


async def test_pages_stay_as_they_are_while_messages_arrive(house: House) -> None:
    made = [each["id"] for each in await many(house, 7)]
    listed: list[str] = []
    path = "/conversations?sort=number&limit=2"
    while True:
        page = (await house.get(path)).body
        listed += [each["id"] for each in page["data"]]
        await house.say("Meanwhile", sender="15550000000")
        if page["page"]["next"] is None:
            assert page["page"]["has_more"] is False
            break
        path = f"/conversations?sort=number&limit=2&cursor={page['page']['next']}"
    assert listed == made


async def test_a_page_of_many_rows_costs_as_many_reads_as_a_page_of_few(house: House) -> None:
    await many(house, 6)
    reads: list[str] = []
    store = house.gateway.store
    get_many, find = store.get_many, store.find

    async def counting_get_many(collection: Any, ids: Any) -> Any:
        reads.append(collection.name)
        return await get_many(collection, ids)

    async def counting_find(query: Any) -> Any:
        reads.append(query.collection.name)
        return await find(query)

    store.get_many, store.find = counting_get_many, counting_find  # type: ignore[method-assign]
    house.gateway.inbox.cache.clear()
    page = await house.get("/conversations")
    assert len(page.body["data"]) == 6
    assert sorted(reads) == ["contacts", "conversations", "threads"]


async def test_a_started_conversation_sends_nothing_and_a_second_start_finds_it(house: House) -> None:
    body = {"customer_phone": "+1 555 000 7777"}
    made = await house.post("/conversations", body)
    assert made.status == 201, made.body
    assert made.response.headers["Location"] == f"/api/v1/conversations/{made.body['id']}"
    assert made.body["last_message"] is None
    again = await house.post("/conversations", {"to": {"contact_id": made.body["contact"]["id"]}})
    assert (again.status, again.body["id"]) == (200, made.body["id"])
    await house.post(f"/conversations/{made.body['id']}/close")
    third = await house.post("/conversations", body)
    assert (third.status, third.body["previous_conversation_id"]) == (201, made.body["id"])
    assert house.graph.sent == []


WRONG_RECIPIENTS: list[tuple[Any, str]] = [
    ({}, "/customer_phone"),
    ({"customer_phone": "12"}, "/customer_phone"),
    ({"customer_phone": "+15550007777", "to": {"contact_id": "x"}}, "/customer_phone"),
    ({"to": {}}, "/to"),
    ({"to": {"channel": "whatsapp", "value": "+15550007777"}}, "/to/kind"),
    ({"to": {"contact_id": "x", "kind": "phone"}}, "/to/kind"),
    ({"customer_phone": "+15550007777", "account_id": "acc_none"}, "/account_id"),
    ({"customer_phone": "+15550007777", "mood": "good"}, "/mood"),
]


async def test_what_is_wrong_with_a_recipient_is_named(house: House) -> None:
    for body, pointer in WRONG_RECIPIENTS:
        answer = await house.post("/conversations", body)
        assert (answer.status, answer.code, answer.pointers) == (422, "invalid", [pointer]), answer.body


async def test_a_hundred_starts_with_one_key_make_one_conversation(house: House) -> None:
    body = {"customer_phone": "+15550007777"}
    answers = await asyncio.gather(*(house.post("/conversations", body, Idempotency_Key="start-1") for _ in range(100)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    replayed = [answer for answer in answers if answer.response.headers.get("Idempotency-Replayed") == "true"]
    assert len(replayed) == 99
    assert (await house.told()).count("conversation.created") == 1
    other = await house.post("/conversations", {"customer_phone": "+15550008888"}, Idempotency_Key="start-1")
    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_a_hundred_starts_at_once_without_a_key_still_make_one(house: House) -> None:
    answers = await asyncio.gather(
        *(house.post("/conversations", {"customer_phone": "+15550007777"}) for _ in range(30))
    )
    assert sorted(answer.status for answer in answers) == [200] * 29 + [201]
    assert len({answer.body["id"] for answer in answers}) == 1


async def test_a_change_needs_the_version_that_was_seen(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}"
    changed = await house.ask("PATCH", path, {"subject": "Kettle"}, If_Match=f'"{shown["version"]}"')
    assert (changed.status, changed.body["subject"]) == (200, "Kettle")
    assert changed.etag == f'"{shown["version"] + 1}"'
    late = await house.ask("PATCH", path, {"subject": "Teapot"}, If_Match=f'"{shown["version"]}"')
    assert (late.status, late.code, late.body["current_version"]) == (412, "version_conflict", shown["version"] + 1)
    same = await house.ask("PATCH", path, {"subject": "Kettle"})
    assert same.etag == changed.etag
    unknown = await house.ask("PATCH", path, {"status": "closed"})
    assert (unknown.status, unknown.pointers) == (422, ["/status"])
    dotted = await house.ask("PATCH", path, {"attributes": {"a.b": 1}})
    assert dotted.status == 422


ACTIONS: list[tuple[str, Any]] = [
    ("assign", {"assignee_id": "ann"}),
    ("claim", None),
    ("release", None),
    ("transfer", {"department_id": "dep_1", "reason": "expert", "note": "Please look"}),
    ("snooze", {"until": "2099-01-01T00:00:00Z"}),
    ("unsnooze", None),
    ("control/take", None),
    ("control/release", None),
    ("close", {"reason": "solved"}),
    ("reopen", None),
    ("read", {"seq": 1}),
    ("unread", None),
]


@pytest.mark.parametrize(("action", "body"), ACTIONS, ids=[action for action, _ in ACTIONS])
async def test_every_action_answers_every_status_that_it_declares(house: House, action: str, body: Any) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}/{action}"
    assert (await house.post(path, body, who="")).status == 401
    assert (await house.post(path, body, who="reader")).status == 403
    assert (await house.post(f"/conversations/cnv_none/{action}", body)).status == 404
    wrong = await house.post(path, body, If_Match='"999"')
    assert (wrong.status, wrong.code) == (412, "version_conflict")
    assert (await house.post(path, {"surprise": 1})).status == 422
    done = await house.post(path, body, If_Match=f'"{shown["version"]}"')
    assert done.status == 200, done.body
    assert done.body["id"] == shown["id"]
    assert done.etag == f'"{done.body["version"]}"'


@pytest.mark.parametrize(
    ("action", "body"), [each for each in ACTIONS if each[0] not in ("close", "reopen", "read", "unread")]
)
async def test_a_closed_conversation_refuses_what_needs_an_open_one(house: House, action: str, body: Any) -> None:
    shown = await house.conversation()
    await house.post(f"/conversations/{shown['id']}/close")
    refused = await house.post(f"/conversations/{shown['id']}/{action}", body)
    assert (refused.status, refused.code) == (409, "conversation_closed")
    assert refused.body["hint"]


async def test_who_acts_on_what_they_have_not_read_is_told_what_they_missed(house: House) -> None:
    shown = await house.conversation()
    await house.say("Wait, one more thing")
    seen = {"expected_last_seq": shown["last_seq"]}
    for action in ("claim", "close"):
        moved = await house.post(f"/conversations/{shown['id']}/{action}", seen)
        assert (moved.status, moved.code) == (409, "conversation_moved")
        assert [each["text_content"] for each in moved.body["missed"]] == ["Wait, one more thing"]
    patched = await house.ask("PATCH", f"/conversations/{shown['id']}", {**seen, "subject": "x"})
    assert patched.code == "conversation_moved"
    read = {"expected_last_seq": patched.body["last_seq"]}
    assert (await house.post(f"/conversations/{shown['id']}/close", read)).status == 200


async def test_closing_and_writing_again_makes_a_chain_and_reopening_the_old_one_is_refused(house: House) -> None:
    first = await house.conversation()
    closed = await house.post(f"/conversations/{first['id']}/close", {"reason": "solved", "note": "all fine"})
    assert (closed.body["status"], closed.body["close_reason"]) == ("closed", "solved")
    second = await house.conversation()
    assert second["previous_conversation_id"] == first["id"]
    refused = await house.post(f"/conversations/{first['id']}/reopen")
    assert (refused.status, refused.code) == (409, "conflict")
    assert refused.body["open_conversation_id"] == second["id"]
    await house.post(f"/conversations/{second['id']}/close")
    reopened = await house.post(f"/conversations/{first['id']}/reopen")
    assert (reopened.body["status"], reopened.body["closed_at"]) == ("open", None)
    third = await house.conversation()
    assert third["id"] == first["id"]


async def test_two_who_claim_at_once_do_not_both_get_it(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}/claim"
    answers = await asyncio.gather(*(house.post(path, who=who) for who in ("ann", "ben") * 5))
    winners = {answer.body["assignee_id"] for answer in answers if answer.status == 200}
    assert len(winners) == 1
    assert sorted(answer.status for answer in answers) == [200] * 5 + [409] * 5
    assert (await house.told()).count("conversation.assigned") == 1


async def test_what_is_unread_is_each_readers_own(house: House) -> None:
    shown = await house.conversation()
    await house.say("Second")
    path = f"/conversations/{shown['id']}"
    assert (await house.post(f"{path}/read", {"seq": 1}, who="ann")).body["unread_count"] == 1
    assert (await house.post(f"{path}/read", who="ann")).body["unread_count"] == 0
    assert (await house.post(f"{path}/unread", who="ben")).body["unread_count"] == 1
    assert (await house.get(path, who="ann")).body["unread_count"] == 0
    listed = await house.get("/conversations", who="ben")
    assert listed.body["data"][0]["unread_count"] == 1


async def test_a_snoozed_conversation_wakes_by_itself(house: House) -> None:
    shown = await house.conversation()
    until = rfc3339(house.clock.now() + timedelta(hours=3))
    snoozed = await house.post(f"/conversations/{shown['id']}/snooze", {"until": until})
    assert (snoozed.body["status"], snoozed.body["snoozed_until"]) == ("snoozed", until)
    assert await wake_snoozed(house.gateway.inbox) == 0
    house.clock.shift += timedelta(hours=3)
    await wake_snoozed(house.gateway.inbox)
    woken = await house.get(f"/conversations/{shown['id']}")
    assert (woken.body["status"], woken.body["snoozed_until"]) == ("open", None)
    past = await house.post(f"/conversations/{shown['id']}/snooze", {"until": until})
    assert (past.status, past.pointers) == (422, ["/until"])


async def test_more_snoozed_conversations_than_one_look_finds_all_wake(house: House) -> None:
    soon = house.clock.now() + timedelta(hours=1)
    for number in range(120):
        made = await house.post("/conversations", {"customer_phone": f"+1555100{number:04d}"})
        await house.post(f"/conversations/{made.body['id']}/snooze", {"until": rfc3339(soon)})
    house.gateway.housekeeping.stop()
    house.clock.shift += timedelta(hours=1, seconds=1)
    assert await wake_snoozed(house.gateway.inbox) == 120
    assert (await house.get("/conversations?status=snoozed")).body["data"] == []


async def test_tags_are_put_on_and_taken_off(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}/tags"
    assert (await house.ask("PUT", f"{path}/vip")).status == 404
    await house.post("/tags", {"name": "VIP"})
    put = await house.ask("PUT", f"{path}/vip")
    assert (put.status, put.body["tags"]) == (200, ["vip"])
    assert (await house.ask("PUT", f"{path}/vip")).etag == put.etag
    off = await house.ask("DELETE", f"{path}/vip", If_Match=put.etag)
    assert (off.status, off.body["tags"]) == (200, [])
    assert (await house.ask("DELETE", f"{path}/vip", If_Match=put.etag)).status == 412
    patched = await house.ask("PATCH", f"/conversations/{shown['id']}", {"tags": ["vip", "vip", "none"]})
    assert (patched.status, patched.pointers) == (422, ["/tags/1"])


async def test_control_is_taken_and_lost(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}"
    taken = await house.post(f"{path}/control/take", who="bot")
    assert taken.body["controller"] == {"type": "bot", "id": "bot"}
    token = taken.body["control_token"]
    says = {"text_content": "Beep", "control_token": token}
    assert (await house.post(f"{path}/messages", says, who="bot")).status == 201
    await house.post(f"{path}/control/take", who="ann")
    for body in (says, {"text_content": "Beep"}):
        lost = await house.post(f"{path}/messages", body, who="bot")
        assert (lost.status, lost.code) == (409, "control_lost")
    gone = await house.post(f"{path}/control/release", {"token": token}, who="bot")
    assert (gone.status, gone.code) == (409, "control_lost")
    assert "control_token" not in (await house.get(path)).body
    assert (await house.post(f"{path}/control/release", who="ann")).body["controller"]["type"] == "none"


async def test_every_change_has_its_event_with_the_conversation_as_it_is_then(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}"
    head = await house.gateway.store.head()
    for action, body in ACTIONS:
        answer = await house.post(f"{path}/{action}", body)
        assert answer.status in (200, 409), (action, answer.body)
    events = await house.gateway.store.read(head, 100)
    kinds = [event.type for event in events if event.subject_type == "conversation"]
    assert kinds == [
        "conversation.assigned",
        "conversation.transferred",
        "conversation.snoozed",
        "conversation.updated",
        "conversation.control_changed",
        "conversation.control_changed",
        "conversation.closed",
        "conversation.reopened",
        "conversation.read",
        "conversation.read",
    ]
    stored = await house.gateway.store.get(CONVERSATIONS, shown["id"])
    assert stored is not None
    assert all(event.audience.conversation_id == shown["id"] for event in events)
