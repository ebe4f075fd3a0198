"""Messages over HTTP: listed, sent, waited for, tried again, taken back, reacted to."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from patchbay.collections import MESSAGES, OUTBOX
from patchbay.ports import Query
from tests.core.web.resources.conftest import Answered, House

TOKEN_EXPIRED = {"message": "Error validating access token", "type": "OAuthException", "code": 190}
UNDELIVERABLE = {"message": "(#131026) Message undeliverable", "type": "OAuthException", "code": 131026}


async def send(house: House, conversation: dict[str, Any], text: str = "Hi!", **more: Any) -> Answered:
    return await house.post(f"/conversations/{conversation['id']}/messages", {"text_content": text}, **more)


async def test_messages_are_listed_in_both_directions_and_pages_hold_still(house: House) -> None:
    shown = await house.conversation()
    for number in range(2, 8):
        await house.say(f"Message {number}")
    path = f"/conversations/{shown['id']}/messages"

    async def listed(sort: str) -> list[int]:
        seqs: list[int] = []
        following = f"{path}?limit=3&sort={sort}"
        while following:
            answer = await house.get(following)
            seqs += [each["seq"] for each in answer.body["data"]]
            if sort == "-seq":
                await house.say("Meanwhile")
            cursor = answer.body["page"]["next"]
            assert (cursor is None) == ("Link" not in answer.response.headers)
            following = f"{path}?limit=3&sort={sort}&cursor={cursor}" if cursor else ""
        return seqs

    assert await listed("seq") == [1, 2, 3, 4, 5, 6, 7]
    assert await listed("-seq") == [7, 6, 5, 4, 3, 2, 1]
    assert (await house.get("/conversations/cnv_none/messages")).status == 404


async def test_another_conversations_messages_are_not_among_them(house: House) -> None:
    first = await house.conversation()
    await house.post(f"/conversations/{first['id']}/close")
    second = await house.conversation()
    listed = await house.get(f"/conversations/{second['id']}/messages")
    assert [each["conversation_id"] for each in listed.body["data"]] == [second["id"]]
    assert listed.body["data"][0]["seq"] == 3, "the closing stands between them"


async def test_a_sent_message_is_queued_durably_and_arrives(house: House) -> None:
    shown = await house.conversation()
    answer = await send(house, shown, "It is in stock.")
    assert answer.status == 201, answer.body
    message = answer.body["message"]
    assert answer.body["conversation_id"] == shown["id"]
    assert (answer.body["whatsapp_response"], answer.body["channel_response"]) == (None, None)
    assert answer.response.headers["Location"] == f"/api/v1/messages/{message['id']}"
    assert (message["direction"], message["origin"], message["author"]["id"]) == ("outbound", "agent", "admin")
    accepted = await house.state_of(message["id"], "accepted")
    assert accepted["external_ids"] == ["wamid.out.1"]
    assert house.graph.sent[0]["text"]["body"] == "It is in stock."
    conversation = (await house.get(f"/conversations/{shown['id']}")).body
    assert conversation["waiting_since"] is None
    assert conversation["last_message"]["id"] == message["id"]


@pytest.mark.parametrize("path", ["/messages/send", "//messages/send"])
async def test_the_briefs_request_by_phone_starts_a_conversation_or_finds_it(house: House, path: str) -> None:
    shown = await house.conversation()
    found = await house.post(path, {"customer_phone": "+15550001111", "text_content": "Hello!"})
    assert (found.status, found.body["conversation_id"]) == (201, shown["id"])
    by_id = await house.post(path, {"conversation_id": shown["id"], "text_content": "Hello!"})
    assert (by_id.status, by_id.body["message"]["conversation_id"]) == (201, shown["id"])
    identity = (await house.get(f"/contacts/{shown['contact']['id']}/identities")).body["data"][0]
    for to in (
        {"contact_id": shown["contact"]["id"]},
        {"identity_id": identity["id"]},
        {"channel": "whatsapp", "kind": "phone", "value": "+15550001111"},
    ):
        answer = await house.post(path, {"to": to, "text_content": "Hello!"})
        assert (answer.status, answer.body["conversation_id"]) == (201, shown["id"]), answer.body


async def test_a_closed_conversation_refuses_by_id_and_a_recipient_gets_a_new_one(house: House) -> None:
    shown = await house.conversation()
    await house.post(f"/conversations/{shown['id']}/close")
    refused = await send(house, shown)
    assert (refused.status, refused.code) == (409, "conversation_closed")
    answer = await house.post("/messages/send", {"customer_phone": "+15550001111", "text_content": "One more"})
    assert answer.status == 201
    made = (await house.get(f"/conversations/{answer.body['conversation_id']}")).body
    assert made["previous_conversation_id"] == shown["id"]


WRONG_MESSAGES: list[tuple[Any, str]] = [
    ({"conversation_id": "x"}, "/text_content"),
    ({"text_content": "x"}, "/conversation_id"),
    ({"conversation_id": "x", "text_content": ""}, "/text_content"),
    ({"conversation_id": "x", "text_content": "x", "content": {"type": "text", "text": "x"}}, "/text_content"),
    ({"conversation_id": "x", "customer_phone": "+15550001111", "text_content": "x"}, "/customer_phone"),
    ({"conversation_id": "x", "account_id": "a", "text_content": "x"}, "/account_id"),
    ({"customer_phone": "15550001111", "text_content": "x"}, "/customer_phone"),
    ({"customer_phone": "+1555000111122223", "text_content": "x"}, "/customer_phone"),
    ({"customer_phone": "+15550001111", "account_id": "acc_none", "text_content": "x"}, "/account_id"),
    ({"to": {"contact_id": "a", "value": "b"}, "text_content": "x"}, "/to"),
    ({"conversation_id": "x", "content": {"type": "poll"}}, "/content/type"),
    ({"conversation_id": "x", "content": {"type": "text"}}, "/content/text"),
    ({"conversation_id": "x", "content": {"type": "text", "text": 7}}, "/content/text"),
    (
        {
            "conversation_id": "x",
            "content": {"type": "interactive", "kind": "buttons", "buttons": [{"id": "a"}, {"title": 1}]},
        },
        "/content/buttons/1/title",
    ),
    ({"conversation_id": "x", "text_content": "x", "priority": "high"}, "/priority"),
    ({"conversation_id": "x", "text_content": "x", "expected_last_seq": "3"}, "/expected_last_seq"),
]


async def test_what_is_wrong_with_a_message_is_named(house: House) -> None:
    for body, pointer in WRONG_MESSAGES:
        answer = await house.post("/messages/send", body)
        assert (answer.status, answer.code) == (422, "invalid"), answer.body
        assert pointer in answer.pointers, answer.body


async def test_what_the_channel_cannot_carry_is_refused_before_it_is_queued(house: House) -> None:
    shown = await house.conversation()
    unread = {"content": {"type": "system_notice", "notice": "x"}}
    refused = await house.post(f"/conversations/{shown['id']}/messages", unread)
    assert (refused.status, refused.code) == (422, "capability_unsupported")
    missing = {"content": {"type": "image", "media": {"id": "med_none"}}}
    refused = await house.post(f"/conversations/{shown['id']}/messages", missing)
    assert (refused.status, refused.pointers) == (422, ["/content/media/id"])
    quoted = {"text_content": "x", "reply_to": "msg_none"}
    refused = await house.post(f"/conversations/{shown['id']}/messages", quoted)
    assert (refused.status, refused.pointers) == (422, ["/reply_to"])
    house.clock.shift += timedelta(hours=25)
    refused = await send(house, shown)
    assert (refused.status, refused.code) == (409, "window_closed")
    assert refused.body["hint"]
    assert (await house.gateway.store.find(Query(OUTBOX))).items == []


async def test_every_refusal_of_sending_has_its_status(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}/messages"
    says = {"text_content": "x"}
    assert (await house.post(path, says, who="")).status == 401
    assert (await house.post(path, says, who="reader")).status == 403
    assert (await house.post("/conversations/cnv_none/messages", says)).status == 404
    assert (await house.post("/messages/send", {**says, "conversation_id": "cnv_none"})).status == 404
    moved = await house.post(path, {**says, "expected_last_seq": 0})
    assert (moved.status, moved.code, len(moved.body["missed"])) == (409, "conversation_moved", 1)
    lost = await house.post(path, {**says, "control_token": "old"})
    assert (lost.status, lost.code) == (409, "control_lost")
    await house.post(f"/contacts/{shown['contact']['id']}/block")
    for way in ({"conversation_id": shown["id"]}, {"customer_phone": "+15550001111"}):
        blocked = await house.post("/messages/send", {**says, **way})
        assert (blocked.status, blocked.code) == (409, "contact_blocked")
    await house.post(f"/contacts/{shown['contact']['id']}/unblock")
    assert (await house.post(path, says)).status == 201


async def test_a_hundred_sends_with_one_key_send_once(house: House) -> None:
    shown = await house.conversation()
    answers = await asyncio.gather(*(send(house, shown, "Once", Idempotency_Key="send-1") for _ in range(100)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["message"]["id"] for answer in answers}) == 1
    assert [a.response.headers.get("Idempotency-Replayed") for a in answers].count("true") == 99
    await house.state_of(answers[0].body["message"]["id"], "accepted")
    assert len(house.graph.sent) == 1
    assert (await house.told()).count("message.queued") == 1
    other = await send(house, shown, "Twice", Idempotency_Key="send-1")
    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_concurrent_sends_by_phone_share_one_new_conversation(house: House) -> None:
    await house.say("Hi", sender="15550009999")
    first = (await house.get("/conversations")).body["data"][0]
    await house.post(f"/conversations/{first['id']}/close")
    body = {"customer_phone": "+15550009999", "text_content": "x"}
    answers = await asyncio.gather(*(house.post("/messages/send", body) for _ in range(20)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["conversation_id"] for answer in answers}) == 1
    seqs = sorted(answer.body["message"]["seq"] for answer in answers)
    assert seqs == list(range(seqs[0], seqs[0] + 20))


async def test_who_waits_gets_the_providers_own_answer_and_a_repetition_gets_it_too(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}/messages?wait=accepted"
    answers = [await house.post(path, {"text_content": "x"}, Idempotency_Key="w1") for _ in range(2)]
    for answer in answers:
        assert answer.status == 201, answer.body
        assert answer.body["whatsapp_response"]["messages"] == [{"id": "wamid.out.1"}]
        assert answer.body["channel_response"] == answer.body["whatsapp_response"]
        assert answer.body["message"]["delivery"]["state"] == "accepted"
    assert answers[1].response.headers["Idempotency-Replayed"] == "true"
    assert len(house.graph.sent) == 1
    assert (await house.post(path.replace("accepted", "read"), {"text_content": "x"})).pointers == ["?wait"]


async def test_who_waits_for_a_message_that_fails_is_told_so_in_the_message(house: House) -> None:
    house.graph.refuses = UNDELIVERABLE
    shown = await house.conversation()
    answer = await house.post(f"/conversations/{shown['id']}/messages?wait=accepted", {"text_content": "x"})
    assert (answer.status, answer.body["channel_response"]) == (201, None)
    assert answer.body["message"]["delivery"]["state"] == "failed"
    assert answer.body["message"]["delivery"]["error"]["provider"]["code"] == "131026"


async def test_a_failed_message_can_be_sent_again_and_only_such_a_one(house: House) -> None:
    house.graph.refuses = UNDELIVERABLE
    shown = await house.conversation()
    id = (await send(house, shown)).body["message"]["id"]
    failed = await house.state_of(id, "failed")
    house.graph.refuses = None
    wrong = await house.post(f"/messages/{id}/retry", If_Match='"999"')
    assert (wrong.status, wrong.code) == (412, "version_conflict")
    again = await house.post(f"/messages/{id}/retry", If_Match=f'"{failed["version"]}"')
    assert (again.status, again.body["delivery"]["state"]) == (200, "queued")
    await house.state_of(id, "accepted")
    refused = await house.post(f"/messages/{id}/retry")
    assert (refused.status, refused.code) == (409, "not_retryable")
    assert (await house.post("/messages/msg_none/retry")).status == 404
    assert (await house.post(f"/messages/{id}/retry", {"x": 1})).status == 422


async def test_what_waits_can_be_taken_back_and_what_left_cannot(house: House) -> None:
    house.graph.held = asyncio.Event()
    shown = await house.conversation()
    leaving = (await send(house, shown, "First")).body["message"]["id"]
    await house.graph.reached.wait()
    waiting = (await send(house, shown, "Second")).body["message"]["id"]
    taken = await house.post(f"/messages/{waiting}/cancel")
    assert (taken.status, taken.body["delivery"]["state"]) == (200, "cancelled")
    refused = await house.post(f"/messages/{leaving}/cancel")
    assert (refused.status, refused.code) == (409, "not_cancellable")
    house.graph.held.set()
    await house.state_of(leaving, "accepted")
    assert [each["text"]["body"] for each in house.graph.sent] == ["First"]
    assert (await house.post("/messages/msg_none/cancel")).status == 404
    assert (await house.post(f"/messages/{waiting}/cancel", who="reader")).status == 403


async def test_a_reaction_is_set_replaced_and_removed(house: House) -> None:
    message = await house.say("Look!")
    path = f"/messages/{message['id']}/reaction"
    first = await house.ask("PUT", path, {"emoji": "👍"})
    assert (first.status, [each["emoji"] for each in first.body["reactions"]]) == (200, ["👍"])
    second = await house.ask("PUT", path, {"emoji": "❤️"})
    assert [each["emoji"] for each in second.body["reactions"]] == ["❤️"]
    removed = await house.ask("DELETE", path, If_Match=second.etag)
    assert (removed.status, removed.body["reactions"]) == (200, [])
    assert (await house.ask("PUT", path, {"emoji": "👍"}, If_Match='"1"')).status == 412
    assert (await house.ask("PUT", path, {})).pointers == ["/emoji"]
    assert (await house.ask("PUT", "/messages/msg_none/reaction", {"emoji": "👍"})).status == 404
    assert (await house.ask("DELETE", path, who="reader")).status == 403
    told = await house.told()
    assert (told.count("message.reaction_added"), told.count("message.reaction_removed")) == (2, 1)


async def test_an_option_that_the_channel_does_not_know_is_named(house: House) -> None:
    shown = await house.conversation()
    refused = await house.post(
        f"/conversations/{shown['id']}/messages", {"text_content": "Hello", "options": {"mood": "fair"}}
    )
    assert (refused.status, refused.body["code"]) == (422, "capability_unsupported")
    assert refused.pointers == ["/options/mood"]
    asked = {"conversation_id": shown["id"], "text_content": "Hello", "options": {"mood": "fair"}}
    assert (await house.post("/messages/preview", asked)).body["problem"]["code"] == "capability_unsupported"
    assert (await house.post("/messages/preview", {**asked, "options": {"mood": 7}})).pointers == [
        "/options/mood/value"
    ]


async def test_a_preview_shows_the_parts_or_the_problem_and_sends_nothing(house: House) -> None:
    shown = await house.conversation()
    asked = {"conversation_id": shown["id"], "text_content": "Hello"}
    fine = await house.post("/messages/preview", asked)
    assert fine.status == 200, fine.body
    assert fine.body["parts"] == [{"type": "text", "text": "Hello"}]
    assert (fine.body["problem"], fine.body["channel"]) == (None, "whatsapp")
    house.clock.shift += timedelta(hours=25)
    late = await house.post("/messages/preview", asked)
    assert (late.body["problem"]["code"], late.body["parts"]) == ("window_closed", [])
    assert (await house.post("/messages/preview", {**asked, "conversation_id": "x"})).status == 404
    assert (await house.post("/messages/preview", {"text_content": "x"})).pointers == ["/conversation_id"]
    assert house.graph.sent == []


async def test_a_message_shows_its_receipts_its_revisions_and_what_it_came_in(house: House) -> None:
    message = await house.say("Original words")
    path = f"/messages/{message['id']}"
    shown = await house.get(path)
    assert shown.body == message
    assert (await house.get(path, If_None_Match=shown.etag)).status == 304
    assert (await house.get(f"{path}/receipts")).body == {"data": [], "page": {"next": None, "has_more": False}}
    assert (await house.get(f"{path}/revisions")).body["data"] == []
    raw = await house.get(f"{path}/raw")
    assert raw.status == 200, raw.body
    assert raw.body["channel"] == "whatsapp"
    assert raw.body["body"]["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"] == "Original words"
    stored = await house.gateway.store.get(MESSAGES, message["id"])
    assert stored is not None
    assert raw.body["event_id"] == stored.raw_event_id
    assert json.dumps(raw.body)
    for part in ("", "/receipts", "/revisions", "/raw"):
        assert (await house.get(f"/messages/msg_none{part}")).status == 404
    assert (await house.get(f"{path}/raw", who="reader")).status == 403
    sent = (await send(house, {"id": message["conversation_id"]})).body["message"]["id"]
    assert (await house.get(f"/messages/{sent}/raw")).status == 404


@pytest.mark.parametrize(("who", "origin", "type_"), [("ann", "agent", "agent"), ("key", "api", "api")])
async def test_a_message_says_who_sent_it(house: House, who: str, origin: str, type_: str) -> None:
    shown = await house.conversation()
    message = (await send(house, shown, who=who)).body["message"]
    assert (message["origin"], message["author"]["type"], message["author"]["id"]) == (origin, type_, who)


async def test_a_client_reference_and_a_quote_come_back(house: House) -> None:
    first = await house.say("Question?")
    body = {"text_content": "Answer", "client_ref": "crm-77", "reply_to": first["id"]}
    answer = await house.post(f"/conversations/{first['conversation_id']}/messages", body)
    assert answer.body["message"]["client_ref"] == "crm-77"
    assert answer.body["message"]["reply_to"]["message_id"] == first["id"]
    await house.state_of(answer.body["message"]["id"], "accepted")
    assert house.graph.sent[0]["context"] == {"message_id": first["external_ids"][0]}


async def test_an_account_that_lost_its_token_refuses_with_what_to_do(house: House) -> None:
    house.graph.refuses = TOKEN_EXPIRED
    shown = await house.conversation()
    await send(house, shown)
    await house.event(lambda event: event["type"] == "channel.reauth_required")
    refused = await send(house, shown)
    assert (refused.status, refused.code) == (409, "channel_reauth_required")
    assert shown["account_id"] in refused.body["hint"]


async def test_a_preview_for_a_contact_says_it_of_each_channel(house: House) -> None:
    shown = await house.conversation()
    path = f"/contacts/{shown['contact']['id']}/preview"
    (line,) = (await house.post(path, {"text_content": "Hi!"})).body["data"]
    assert (line["channel"], line["account_id"], line["problem"]) == ("whatsapp", shown["account_id"], None)
    assert (line["conversation_id"], line["parts"]) == (shown["id"], [{"type": "text", "text": "Hi!"}])
    (line,) = (await house.post(path, {"text_content": "x" * 5000})).body["data"]
    assert (line["parts"], line["problem"]["code"]) == ([], "capability_unsupported")
    await house.post(f"/contacts/{shown['contact']['id']}/block")
    (line,) = (await house.post(path, {"text_content": "Hi!"})).body["data"]
    assert line["problem"]["code"] == "contact_blocked"
    assert (await house.post("/contacts/ctc_none/preview", {"text_content": "Hi!"})).status == 404
    wrong = await house.post(path, {"text_content": "Hi!", "reply_to": "msg_1"})
    assert (wrong.status, wrong.pointers) == (422, ["/reply_to"])


async def test_a_preview_knows_who_speaks_and_to_whom(house: House) -> None:
    shown = await house.conversation()
    path, asked = f"/conversations/{shown['id']}", {"conversation_id": shown["id"], "text_content": "Beep"}

    async def codes(**who: str) -> tuple[str, str]:
        """What the preview names, and the send."""
        seen = (await house.post("/messages/preview", asked, **who)).body
        sent = await house.post(f"{path}/messages", {"text_content": "Beep"}, **who)
        return seen["problem"]["code"], sent.code

    await house.post(f"{path}/control/take", who="ann")
    assert await codes(who="bot") == ("control_lost", "control_lost")
    await house.post(f"/contacts/{shown['contact']['id']}/block")
    assert await codes(who="ann") == ("contact_blocked", "contact_blocked")
    await house.post(f"{path}/close", {"reason": "solved"})
    assert await codes(who="ann") == ("conversation_closed", "conversation_closed")
    assert house.graph.sent == []
