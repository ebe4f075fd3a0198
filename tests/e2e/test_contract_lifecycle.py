"""What agents do with conversations, contacts, notes and tags."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.outside import API, Outside, outside, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("lifecycle") / "data") as found:
        yield found


async def timeline(client: Outside, path: str) -> list[Any]:
    return await client.gateway.every(f"{API}{path}/timeline")


async def test_every_action_does_what_it_says_and_leaves_its_line(client: Outside) -> None:
    _, conversation = await client.met()
    path = f"/conversations/{conversation['id']}"
    steps: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = [
        ("claim", None, {"assignee_id": "admin"}),
        ("release", None, {"assignee_id": None}),
        ("assign", {"assignee_id": "usr_1"}, {"assignee_id": "usr_1"}),
        ("transfer", {"department_id": "dep_1", "reason": "skills"}, {"department_id": "dep_1", "assignee_id": None}),
        ("snooze", {"until": "2999-01-01T00:00:00+01:00"}, {"snoozed_until": "2998-12-31T23:00:00.000Z"}),
        ("unsnooze", None, {"status": "open", "snoozed_until": None}),
        ("control/take", None, {"controller": {"type": "agent", "id": "admin"}}),
        ("control/release", None, {"controller": {"type": "none", "id": None}}),
        ("read", None, {"unread_count": 0}),
        ("unread", None, {"unread_count": 1}),
        ("close", {"reason": "done", "note": "bye"}, {"status": "closed", "close_reason": "done"}),
        ("reopen", None, {"status": "open", "closed_at": None}),
    ]
    for action, body, expected in steps:
        shown = await client.done("POST", f"{path}/{action}", body)
        assert {key: shown[key] for key in expected} == expected, action
    items = await timeline(client, path)
    assert [item["seq"] for item in items] == sorted({item["seq"] for item in items})
    verbs = [item["activity"]["verb"] for item in items if item["type"] == "activity"]
    assert {"assigned", "transferred", "snoozed", "closed", "reopened"} <= set(verbs)


async def test_an_action_says_what_was_missed_when_the_person_spoke_meanwhile(client: Outside) -> None:
    phone, conversation = await client.met()
    await client.writes(phone, "wait, one more thing")
    path = f"/conversations/{conversation['id']}/close"
    reply = await client.ask("POST", path, {"expected_last_seq": conversation["last_seq"]})
    document = problem(reply, 409, "conversation_moved")
    assert [each["text_content"] for each in document["missed"]] == ["wait, one more thing"]
    shown = await client.done("POST", path, {"expected_last_seq": document["last_seq"]})
    assert shown["status"] == "closed"


async def test_a_closed_conversation_takes_nothing_more_and_the_next_message_starts_another(client: Outside) -> None:
    phone, conversation = await client.met()
    path = f"/conversations/{conversation['id']}"
    await client.done("POST", f"{path}/close", {})
    for action, body in (("claim", None), ("assign", {"assignee_id": "u"}), ("messages", {"text_content": "x"})):
        problem(await client.ask("POST", f"{path}/{action}", body), 409, "conversation_closed")
    await client.writes(phone, "I am back")
    another = await client.conversation(phone)
    assert another["id"] != conversation["id"]
    assert another["previous_conversation_id"] == conversation["id"]
    assert another["contact"]["id"] == conversation["contact"]["id"]
    problem(await client.ask("POST", f"{path}/reopen"), 409, "conflict")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("assign", {}),
        ("transfer", {}),
        ("snooze", {}),
        ("snooze", {"until": "2001-01-01T00:00:00Z"}),
        ("snooze", {"until": "tomorrow"}),
        ("close", {"because": "x"}),
        ("read", {"seq": -1}),
    ],
)
async def test_an_action_with_the_wrong_body_names_the_field(
    client: Outside, action: str, body: dict[str, Any]
) -> None:
    _, conversation = await client.met()
    reply = await client.ask("POST", f"/conversations/{conversation['id']}/{action}", body)
    assert problem(reply, 422, "invalid")["errors"]


async def test_tags_are_put_and_taken_and_found_by(client: Outside) -> None:
    _, conversation = await client.met()
    tag = await client.done("POST", "/tags", {"name": "VIP"})
    path = f"/conversations/{conversation['id']}/tags/{tag['id']}"
    assert (await client.done("PUT", path))["tags"] == [tag["id"]]
    assert (await client.done("PUT", path))["tags"] == [tag["id"]]
    found = await client.got("/conversations", tag=tag["id"])
    assert [each["id"] for each in found["data"]] == [conversation["id"]]
    assert (await client.done("DELETE", path))["tags"] == []


async def test_a_note_is_kept_changed_and_removed_and_never_leaves(client: Outside) -> None:
    _, conversation = await client.met()
    path = f"/conversations/{conversation['id']}/notes"
    note = await client.done("POST", path, {"text": "between us"})
    changed = await client.ask("PATCH", f"{path}/{note['id']}", {"text": "still"}, headers={"If-Match": '"1"'})
    assert (changed.json()["text"], changed.headers["ETag"]) == ("still", '"2"')
    late = await client.ask("PATCH", f"{path}/{note['id']}", {"text": "late"}, headers={"If-Match": '"1"'})
    problem(late, 412, "version_conflict")
    items = await timeline(client, f"/conversations/{conversation['id']}")
    assert [item["note"]["text"] for item in items if item["type"] == "note"] == ["still"]
    _, other = await client.met()
    problem(await client.ask("GET", f"/conversations/{other['id']}/notes/{note['id']}"), 404, "not_found")
    assert (await client.ask("DELETE", f"{path}/{note['id']}")).status == 204
    problem(await client.ask("GET", f"{path}/{note['id']}"), 404, "not_found")
    assert client.graph.sent == []


async def test_contacts_are_merged_and_the_merge_is_undone(client: Outside) -> None:
    _, one = await client.met()
    _, other = await client.met()
    source, target = one["contact"]["id"], other["contact"]["id"]
    merged = await client.done("POST", f"/contacts/{source}/merge", {"target_contact_id": target})
    assert (merged["status"], merged["merged_into_id"]) == ("merged", target)
    assert (await client.got(f"/conversations/{one['id']}"))["contact"]["id"] == target
    assert len((await client.got(f"/contacts/{target}/identities"))["data"]) == 2
    problem(await client.ask("POST", f"/contacts/{target}/merge", {"target_contact_id": source}), 409, "conflict")
    undone = await client.done("POST", f"/contacts/{source}/unmerge")
    assert (undone["status"], undone["merged_into_id"]) == ("active", None)
    assert (await client.got(f"/conversations/{one['id']}"))["contact"]["id"] == source
    assert (await client.got(f"/conversations/{other['id']}"))["contact"]["id"] == target


async def test_a_blocked_contact_is_sent_nothing(client: Outside) -> None:
    _, conversation = await client.met()
    contact = f"/contacts/{conversation['contact']['id']}"
    assert (await client.done("POST", f"{contact}/block"))["status"] == "blocked"
    body = {"conversation_id": conversation["id"], "text_content": "x"}
    problem(await client.ask("POST", "/messages/send", body), 409, "contact_blocked")
    assert (await client.done("POST", f"{contact}/unblock"))["status"] == "active"
    assert (await client.ask("POST", "/messages/send", body)).status == 201
