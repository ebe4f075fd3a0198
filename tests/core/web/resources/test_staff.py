"""Conversations among people of two departments: given, handed over, looked at, and what each of them is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from patchbay.gateway import Gateway
from patchbay.web import channels, keys, live
from patchbay.web.app import build_app
from tests.core.web.resources.conftest import MODULES, Graph, House, ShiftedClock
from tests.core.web.resources.staff import Line, Staff

Connect = Callable[[str], Awaitable[Line]]


@pytest.fixture
def staff(gateway: Gateway) -> Staff:
    made = Staff()
    made.join(gateway)
    return made


@pytest.fixture
async def house(gateway: Gateway, staff: Staff, graph: Graph, clock: ShiftedClock, aiohttp_client: Any) -> House:
    return House(gateway, await aiohttp_client(build_app(gateway, (*MODULES, channels, live))), graph, clock)


@pytest.fixture
async def connect(house: House) -> AsyncIterator[Connect]:
    client: TestClient[Any, Any] = house.client
    async with AsyncExitStack() as stack:

        async def connected(who: str) -> Line:
            socket = await stack.enter_async_context(client.ws_connect("/api/v1/ws"))
            line = Line(socket)
            await line.say("hello", token=who)
            await line.hear(op="welcome")
            return line

        yield connected


async def in_sales(house: House) -> str:
    """A new conversation of the sales department."""
    shown = await house.conversation()
    await house.post(f"/conversations/{shown['id']}/transfer", {"department_id": "sales"})
    return str(shown["id"])


# given to


@pytest.mark.parametrize("action", ["assign", "transfer"])
@pytest.mark.parametrize("nobody", ["usr_none", "sync", "sales"])
async def test_what_nobody_knows_can_be_given_nothing(house: House, action: str, nobody: str) -> None:
    id = await in_sales(house)
    answer = await house.post(f"/conversations/{id}/{action}", {"assignee_id": nobody})
    assert (answer.status, answer.code, answer.pointers) == (422, "invalid", ["/assignee_id"])
    assert nobody in answer.body["detail"]
    assert (await house.get(f"/conversations/{id}")).body["assignee_id"] is None


async def test_an_unknown_department_is_named_and_a_known_one_takes_over(house: House, staff: Staff) -> None:
    id = await in_sales(house)
    answer = await house.post(f"/conversations/{id}/transfer", {"department_id": "dep_none"})
    assert (answer.status, answer.pointers) == (422, ["/department_id"])
    taken = await house.post(f"/conversations/{id}/transfer", {"department_id": "service", "assignee_id": "cleo"})
    assert (taken.body["department_id"], taken.body["assignee_id"]) == ("service", "cleo")
    staff.members["bert"].gone = True
    assert (await house.post(f"/conversations/{id}/assign", {"assignee_id": "bert"})).status == 422
    assert (await house.post(f"/conversations/{id}/assign", {"assignee_id": None})).body["assignee_id"] is None


async def test_where_nobody_signed_in_yet_any_id_is_taken(house: House, staff: Staff) -> None:
    staff.is_used = False
    id = await in_sales(house)
    answer = await house.post(f"/conversations/{id}/transfer", {"department_id": "dep_1", "assignee_id": "usr_1"})
    assert (answer.status, answer.body["department_id"], answer.body["assignee_id"]) == (200, "dep_1", "usr_1")


async def test_me_is_whoever_asks_and_only_people_take_conversations(house: House) -> None:
    id = await in_sales(house)
    mine = await house.post(f"/conversations/{id}/assign", {"assignee_id": "me"}, who="anna")
    assert mine.body["assignee_id"] == "anna"
    await house.post(f"/conversations/{id}/release", who="anna")
    assert (await house.post(f"/conversations/{id}/assign", {"assignee_id": "me"}, who="sync")).status == 422
    assert (await house.post(f"/conversations/{id}/claim", who="sync")).code == "forbidden"
    assert (await house.post(f"/conversations/{id}/claim", who="bert")).body["assignee_id"] == "bert"
    late = await house.post(f"/conversations/{id}/claim", who="anna")
    assert (late.status, late.code, late.body["assignee_id"]) == (409, "conflict", "bert")


async def test_a_change_and_a_channel_account_name_departments_that_exist(house: House) -> None:
    id = await in_sales(house)
    for department, status in (("dep_none", 422), ("service", 200), (None, 200)):
        moved = await house.ask("PATCH", f"/conversations/{id}", {"department_id": department})
        assert moved.status == status, moved.body
    assert (await house.ask("PATCH", f"/conversations/{id}", {"department_id": "x"})).pointers == ["/department_id"]
    account = (await house.get(f"/conversations/{id}")).body["account_id"]
    for department, status in (("dep_none", 422), ("sales", 200), (None, 200)):
        answer = await house.ask("PATCH", f"/channels/{account}", {"default_department_id": department})
        assert answer.status == status, answer.body
    new = {"channel": "whatsapp", "name": "B", "external_id": "402", "credentials": {"access_token": "EAAtoken0123"}}
    refused = await house.post("/channels", {**new, "default_department_id": "dep_none"})
    assert (refused.status, refused.pointers) == (422, ["/default_department_id"])


# handed over


async def test_a_transfer_is_heard_by_those_who_lose_it_and_those_who_get_it(house: House, connect: Connect) -> None:
    id = await in_sales(house)
    anna, cleo = await connect("anna"), await connect("cleo")
    body = {"department_id": "service", "reason": "expert", "note": "Please look", "restart_clocks": True}
    shown = await house.post(f"/conversations/{id}/transfer", body, who="anna")
    assert shown.status == 200
    for line in (anna, cleo):
        event = await line.hear(op="event", type="conversation.transferred")
        assert event["data"]["id"] == id
        assert event["data"]["activity"]["reason"] == "expert"
        assert event["data"]["waiting_since"] == shown.body["waiting_since"]
    await house.say("And now?")
    assert (await cleo.hear(op="event", type="message.received"))["data"]["conversation_id"] == id
    assert await anna.heard_until_pong() == []
    assert (await house.get(f"/conversations/{id}", who="anna")).status == 404
    assert (await house.get(f"/conversations/{id}", who="cleo")).status == 200


async def test_an_assignment_is_heard_by_the_one_before_and_the_one_after(house: House, connect: Connect) -> None:
    id = await in_sales(house)
    await house.post(f"/conversations/{id}/transfer", {"department_id": "service", "assignee_id": "anna"})
    anna, bert = await connect("anna"), await connect("bert")
    await house.post(f"/conversations/{id}/assign", {"assignee_id": "bert"})
    for line in (anna, bert):
        assert (await line.hear(op="event", type="conversation.assigned"))["data"]["assignee_id"] == "bert"
    await house.post(f"/conversations/{id}/close")
    assert (await bert.hear(op="event"))["type"] == "conversation.closed"
    assert await anna.heard_until_pong() == []


# seen by


async def test_typing_and_looking_are_shown_within_the_department_only(house: House, connect: Connect) -> None:
    id = await in_sales(house)
    anna, bert, cleo = await connect("anna"), await connect("bert"), await connect("cleo")
    await cleo.say("subscribe", topics=[f"conversation:{id}"])
    await asyncio.gather(bert.heard_until_pong(), cleo.heard_until_pong())
    await anna.say("typing", conversation_id=id)
    assert (await bert.hear(op="ephemeral"))["type"] == "typing"
    await anna.say("viewing", conversation_id=id)
    told = await bert.hear(op="ephemeral")
    assert (told["type"], told["data"]["user"]["id"], told["data"]["viewing"]) == ("viewing", "anna", True)
    for op in ("viewing", "typing"):
        await cleo.say(op, conversation_id=id)
        refused = await cleo.hear()
        assert (refused["op"], refused["code"]) == ("error", "not_found")
        assert refused["message"] == f"There is no conversation {id!r}."
    assert await cleo.heard_until_pong() == []


async def test_presence_is_shown_across_departments_to_who_may_see_people(
    house: House, staff: Staff, connect: Connect
) -> None:
    staff.members["bert"].denied.add("users.read")
    anna, bert, cleo = await connect("anna"), await connect("bert"), await connect("cleo")
    await anna.say("presence", state="online")
    assert (await cleo.hear(op="ephemeral"))["data"] == {"user": {"id": "anna", "name": "Anna"}, "state": "online"}
    assert await bert.heard_until_pong() == []


async def test_read_takes_the_right_that_it_takes_by_rest(house: House, staff: Staff, connect: Connect) -> None:
    id = await in_sales(house)
    anna = await connect("anna")
    staff.members["anna"].denied.add("conversations.write")
    await anna.say("read", conversation_id=id, seq=1)
    assert (await anna.hear(op="error"))["code"] == "forbidden"
    staff.members["anna"].denied.clear()
    await anna.say("read", conversation_id=id, seq=1)
    assert (await anna.hear(op="event", type="conversation.read"))["data"]["reader_id"] == "anna"
    staff.members["cleo"].wide.add("conversations.read")
    cleo = await connect("cleo")
    await cleo.say("read", conversation_id=id, seq=1)
    assert (await cleo.hear(op="error"))["code"] == "forbidden"  # seen, and not to be touched
    (read,) = [act for act in staff.acts if act.cause.operation == "socket.read" and act.outcome == "done"]
    assert (read.actor.id, read.cause.permission, read.cause.address) == ("anna", "conversations.write", "127.0.0.1")
    assert read.cause.request_id


# read by


async def test_what_is_unread_is_each_persons_own_through_assignment_and_transfer(house: House) -> None:
    id = await in_sales(house)

    async def unread(who: str) -> int:
        return int((await house.get(f"/conversations/{id}", who=who)).body["unread_count"])

    assert (await unread("anna"), await unread("bert")) == (1, 1)
    await house.say("Second")
    await house.post(f"/conversations/{id}/read", {"seq": 1}, who="anna")
    await house.post(f"/conversations/{id}/read", who="bert")
    assert (await unread("anna"), await unread("bert")) == (1, 0)
    await house.post(f"/conversations/{id}/assign", {"assignee_id": "bert"}, who="anna")
    await house.post(f"/conversations/{id}/transfer", {"department_id": "service"}, who="anna")
    await house.say("Third")
    assert (await unread("chief"), await unread("cleo")) == (1, 1)  # what somebody has read is not new to a newcomer
    await house.post(f"/conversations/{id}/unread", {"seq": 1}, who="cleo")
    assert (await unread("chief"), await unread("cleo")) == (1, 3)
    await house.post(f"/conversations/{id}/transfer", {"department_id": "sales"}, who="cleo")
    assert (await unread("anna"), await unread("bert")) == (2, 1)


async def test_nobody_is_shown_how_far_the_others_have_read(house: House) -> None:
    id = await in_sales(house)
    await house.post(f"/conversations/{id}/read", who="anna")
    shown = (await house.get(f"/conversations/{id}", who="bert")).body
    events = [event for event in await house.gateway.store.read(0, 500) if event.subject_id == id]
    assert "anna" not in str(shown)
    assert not any(b"cursor" in bytes(event.data) for event in events)
    assert [event.type for event in events if b"anna" in bytes(event.data)] == ["conversation.read"]


# collisions

GUARDED: list[tuple[str, dict[str, Any]]] = [
    ("assign", {"assignee_id": "anna"}),
    ("claim", {}),
    ("release", {}),
    ("transfer", {"department_id": "service"}),
    ("snooze", {"until": "2099-01-01T00:00:00Z"}),
    ("unsnooze", {}),
    ("close", {}),
    ("reopen", {}),
    ("control/take", {}),
    ("control/release", {}),
    ("messages", {"text_content": "Hi"}),
]


async def test_every_action_is_guarded_and_shows_what_was_missed(house: House) -> None:
    id = await in_sales(house)
    seen = (await house.get(f"/conversations/{id}")).body["last_seq"]
    await house.say("One more thing")
    before = (await house.get(f"/conversations/{id}")).body
    for action, body in GUARDED:
        answer = await house.post(f"/conversations/{id}/{action}", {**body, "expected_last_seq": seen}, who="anna")
        assert (answer.status, answer.code) == (409, "conversation_moved"), action
        assert [each["text_content"] for each in answer.body["missed"]] == ["One more thing"], action
    patched = await house.ask("PATCH", f"/conversations/{id}", {"priority": "high", "expected_last_seq": seen})
    assert patched.code == "conversation_moved"
    assert (await house.get(f"/conversations/{id}")).body == before
    for action, body in GUARDED[:2]:
        body = {**body, "expected_last_seq": before["last_seq"]}
        assert (await house.post(f"/conversations/{id}/{action}", body, who="anna")).status == 200


async def test_what_was_missed_is_shown_as_far_as_one_may_read_it(house: House, staff: Staff) -> None:
    id = await in_sales(house)
    await house.say("One more thing")
    staff.members["anna"].denied.add("messages.read")
    for action, body in (("close", {}), ("messages", {"text_content": "Hi"})):
        answer = await house.post(f"/conversations/{id}/{action}", {**body, "expected_last_seq": 1}, who="anna")
        assert (answer.code, answer.body["missed"]) == ("conversation_moved", [])
        assert answer.body["last_seq"] > 1
    changed = await house.ask("PATCH", f"/conversations/{id}", {"subject": "X", "expected_last_seq": 1}, who="anna")
    assert (changed.code, changed.body["missed"]) == ("conversation_moved", [])


async def test_what_was_said_before_in_another_department_was_not_missed(house: House) -> None:
    first = await in_sales(house)
    await house.post(f"/conversations/{first}/close")
    again = (await house.say("A different matter"))["conversation_id"]
    await house.post(f"/conversations/{again}/transfer", {"department_id": "service"})
    for who in ("cleo", "chief"):
        answer = await house.post(f"/conversations/{again}/close", {"expected_last_seq": 0}, who=who)
        assert answer.code == "conversation_moved"
        assert {each["conversation_id"] for each in answer.body["missed"]} == {again}


# withdrawn


async def test_rights_withdrawn_end_socket_and_pull_at_once(house: House, staff: Staff, connect: Connect) -> None:
    anna, bert = await connect("anna"), await connect("bert")
    head = house.gateway.hub.tail.position
    pull = asyncio.ensure_future(house.get(f"/events?after={head}&wait=30", who="anna"))
    hub = house.gateway.hub
    while not hub.sizes()["waiting"]:
        await asyncio.sleep(0.01)
    staff.members["anna"].gone = True
    began = asyncio.get_running_loop().time()
    hub.ask_again("anna")
    assert await anna.close_code() == 4003
    assert (await pull).code == "unauthenticated"
    assert asyncio.get_running_loop().time() - began < 2
    assert await bert.heard_until_pong() == []


async def test_a_pull_that_nobody_was_told_to_ask_about_ends_within_five_seconds(house: House, staff: Staff) -> None:
    head = house.gateway.hub.tail.position
    pull = asyncio.ensure_future(house.get(f"/events?after={head}&wait=30", who="anna"))
    while not house.gateway.hub.sizes()["waiting"]:
        await asyncio.sleep(0.01)
    staff.members["anna"].gone = True
    assert (await asyncio.wait_for(pull, 5)).code == "unauthenticated"


async def test_a_stream_ends_within_five_seconds_and_shows_nothing_more(house: House, staff: Staff) -> None:
    id = await in_sales(house)
    headers = {"Authorization": "Bearer anna"}
    async with house.client.get("/api/v1/events/stream", headers=headers) as stream:
        assert await stream.content.readline() == b": patchbay\n"
        staff.members["anna"].departments = ()
        began = asyncio.get_running_loop().time()
        await house.post(f"/conversations/{id}/close")
        staff.members["anna"].gone = True
        async with asyncio.timeout(10):
            rest = await stream.content.read()
        assert asyncio.get_running_loop().time() - began < 5.5
        assert b"data:" not in rest


# refused


async def test_refusals_on_sockets_are_written_down_like_those_of_requests(
    house: House, staff: Staff, connect: Connect
) -> None:
    async def refused(token: str) -> None:
        async with house.client.ws_connect("/api/v1/ws") as socket:
            await socket.send_json({"op": "hello", "token": token})
            assert await Line(socket).close_code() == 4003

    await refused("nobody")
    staff.members["bert"].denied.add("events.read")
    await refused("bert")
    cleo, id = await connect("cleo"), await in_sales(house)
    await cleo.say("viewing", conversation_id=id)
    await cleo.hear(op="error")
    found = [
        (act.cause.operation, act.cause.permission, act.actor.id, act.outcome, act.status)
        for act in staff.acts
        if act.outcome != "done"
    ]
    assert found == [
        ("socket.hello", "events.read", None, "unauthenticated", 401),
        ("socket.hello", "events.read", "bert", "forbidden", 403),
        ("socket.viewing", "conversations.read", "cleo", "not_found", 404),
    ]
    last = staff.acts[-1]
    assert (last.cause.address, last.about["conversation_id"]) == ("127.0.0.1", id)
    assert "nobody" not in str(staff.acts)


async def test_guessing_tokens_by_hello_is_counted_like_guessing_by_requests(house: House) -> None:
    async def hello(token: str) -> int | None:
        async with house.client.ws_connect("/api/v1/ws") as socket:
            await socket.send_json({"op": "hello", "token": token})
            return await Line(socket).close_code()

    limiter = house.client.app[keys.RATE_LIMITER]
    while (await limiter.take_anonymous("127.0.0.1")).remaining > 1:
        pass
    assert await hello("nobody") == 4003
    assert await hello("anna") == 4029
    assert (await house.get("/conversations", who="anna")).code == "rate_limited"
