"""``POST /messages/send`` in every form, and what becomes of a message that the provider likes less."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.fake_graph import ACCESS_TOKEN
from tests.e2e.outside import API, Outside, outside, pointers, problem

SEND = "/messages/send"
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("sending") / "data") as found:
        yield found


async def becomes(client: Outside, message_id: str, *states: str) -> Any:
    """The message, once its delivery is in one of these states."""
    async with asyncio.timeout(8):
        while True:
            message = await client.got(f"/messages/{message_id}")
            if message["delivery"]["state"] in states:
                return message
            await asyncio.sleep(0.03)


def refusal(code: int, message: str = "no") -> tuple[int, dict[str, Any]]:
    return 400, {"code": code, "message": message, "type": "OAuthException"}


async def test_every_way_to_name_the_recipient_ends_in_the_same_conversation(client: Outside) -> None:
    phone, conversation = await client.met()
    contact = conversation["contact"]["id"]
    identity = (await client.got(f"/contacts/{contact}/identities"))["data"][0]["id"]
    count = len(client.graph.sent)
    ways: list[dict[str, Any]] = [
        {"conversation_id": conversation["id"]},
        {"customer_phone": f"+{phone}"},
        {"customer_phone": f"+{phone}", "account_id": conversation["account_id"]},
        {"to": {"contact_id": contact}},
        {"to": {"identity_id": identity}},
        {"to": {"channel": "whatsapp", "kind": "phone", "value": f"+{phone}"}},
    ]
    for number, way in enumerate(ways):
        answer = await client.done("POST", SEND, {**way, "text_content": f"way {number}"}, wait="accepted")
        assert answer["conversation_id"] == conversation["id"], way
        assert answer["whatsapp_response"]["messages"][0]["id"] == answer["message"]["external_ids"][0]
        assert answer["channel_response"] == answer["whatsapp_response"]
    sent = client.graph.sent[count:]
    assert [(each["to"], each["text"]["body"]) for each in sent] == [
        (f"+{phone}", f"way {number}") for number in range(len(ways))
    ]


async def test_the_brief_s_root_path_and_the_conversation_s_own_path_send_too(client: Outside) -> None:
    _, conversation = await client.met()
    body = {"conversation_id": conversation["id"], "text_content": "by the root"}
    status, answer = await client.gateway.post("/messages/send", body)
    assert (status, answer["whatsapp_response"]) == (201, None)
    assert answer["message"]["delivery"]["state"] in {"queued", "sending", "accepted"}
    path = f"/conversations/{conversation['id']}/messages"
    own = await client.ask("POST", path, {"content": {"type": "text", "text": "by its path"}, "client_ref": "r-1"})
    assert own.status == 201
    assert own.json()["message"]["client_ref"] == "r-1"
    assert own.headers["Location"] == f"{API}/messages/{own.json()['message']['id']}"
    named = await client.ask("POST", path, {"text_content": "x", "customer_phone": "+15550001111"})
    assert pointers(problem(named, 422, "invalid")) == {"/customer_phone"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text_content": "x"}, "/conversation_id"),
        ({"conversation_id": "c", "customer_phone": "+15550001111", "text_content": "x"}, "/customer_phone"),
        ({"customer_phone": "0123", "text_content": "x"}, "/customer_phone"),
        ({"to": {}, "text_content": "x"}, "/to"),
        ({"to": {"contact_id": "a", "identity_id": "b"}, "text_content": "x"}, "/to"),
        ({"customer_phone": "+15550001111"}, "/text_content"),
        ({"customer_phone": "+15550001111", "text_content": ""}, "/text_content"),
        ({"customer_phone": "+15550001111", "text_content": 5}, "/text_content"),
        ({"customer_phone": "+15550001111", "account_id": "none", "text_content": "x"}, "/account_id"),
        ({"customer_phone": "+15550001111", "content": {"type": "hologram"}}, "/content/type"),
        ({"customer_phone": "+15550001111", "text_content": "x", "client_ref": "r" * 999}, "/client_ref"),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(client: Outside, body: dict[str, Any], pointer: str) -> None:
    document = problem(await client.ask("POST", SEND, body), 422, "invalid")
    assert pointer in pointers(document)


async def test_what_the_channel_cannot_carry_is_refused_before_it_leaves_and_says_what_could(client: Outside) -> None:
    _, conversation = await client.met()
    count = len(client.graph.calls)
    buttons = [{"id": str(n), "title": f"Button {n}"} for n in range(4)]
    for content, pointer in (
        ({"type": "interactive", "kind": "buttons", "body": "Well?", "buttons": buttons}, "/content/buttons"),
        ({"type": "text", "text": "x" * 4097}, "/content/text"),
        ({"type": "location", "latitude": 91.0, "longitude": 0.0}, "/content/latitude"),
        ({"type": "order", "catalog_id": "1", "items": []}, "/content"),
    ):
        body = {"conversation_id": conversation["id"], "content": content}
        document = problem(await client.ask("POST", SEND, body), 422, "capability_unsupported")
        assert pointer in pointers(document)
        assert document["hint"]
        assert document["retryable"] is False
    assert len(client.graph.calls) == count


async def test_a_file_at_an_address_is_fetched_by_the_provider(client: Outside) -> None:
    _, conversation = await client.met()
    url = "https://files.example.org/kettle.jpg"
    content = {"type": "image", "media": {"url": url}, "caption": "The kettle"}
    body = {"conversation_id": conversation["id"], "content": content}
    preview = await client.done("POST", "/messages/preview", body)
    assert (preview["problem"], preview["parts"][0]["media"]["url"]) == (None, url)
    answer = await client.done("POST", SEND, body, wait="accepted")
    assert client.graph.sent[-1]["image"] == {"link": url, "caption": "The kettle"}
    shown = await client.got(f"/messages/{answer['message']['id']}")
    assert (shown["content"]["media"]["url"], shown["content"]["media"]["state"]) == (url, "remote")


@pytest.mark.parametrize(
    ("media", "pointer"),
    [
        ({}, "/content/media/id"),
        ({"url": "http://files.example.org/a.jpg"}, "/content/media/url"),
        ({"url": "https://user:secret@files.example.org/a.jpg"}, "/content/media/url"),
        ({"url": "https:///a.jpg"}, "/content/media/url"),
        ({"url": "https://[::1/a.jpg"}, "/content/media/url"),
        ({"url": f"https://files.example.org/{'a' * 2000}"}, "/content/media/url"),
        ({"id": "med_1", "url": "https://files.example.org/a.jpg"}, "/content/media/url"),
    ],
    ids=["nothing", "http", "a user", "no host", "no address", "too long", "both"],
)
async def test_an_address_is_public_and_whole(client: Outside, media: dict[str, str], pointer: str) -> None:
    _, conversation = await client.met()
    body = {"conversation_id": conversation["id"], "content": {"type": "image", "media": media}}
    assert pointers(problem(await client.ask("POST", SEND, body), 422, "invalid")) == {pointer}


async def test_a_message_in_the_providers_own_form_goes_as_it_is_and_to_nobody_else(client: Outside) -> None:
    phone, conversation = await client.met()
    payload = {"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "x"}}
    body = {"conversation_id": conversation["id"], "content": {"type": "native", "payload": payload, "text": "x"}}
    answer = await client.done("POST", SEND, body, wait="accepted")
    assert answer["message"]["text_content"] == "x"
    sent = client.graph.sent[-1]
    assert (sent["to"], sent["type"], sent["reaction"]) == (f"+{phone}", "reaction", payload["reaction"])
    body["content"]["payload"] = {**payload, "to": "+15550009999"}
    document = problem(await client.ask("POST", SEND, body), 422, "capability_unsupported")
    assert pointers(document) == {"/content/payload/to"}


async def test_outside_the_window_only_a_template_may_go(client: Outside) -> None:
    stranger = f"+{client.phone()}"
    reply = await client.ask("POST", SEND, {"customer_phone": stranger, "text_content": "Hello"})
    assert "template" in problem(reply, 409, "window_closed")["hint"]
    template = {"type": "template", "name": "order_update", "language": "en", "variables": {"1": "Mara"}}
    answer = await client.done("POST", SEND, {"customer_phone": stranger, "content": template}, wait="accepted")
    assert answer["message"]["delivery"]["state"] == "accepted"
    assert client.graph.sent[-1]["template"]["name"] == "order_update"


async def test_a_quote_goes_along_and_must_be_of_the_same_thread(client: Outside) -> None:
    phone, conversation = await client.met()
    (message,) = await client.messages(conversation["id"])
    body = {"conversation_id": conversation["id"], "text_content": "Yes", "reply_to": message["id"]}
    answer = await client.done("POST", SEND, body, wait="accepted")
    assert answer["message"]["reply_to"]["message_id"] == message["id"]
    assert client.graph.sent[-1]["context"] == {"message_id": message["external_ids"][0]}
    _, other = await client.met()
    (foreign,) = await client.messages(other["id"])
    refused = await client.ask("POST", SEND, {**body, "reply_to": foreign["id"]})
    assert pointers(problem(refused, 422, "invalid")) == {"/reply_to"}
    assert phone


async def test_statuses_in_any_order_end_at_the_highest_and_are_all_kept(client: Outside) -> None:
    _, conversation = await client.met()
    body = {"conversation_id": conversation["id"], "text_content": "Read me"}
    answer = await client.done("POST", SEND, body, wait="accepted")
    id, wamid = answer["message"]["id"], answer["message"]["external_ids"][0]
    for status in ("read", "sent", "delivered", "delivered"):
        await client.reports(wamid, status)
    await client.reports(wamid, "failed", errors=[{"code": 131026, "title": "Undeliverable"}])
    delivery = (await client.got(f"/messages/{id}"))["delivery"]
    assert delivery["state"] == "read"
    assert None not in (delivery["accepted_at"], delivery["delivered_at"], delivery["read_at"])
    receipts = (await client.got(f"/messages/{id}/receipts"))["data"]
    assert {each["state"] for each in receipts} >= {"sent", "delivered", "read"}


async def test_a_message_that_the_provider_refuses_fails_with_its_reason_and_can_be_tried_again(
    client: Outside,
) -> None:
    _, conversation = await client.met()
    client.graph.refusals.append(refusal(131026, "Message undeliverable"))
    body = {"conversation_id": conversation["id"], "text_content": "Try"}
    answer = await client.done("POST", SEND, body, wait="accepted")
    error = answer["message"]["delivery"]["error"]
    assert answer["message"]["delivery"]["state"] == "failed"
    assert (error["code"], error["provider"]["code"], error["retryable"]) == ("recipient_unreachable", "131026", False)
    id = answer["message"]["id"]
    await client.done("POST", f"/messages/{id}/retry")
    message = await becomes(client, id, "accepted")
    assert message["delivery"]["error"] is None
    problem(await client.ask("POST", f"/messages/{id}/retry"), 409, "not_retryable")
    problem(await client.ask("POST", f"/messages/{id}/cancel"), 409, "not_cancellable")


async def test_what_waits_behind_another_message_can_be_cancelled_and_then_never_leaves(client: Outside) -> None:
    _, conversation = await client.met()
    client.graph.open.clear()
    try:
        first, second = [
            await client.done("POST", SEND, {"conversation_id": conversation["id"], "text_content": text})
            for text in ("it leaves", "it stays")
        ]
        await client.graph.sees_text("it leaves")
        await becomes(client, first["message"]["id"], "sending")
        cancelled = await client.done("POST", f"/messages/{second['message']['id']}/cancel")
        assert cancelled["delivery"]["state"] == "cancelled"
        problem(await client.ask("POST", f"/messages/{first['message']['id']}/cancel"), 409, "not_cancellable")
    finally:
        client.graph.open.set()
    await becomes(client, first["message"]["id"], "accepted")
    await client.done("POST", SEND, {"conversation_id": conversation["id"], "text_content": "after"}, wait="accepted")
    assert "it stays" not in {each.get("text", {}).get("body") for each in client.graph.sent}


async def test_a_revoked_token_pauses_the_account_and_a_new_one_lets_the_message_go(client: Outside) -> None:
    _, conversation = await client.met()
    channel = f"/channels/{conversation['account_id']}"
    body = {"conversation_id": conversation["id"], "text_content": "Patient"}
    client.graph.tokens = {"graph-access-token-2"}
    try:
        answer = await client.done("POST", SEND, body, wait="accepted")
        assert answer["message"]["delivery"]["state"] == "queued"
        assert answer["message"]["delivery"]["error"]["provider"]["code"] == "190"
        assert (await client.got(channel))["status"] == "reauth_required"
        refused = problem(await client.ask("POST", SEND, body), 409, "channel_reauth_required")
        assert "reauthorize" in refused["hint"]
        wrong = await client.ask("POST", f"{channel}/reauthorize", {"credentials": {"token": "x"}})
        assert pointers(problem(wrong, 422, "invalid")) == {"/credentials/token"}
        new = {"credentials": {"access_token": "graph-access-token-2"}}
        restored = await client.ask("POST", f"{channel}/reauthorize", new)
        assert restored.json()["status"] == "active"
        assert b"graph-access-token" not in restored.body
        await becomes(client, answer["message"]["id"], "accepted")
    finally:
        client.graph.tokens = {ACCESS_TOKEN, "graph-access-token-2"}


async def test_reactions_go_out_and_are_taken_back(client: Outside) -> None:
    _, conversation = await client.met()
    (message,) = await client.messages(conversation["id"])
    path = f"/messages/{message['id']}/reaction"
    for method, body, emoji in (("PUT", {"emoji": "👍"}, "👍"), ("DELETE", None, "")):
        shown = await client.done(method, path, body)
        assert [each["emoji"] for each in shown["reactions"]] == ([emoji] if emoji else [])
        async with asyncio.timeout(5):
            wanted = {"message_id": message["external_ids"][0], "emoji": emoji}
            while [each.get("reaction") for each in client.graph.sent[-1:]] != [wanted]:
                await asyncio.sleep(0.03)


async def test_a_preview_sends_nothing_and_the_raw_webhook_is_kept(client: Outside) -> None:
    _, conversation = await client.met()
    count = len(client.graph.calls)
    preview = {"conversation_id": conversation["id"], "text_content": "x" * 5000}
    shown = await client.done("POST", "/messages/preview", preview)
    assert shown["problem"]["code"] == "capability_unsupported"
    assert (await client.done("POST", "/messages/preview", {**preview, "text_content": "x"}))["problem"] is None
    assert len(client.graph.calls) == count
    (message,) = await client.messages(conversation["id"])
    raw = await client.got(f"/messages/{message['id']}/raw")
    value = raw["body"]["entry"][0]["changes"][0]["value"]
    assert value["messages"][0]["id"] == message["external_ids"][0]


async def test_several_accounts_are_asked_to_be_told_apart(client: Outside) -> None:
    account = {
        "channel": "whatsapp",
        "name": "Second",
        "external_id": "401000000000077",
        "parent_external_id": "301000000000001",
        "credentials": {"access_token": ACCESS_TOKEN},
        "settings": {},
    }
    created = await client.done("POST", "/channels", account)
    assert created["callback_path"] == "/webhooks/whatsapp"
    assert "credentials" not in created
    template = {"type": "template", "name": "order_update", "language": "en"}
    body = {"customer_phone": f"+{client.phone()}", "content": template}
    assert pointers(problem(await client.ask("POST", SEND, body), 422, "invalid")) == {"/account_id"}
    answer = await client.done("POST", SEND, {**body, "account_id": created["id"]})
    assert answer["message"]["account_id"] == created["id"]
