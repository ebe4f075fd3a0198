"""Notes and tags over HTTP."""

from __future__ import annotations

import asyncio

import pytest

from tests.core.web.resources.conftest import House


async def places(house: House) -> tuple[str, str]:
    shown = await house.conversation()
    return f"/conversations/{shown['id']}/notes", f"/contacts/{shown['contact']['id']}/notes"


@pytest.mark.parametrize("place", [0, 1], ids=["conversation", "contact"])
async def test_a_note_is_written_shown_changed_and_deleted(house: House, place: int) -> None:
    path = (await places(house))[place]
    made = await house.post(path, {"text": "Ask Ben", "mentions": ["ben"]}, who="ann")
    assert made.status == 201, made.body
    one = f"{path}/{made.body['id']}"
    assert made.response.headers["Location"] == f"/api/v1{one}"
    assert (made.body["author"]["id"], made.body["mentions"]) == ("ann", ["ben"])
    shown = await house.get(one)
    assert shown.body == made.body
    assert (await house.get(one, If_None_Match=shown.etag)).status == 304
    assert [each["id"] for each in (await house.get(path)).body["data"]] == [made.body["id"]]
    changed = await house.ask("PATCH", one, {"text": "Ask Cleo"}, who="ann", If_Match='"1"')
    assert (changed.status, changed.body["text"], changed.etag) == (200, "Ask Cleo", '"2"')
    assert (await house.ask("PATCH", one, {"text": "x"}, who="ann", If_Match='"1"')).status == 412
    assert (await house.ask("PATCH", one, {"text": ""}, who="ann")).pointers == ["/text"]
    refused = await house.ask("PATCH", one, {"text": "x"}, who="modest")
    assert (refused.status, refused.body["permission"]) == (403, "notes.moderate")
    assert (await house.ask("DELETE", one, who="modest")).status == 403
    assert (await house.ask("PATCH", one, {"text": "moderated"}, who="ben")).status == 200
    assert (await house.ask("DELETE", one, who="ann", If_Match='"2"')).status == 412
    assert (await house.ask("DELETE", one, who="ann", If_Match='"3"')).status == 204
    assert (await house.get(one)).status == 404
    assert (await house.ask("DELETE", one)).status == 404
    assert (await house.get(path)).body["data"] == []
    told = await house.told()
    assert [told.count(f"note.{what}") for what in ("created", "updated", "deleted")] == [1, 2, 1]
    assert house.graph.sent == []


async def test_notes_are_where_they_were_written_and_nowhere_else(house: House) -> None:
    on_conversation, on_contact = await places(house)
    note = (await house.post(on_conversation, {"text": "x"})).body["id"]
    assert (await house.get(f"{on_contact}/{note}")).status == 404
    assert (await house.ask("PATCH", f"{on_contact}/{note}", {"text": "y"})).status == 404
    for path in ("/conversations/cnv_none/notes", "/contacts/ctc_none/notes"):
        assert (await house.get(path)).status == 404
        assert (await house.post(path, {"text": "x"})).status == 404
    assert (await house.post(on_contact, {})).pointers == ["/text"]
    assert (await house.post(on_contact, {"text": "x"}, who="reader")).status == 403
    assert (await house.get(on_contact, who="")).status == 401


async def test_a_hundred_notes_with_one_key_are_one(house: House) -> None:
    path, _ = await places(house)
    answers = await asyncio.gather(*(house.post(path, {"text": "x"}, Idempotency_Key="n-1") for _ in range(100)))
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len((await house.get(path)).body["data"]) == 1


async def test_concurrent_notes_take_one_place_each(house: House) -> None:
    path, _ = await places(house)
    answers = await asyncio.gather(*(house.post(path, {"text": str(n)}) for n in range(25)))
    assert sorted(answer.body["seq"] for answer in answers) == list(range(2, 27))


async def test_a_note_holds_a_file_that_was_uploaded(house: House) -> None:
    path, _ = await places(house)
    refused = await house.post(path, {"text": "x", "attachments": ["med_none"]})
    assert (refused.status, refused.pointers) == (422, ["/attachments/0"])


async def test_a_tag_is_offered_changed_listed_and_withdrawn(house: House) -> None:
    made = await house.post("/tags", {"name": "Großkunde", "color": "#aa00ff"})
    assert (made.status, made.body["id"]) == (201, "grosskunde")
    await house.post("/tags", {"name": "Angry"})
    assert [each["id"] for each in (await house.get("/tags")).body["data"]] == ["angry", "grosskunde"]
    one = "/tags/grosskunde"
    assert (await house.get(one)).body == made.body
    changed = await house.ask("PATCH", one, {"description": "Buys a lot"}, If_Match='"1"')
    assert (changed.status, changed.etag) == (200, '"2"')
    assert (await house.ask("PATCH", one, {"name": "x"}, If_Match='"1"')).status == 412
    assert (await house.ask("DELETE", one, If_Match='"1"')).status == 412
    assert (await house.ask("DELETE", one, If_Match='"2"')).status == 204
    assert (await house.get(one)).status == 404
    assert (await house.ask("PATCH", one, {})).status == 404


async def test_what_is_wrong_with_a_tag_is_named(house: House) -> None:
    assert (await house.post("/tags", {"name": "!!!"})).pointers == ["/name"]
    assert (await house.post("/tags", {"name": "x", "color": "red"})).pointers == ["/color"]
    await house.post("/tags", {"name": "VIP"})
    twice = await house.post("/tags", {"name": "vip"})
    assert (twice.status, twice.code, twice.body["id"]) == (409, "already_exists", "vip")
    assert (await house.post("/tags", {"name": "x"}, who="reader")).status == 403
    assert (await house.get("/tags", who="")).status == 401


async def test_a_tag_with_a_name_beyond_ascii_can_be_put_on(house: House) -> None:
    shown = await house.conversation()
    assert (await house.post("/tags", {"name": "订单"})).body["id"] == "订单"
    put = await house.ask("PUT", f"/conversations/{shown['id']}/tags/订单")
    assert put.body["tags"] == ["订单"]
    assert len((await house.get("/conversations?tag=订单")).body["data"]) == 1
