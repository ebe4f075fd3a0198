"""E16: what an answer shows by another permission than its own keeps to the rows of that other one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.plugins.rbac.world import Client
from tests.security.matrix_world import Row, Town, town

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("two")) as made:
        yield made


async def items(client: Client, row: Row) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in (f"/conversations/{row.conversation_id}/timeline", f"/contacts/{row.contact_id}/timeline"):
        found += (await client.done("GET", path))["data"]
    return found


async def test_a_timeline_shows_the_notes_of_the_rows_that_notes_may_be_read_of(place: Town) -> None:
    grants: dict[str, Any] = {"messages.read": "all", "conversations.read": "all", "notes.read": "own"}
    reader = await place.world.holder(grants, departments=[place.own.id])
    others, own = await place.row(place.own), await place.row(place.own, reader.id)
    shown = {each["type"] for each in await items(reader, others)}
    assert "message" in shown
    assert "note" not in shown
    assert "note" in {each["type"] for each in await items(reader, own)}


async def test_the_notes_of_others_are_changed_in_the_rows_that_are_moderated(place: Town) -> None:
    grants: dict[str, Any] = {"notes.read": "department", "notes.write": "department", "notes.moderate": "own"}
    moderator = await place.world.holder(grants, departments=[place.own.id])
    others, own = await place.row(place.own), await place.row(place.own, moderator.id)
    for row, status in ((others, 403), (own, 200)):
        path = f"/conversations/{row.conversation_id}/notes/{row.conversation_note}"
        assert (await moderator.ask("PATCH", path, {"text": "changed"})).status == status
    path = f"/conversations/{others.conversation_id}/notes/{others.conversation_note}"
    assert (await moderator.ask("DELETE", path)).status == 403
    mine = await moderator.done("POST", f"/conversations/{others.conversation_id}/notes", {"text": "mine"})
    await moderator.done("PATCH", f"/conversations/{others.conversation_id}/notes/{mine['id']}", {"text": "still mine"})


async def test_an_answer_from_before_is_not_given_again_to_who_may_not_any_more(place: Town) -> None:
    role = await place.world.role({"notes.write": "department"})
    writer = await place.world.member(role.id, departments=[place.own.id])
    path = f"/conversations/{(await place.row(place.own)).conversation_id}/notes"
    key = {"Idempotency-Key": "once"}
    first = await writer.ask("POST", path, {"text": "once"}, headers=key)
    again = await writer.ask("POST", path, {"text": "once"}, headers=key)
    assert (first.status, again.status, again.body) == (201, 201, first.body)
    await place.root.done("PATCH", f"/users/{writer.id}", {"role_ids": []})
    refused = await writer.ask("POST", path, {"text": "once"}, headers=key)
    assert (refused.status, refused.code) == (403, "forbidden")


async def test_what_a_merge_tells_does_not_name_the_conversations_of_others(place: Town) -> None:
    here, there = await place.row(place.own), await place.row(place.other)
    reader = await place.world.member("agent", departments=[place.own.id])
    await place.root.done("POST", f"/contacts/{there.contact_id}/merge", {"target_contact_id": here.contact_id})
    told = [str(each) for each in await reader.events()]
    assert any(here.contact_id in each for each in told)
    assert not [each for each in told if there.conversation_id in each]
