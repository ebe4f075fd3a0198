"""Contacts and identities over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.core.web.resources.conftest import House


async def test_a_contact_is_made_shown_changed_and_deleted(house: House) -> None:
    made = await house.post("/contacts", {"display_name": "Cleo", "attributes": {"plan": "gold"}})
    assert (made.status, made.etag) == (201, '"1"'), made.body
    path = f"/contacts/{made.body['id']}"
    assert made.response.headers["Location"] == f"/api/v1{path}"
    shown = await house.get(path)
    assert shown.body == made.body
    assert (await house.get(path, If_None_Match=shown.etag)).status == 304
    body = {"locale": "pt-PT", "attributes": {"plan": None, "city": "Porto"}, "consent": {"marketing": "stop"}}
    changed = await house.ask("PATCH", path, body, If_Match='"1"')
    assert (changed.status, changed.body["attributes"]) == (200, {"city": "Porto"})
    assert (await house.ask("PATCH", path, {"locale": "de"}, If_Match='"1"')).status == 412
    assert (await house.ask("DELETE", path, If_Match='"1"')).status == 412
    gone = await house.ask("DELETE", path, If_Match='"2"')
    assert (gone.status, gone.body) == (204, b"")
    assert (await house.get(path)).status == 404
    assert (await house.ask("DELETE", path)).status == 404


WRONG_CONTACTS: list[tuple[Any, str]] = [
    ({"display_name": 7}, "/display_name"),
    ({"tags": ["nope"]}, "/tags/0"),
    ({"consent": {"marketing": "maybe"}}, "/consent/marketing/value"),
    ({"status": "blocked"}, "/status"),
    ({"attributes": {"$x": 1}}, "/attributes/$x/key"),
]


async def test_what_is_wrong_with_a_contact_is_named(house: House) -> None:
    for body, pointer in WRONG_CONTACTS:
        answer = await house.post("/contacts", body)
        assert (answer.status, answer.pointers) == (422, [pointer]), answer.body


async def test_a_hundred_contacts_with_one_key_are_one(house: House) -> None:
    body = {"display_name": "Cleo"}
    answers = await asyncio.gather(*(house.post("/contacts", body, Idempotency_Key="c-1") for _ in range(100)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len((await house.get("/contacts")).body["data"]) == 1


async def test_contacts_are_found_by_name_number_tag_and_status(house: House) -> None:
    mara = (await house.conversation())["contact"]["id"]
    cleo = (await house.post("/contacts", {"display_name": "Cleo Ng"})).body["id"]
    await house.post("/tags", {"name": "VIP"})
    await house.ask("PATCH", f"/contacts/{cleo}", {"tags": ["vip"]})

    async def found(query: str) -> list[str]:
        answer = await house.get(f"/contacts?{query}")
        assert answer.status == 200, answer.body
        return [each["id"] for each in answer.body["data"]]

    assert await found("sort=display_name") == [cleo, mara]
    assert await found("q=ng") == [cleo]
    assert await found("q=%2B15550001111") == [mara]
    assert await found("tag=vip") == [cleo]
    assert await found("status=blocked") == []
    await house.post(f"/contacts/{cleo}/block")
    assert await found("status=blocked") == [cleo]
    await house.post(f"/contacts/{cleo}/merge", {"target_contact_id": mara})
    assert await found("") == [mara]
    assert await found("status=merged") == [cleo]
    assert (await house.get("/contacts?status=gone")).pointers == ["?status.0"]


async def test_identities_are_listed_and_added(house: House) -> None:
    shown = await house.conversation()
    contact, account = shown["contact"]["id"], shown["account_id"]
    path = f"/contacts/{contact}/identities"
    listed = (await house.get(path)).body["data"]
    assert [(each["kind"], each["value"], each["proof"]) for each in listed] == [("phone", "+15550001111", "platform")]
    made = await house.post(path, {"kind": "phone", "value": "+1 555 000 3333", "channel": "whatsapp"})
    assert (made.status, made.body["value"], made.body["proof"]) == (201, "+15550003333", "agent")
    external = await house.post(path, {"kind": "external", "value": "x-1", "account_id": account})
    assert (external.status, external.body["scope"]) == (201, account)
    again = await house.post(path, {"kind": "phone", "value": "+15550003333", "channel": "whatsapp"})
    assert (again.status, again.code, again.body["contact_id"]) == (409, "already_exists", contact)
    wrong = await house.post(path, {"kind": "phone", "value": "333", "channel": "whatsapp"})
    assert (wrong.status, wrong.pointers) == (422, ["/value"])
    assert (await house.get("/contacts/ctc_none/identities")).status == 404
    assert (await house.post("/contacts/ctc_none/identities", {"kind": "email", "value": "a@b.c"})).status == 404
    assert len((await house.get(path)).body["data"]) == 3


async def test_a_merge_moves_conversations_and_unmerge_brings_them_back(house: House) -> None:
    mara = await house.conversation()
    ben = await house.conversation(sender="15550002222", name="Ben Ott")
    source, target = mara["contact"]["id"], ben["contact"]["id"]
    merged = await house.post(f"/contacts/{source}/merge", {"target_contact_id": target}, If_Match='"1"')
    assert merged.status == 200, merged.body
    assert (merged.body["status"], merged.body["merged_into_id"]) == ("merged", target)
    assert (await house.get(f"/contacts/{source}")).body["merged_into_id"] == target
    moved = (await house.get(f"/conversations/{mara['id']}")).body
    assert moved["contact"] == {"id": target, "display_name": "Ben Ott"}
    assert len((await house.get(f"/conversations?contact={target}")).body["data"]) == 2
    assert (await house.say("Me again"))["author"]["id"] == target
    ring = await house.post(f"/contacts/{target}/merge", {"target_contact_id": source})
    assert (ring.status, ring.code) == (409, "conflict")
    late = await house.post(f"/contacts/{source}/unmerge", If_Match='"1"')
    assert late.status == 412
    back = await house.post(f"/contacts/{source}/unmerge", If_Match=merged.etag)
    assert (back.status, back.body["status"], back.body["merged_into_id"]) == (200, "active", None)
    assert (await house.get(f"/conversations/{mara['id']}")).body["contact"]["id"] == source
    assert (await house.post(f"/contacts/{source}/unmerge")).code == "conflict"
    told = await house.told()
    assert (told.count("contact.merged"), told.count("contact.unmerged")) == (1, 1)


@pytest.mark.parametrize("action", ["merge", "unmerge", "block", "unblock"])
async def test_actions_on_contacts_answer_every_status(house: House, action: str) -> None:
    id = (await house.conversation())["contact"]["id"]
    other = (await house.post("/contacts", {})).body["id"]
    body = {"target_contact_id": other} if action == "merge" else None
    path = f"/contacts/{id}/{action}"
    assert (await house.post(path, body, who="")).status == 401
    assert (await house.post(path, body, who="reader")).status == 403
    assert (await house.post(f"/contacts/ctc_none/{action}", body)).status == 404
    assert (await house.post(path, {"colour": "red"})).status == 422
    assert (await house.post(path, body, If_Match='"77"')).status == 412
    done = await house.post(path, body)
    assert done.status == (409 if action == "unmerge" else 200)
    if action == "merge":
        assert (await house.post(path, {"target_contact_id": id})).pointers == ["/target_contact_id"]
        assert (await house.post(f"/contacts/{id}/block")).body["merged_into_id"] == other


async def test_who_has_a_history_cannot_be_deleted(house: House) -> None:
    id = (await house.conversation())["contact"]["id"]
    refused = await house.ask("DELETE", f"/contacts/{id}")
    assert (refused.status, refused.code) == (409, "conflict")
    assert refused.body["hint"]
