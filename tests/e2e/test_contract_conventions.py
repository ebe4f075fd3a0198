"""The Conventions of the public contract, one promise after the other, against a gateway process."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.e2e.outside import API, Outside, outside, pointers, problem
from tests.faults.process import TOKEN

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CONVERSATION: dict[str, type] = {
    **dict.fromkeys(("id", "channel", "account_id", "status", "priority", "last_activity_at"), str),
    **dict.fromkeys(("created_at", "updated_at"), str),
    **dict.fromkeys(("number", "unread_count", "version"), int),
    **dict.fromkeys(("contact", "window", "last_message"), dict),
    **dict.fromkeys(("assignee_id", "department_id", "first_response_at", "snoozed_until"), type(None)),
    **dict.fromkeys(("closed_at", "close_reason", "previous_conversation_id"), type(None)),
    "tags": list,
    "waiting_since": str,
}
MESSAGE: dict[str, type] = {
    **dict.fromkeys(("id", "conversation_id", "thread_id", "direction", "origin", "text_content"), str),
    **dict.fromkeys(("occurred_at", "recorded_at"), str),
    **dict.fromkeys(("seq", "version"), int),
    **dict.fromkeys(("author", "content", "delivery"), dict),
    **dict.fromkeys(("reply_to", "referral", "deleted"), type(None)),
    **dict.fromkeys(("reactions", "external_ids"), list),
    "edited": bool,
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("conventions") / "data") as found:
        yield found


def has_shape(document: dict[str, Any], shape: dict[str, type]) -> None:
    wrong = {key: document.get(key, "absent") for key, kind in shape.items() if type(document.get(key, "")) is not kind}
    assert wrong == {}


def times(value: Any) -> list[str]:
    """Every value below a key that names a time."""
    if isinstance(value, list):
        return [each for item in value for each in times(item)]
    if not isinstance(value, dict):
        return []
    own = [each for key, each in value.items() if key.endswith(("_at", "_since", "_until")) and each is not None]
    return own + [each for item in value.values() for each in times(item)]


async def test_a_conversation_and_a_message_have_every_member_of_the_contract(client: Outside) -> None:
    _, conversation = await client.met()
    has_shape(conversation, CONVERSATION)
    assert conversation["window"]["kind"] == "service"
    assert conversation["last_message"].keys() >= {"id", "direction", "preview", "occurred_at"}
    (message,) = await client.messages(conversation["id"])
    has_shape(message, MESSAGE)
    assert message["delivery"].keys() >= {"state", "accepted_at", "sent_at", "delivered_at", "read_at", "error"}
    assert message["author"].keys() >= {"type", "id", "name"}
    found = times([conversation, message])
    assert len(found) > 8
    assert [each for each in found if not TIME.fullmatch(each)] == []


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}])
async def test_without_a_good_token_nothing_is_shown(client: Outside, headers: dict[str, str]) -> None:
    reply = await client.unsigned(f"{API}/conversations", headers=headers)
    problem(reply, 401, "unauthenticated")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_key_is_taken_from_its_own_header_and_never_from_the_url(client: Outside) -> None:
    assert (await client.unsigned(f"{API}/conversations", headers={"X-API-Key": TOKEN})).status == 200
    for name in ("token", "access_token", "api_key"):
        reply = await client.unsigned(f"{API}/conversations", **{name: TOKEN})
        problem(reply, 401, "unauthenticated")


async def test_paths_that_are_not_there_and_things_that_are_not_there_are_404(client: Outside) -> None:
    problem(await client.ask("GET", "/nothing/here"), 404, "not_found")
    problem(await client.unsigned("/webhooks/smoke-signals"), 404, "not_found")
    document = problem(await client.ask("GET", "/conversations/a b%2Fc"), 404, "not_found")
    assert urlsplit(document["instance"]).path == document["instance"]
    assert " " not in document["instance"]
    problem(await client.ask("GET", "/contacts/none"), 404, "not_found")
    unknown = await client.ask("POST", "/messages/send", {"to": {"identity_id": "none"}, "text_content": "x"})
    assert problem(unknown, 404, "not_found")["detail"] == "There is no identity 'none'."


async def test_another_method_is_405_and_says_which_are_taken(client: Outside) -> None:
    reply = await client.ask("PUT", "/conversations", {})
    problem(reply, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(reply.headers["Allow"].split(","))


@pytest.mark.parametrize("body", [b'{"name":', b'{"name":"\xff"}', b'{"name":NaN}', b'{"name":"\\ud800"}'])
async def test_what_is_no_json_is_400(client: Outside, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    reply = await client.gateway.ask("POST", f"{API}/tags", data=body, headers=headers)
    problem(reply, 400, "unreadable")


async def test_another_content_type_is_415_and_too_large_a_body_413(client: Outside) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        reply = await client.gateway.ask("POST", f"{API}/tags", data=b"{}", headers={"Content-Type": kind})
        problem(reply, 415, "unsupported_media_type")
    large = io.BytesIO(json.dumps({"name": "x" * 2_000_000}).encode())
    reply = await client.gateway.ask("POST", f"{API}/tags", data=large, headers={"Content-Type": "application/json"})
    problem(reply, 413, "too_large")


async def test_unknown_fields_are_refused_by_name_in_bodies_and_queries(client: Outside) -> None:
    document = problem(await client.ask("POST", "/tags", {"name": "a", "colour": "red"}), 422, "invalid")
    assert pointers(document) == {"/colour"}
    content = {"type": "image", "media": {"id": "m", "colour": "red"}, "size": 1}
    body = {"conversation_id": "c", "content": content}
    document = problem(await client.ask("POST", "/messages/send", body), 422, "invalid")
    assert document["errors"][0]["code"] == "unknown_field"
    assert pointers(document) <= {"/content/media/colour", "/content/size"}
    document = problem(await client.ask("GET", "/conversations", colour="red"), 422, "invalid")
    assert pointers(document) == {"?colour"}


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", ""])
async def test_a_limit_is_from_1_to_200(client: Outside, limit: str) -> None:
    assert pointers(problem(await client.ask("GET", "/conversations", limit=limit), 422, "invalid")) == {"?limit"}


async def test_a_creating_post_with_a_key_is_answered_once_and_replayed(client: Outside) -> None:
    headers = {"Idempotency-Key": "contract-1"}
    first = await client.ask("POST", "/tags", {"name": "once"}, headers=headers)
    again = await client.ask("POST", "/tags", {"name": "once"}, headers=headers)
    other = await client.ask("POST", "/tags", {"name": "twice"}, headers=headers)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    problem(other, 422, "idempotency_mismatch")


async def test_a_repetition_never_sends_twice_even_while_the_first_waits_for_the_provider(client: Outside) -> None:
    _, conversation = await client.met()
    body = {"conversation_id": conversation["id"], "text_content": "slow"}
    headers = {"Idempotency-Key": "contract-2"}
    client.graph.open.clear()
    try:
        first = asyncio.create_task(client.ask("POST", "/messages/send", body, headers=headers, wait="accepted"))
        await client.graph.sees_text("slow")
        again = await client.ask("POST", "/messages/send", body, headers=headers)
    finally:
        client.graph.open.set()
    answered = await first
    assert answered.status == 201
    if again.status == 409:
        problem(again, 409, "idempotency_in_progress")
        assert int(again.headers["Retry-After"]) >= 1
    else:
        assert again.json()["message"]["id"] == answered.json()["message"]["id"]
    assert sum(each.get("text", {}).get("body") == "slow" for each in client.graph.sent) == 1


async def test_versions_are_etags_and_guard_changes(client: Outside) -> None:
    _, conversation = await client.met()
    path = f"/conversations/{conversation['id']}"
    reply = await client.ask("GET", path)
    assert reply.headers["ETag"] == f'"{conversation["version"]}"'
    same = await client.ask("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    changed = await client.ask("PATCH", path, {"priority": "high"}, headers={"If-Match": reply.headers["ETag"]})
    assert (changed.status, changed.json()["priority"]) == (200, "high")
    for method, where, body in (("PATCH", path, {"priority": "low"}), ("POST", f"{path}/close", {})):
        late = await client.ask(method, where, body, headers={"If-Match": reply.headers["ETag"]})
        document = problem(late, 412, "version_conflict")
        assert document["current_version"] == changed.json()["version"]
        assert late.headers["ETag"] == changed.headers["ETag"]


async def test_every_kind_of_resource_has_its_version_as_etag(client: Outside) -> None:
    _, conversation = await client.met()
    tag = await client.done("POST", "/tags", {"name": "etag"})
    for path in (
        f"/messages/{conversation['last_message']['id']}",
        f"/contacts/{conversation['contact']['id']}",
        f"/channels/{conversation['account_id']}",
        f"/tags/{tag['id']}",
    ):
        reply = await client.ask("GET", path)
        assert reply.headers["ETag"] == f'"{reply.json()["version"]}"', path
        again = await client.ask("GET", path, headers={"If-None-Match": reply.headers["ETag"]})
        assert again.status == 304, path


async def test_pages_follow_each_other_and_stay_as_they_were_when_something_is_added(client: Outside) -> None:
    known = {each["id"] for each in [(await client.met())[1] for _ in range(5)]}
    before = {each["id"] for each in await client.gateway.every(f"{API}/conversations")}
    assert known <= before
    first = await client.ask("GET", "/conversations", limit="2", sort="-last_activity_at")
    page = first.json()
    assert (len(page["data"]), page["page"]["has_more"]) == (2, True)
    await client.met()
    found = [each["id"] for each in page["data"]]
    link = re.fullmatch(r'<([^>]+)>; rel="next"', first.headers["Link"])
    assert link is not None
    following = (await client.gateway.ask("GET", link[1])).json()
    named = await client.got("/conversations", limit="2", sort="-last_activity_at", cursor=page["page"]["next"])
    assert named["data"] == following["data"]
    while True:
        found += [each["id"] for each in following["data"]]
        if following["page"]["next"] is None:
            break
        following = await client.got(
            "/conversations", limit="2", sort="-last_activity_at", cursor=following["page"]["next"]
        )
    assert len(found) == len(set(found))
    assert set(found) == before


async def test_a_cursor_of_another_list_is_refused(client: Outside) -> None:
    document = problem(await client.ask("GET", "/conversations", cursor="nonsense"), 422, "invalid")
    assert pointers(document) == {"?cursor"}


async def test_filters_find_and_leave_out(client: Outside) -> None:
    phone, conversation = await client.met()
    await client.writes(phone, "a zanzibar kettle")
    id = conversation["id"]
    for query, expected in (
        ({"status": "open,pending"}, True),
        ({"status": "closed"}, False),
        ({"channel": "whatsapp"}, True),
        ({"channel": "instagram"}, False),
        ({"department": "none-such"}, False),
        ({"tag": "none-such"}, False),
        ({"assignee": "me"}, False),
        ({"updated_after": "2020-01-01T00:00:00Z"}, True),
        ({"updated_after": "2999-01-01T00:00:00.000Z"}, False),
        ({"q": "zanzibar"}, True),
        ({"q": "timbuktu"}, False),
    ):
        data = (await client.got("/conversations", limit="200", **query))["data"]
        assert (id in {each["id"] for each in data}) is expected, query
    for query in ({"status": "asleep"}, {"sort": "colour"}, {"updated_after": "yesterday"}):
        problem(await client.ask("GET", "/conversations", **query), 422, "invalid")


async def test_a_request_id_comes_back_and_rates_are_told(client: Outside) -> None:
    reply = await client.ask("GET", "/conversations/none", headers={"X-Request-Id": "from-the-client"})
    assert problem(reply, 404, "not_found")["request_id"] == "from-the-client"
    odd = await client.ask("GET", "/tags", headers={"X-Request-Id": "<script>"})
    assert re.fullmatch(r"[\w.-]{8,}", odd.headers["X-Request-Id"])
    assert {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= set(odd.headers)


async def test_a_problem_may_carry_more_than_the_schema_names(client: Outside) -> None:
    schemas = (await client.got("/openapi.json"))["components"]["schemas"]
    assert schemas["Problem"].get("additionalProperties", True) is not False
