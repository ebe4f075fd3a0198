"""Everything that happened with a contact, on all threads, by time."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

from patchbay.web.contact_timeline import _KEY, MAX_SEQ
from tests.core.web.resources.conftest import House

OTHER = "15550002222"


async def merged(house: House, rounds: int = 4) -> tuple[str, list[str]]:
    """A person who wrote on two lines in turn, merged by an agent; the contact, and the texts in order."""
    said: list[str] = []
    for number in range(rounds):
        for sender in (None, OTHER):
            text = f"{number} {'first' if sender is None else 'second'}"
            said.append(text)
            house.clock.shift += timedelta(seconds=1)
            await (house.say(text) if sender is None else house.say(text, sender=sender, name="M. Voss"))
    found = (await house.get("/contacts?limit=50")).body["data"]
    source, target = (each["id"] for each in sorted(found, key=lambda each: len(each["display_name"])))
    answer = await house.post(f"/contacts/{source}/merge", {"target_contact_id": target})
    assert answer.status == 200, answer.body
    return target, said


async def pages(house: House, path: str) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    following = path
    while following:
        answer = await house.get(following)
        assert answer.status == 200, answer.body
        items += answer.body["data"]
        cursor = answer.body["page"]["next"]
        assert (cursor is None) == ("Link" not in answer.response.headers)
        following = f"{path}&cursor={cursor}" if cursor else ""
    return items


async def test_both_lines_are_one_timeline_newest_first_whatever_the_page(house: House) -> None:
    contact, said = await merged(house)
    for limit in (1, 3, 200):
        items = await pages(house, f"/contacts/{contact}/timeline?limit={limit}")
        texts = [item["message"]["text_content"] for item in items if item["type"] == "message"]
        assert texts == said[::-1]
        assert len({item["thread_id"] for item in items}) == 2
        assert {item["channel"] for item in items} == {"whatsapp"}
        for thread in {item["thread_id"] for item in items}:
            seqs = [item["seq"] for item in items if item["thread_id"] == thread]
            assert seqs == sorted(seqs, reverse=True)


async def test_what_comes_while_pages_are_read_moves_nothing(house: House) -> None:
    contact, said = await merged(house)
    first = await house.get(f"/contacts/{contact}/timeline?limit=3")
    await house.say("Meanwhile")
    path = f"/contacts/{contact}/timeline?limit=3&cursor={first.body['page']['next']}"
    following = await house.get(path)
    texts = [item["message"]["text_content"] for item in (*first.body["data"], *following.body["data"])]
    assert texts == said[::-1][:6]


async def test_a_merged_contacts_timeline_is_that_of_the_one_it_was_merged_into(house: House) -> None:
    contact, said = await merged(house, rounds=1)
    every = (await house.get("/contacts?limit=50&status=merged")).body["data"]
    assert len(every) == 1
    items = (await house.get(f"/contacts/{every[0]['id']}/timeline")).body["data"]
    assert [item["message"]["text_content"] for item in items if item["type"] == "message"] == said[::-1]
    assert items == (await house.get(f"/contacts/{contact}/timeline")).body["data"]


async def test_what_is_asked_wrongly_is_named(house: House) -> None:
    contact, _ = await merged(house, rounds=1)
    assert (await house.get("/contacts/ctc_none/timeline")).status == 404
    far = [urlsafe_b64encode(json.dumps({"a": place}).encode()).decode() for place in (2**63, 10**30, -1, 1.5)]
    for cursor in ("nonsense", "eyJhIjoieCJ9", "%20", *far):
        refused = await house.get(f"/contacts/{contact}/timeline?cursor={cursor}")
        assert (refused.status, refused.pointers) == (422, ["?cursor"])
    every = (await house.get(f"/contacts/{contact}/timeline")).body["data"]
    thread = every[0]["thread_id"][-_KEY:]
    last = urlsafe_b64encode(json.dumps({thread: MAX_SEQ}).encode()).decode().rstrip("=")
    assert (await house.get(f"/contacts/{contact}/timeline?cursor={last}")).body["data"] == every
    assert (await house.get(f"/contacts/{contact}/timeline", who="stranger")).status in (401, 403)
