"""E36: erasing covers media, the search index, the raw journal, exports. Canaries stand wherever a person can leave
something; after the erasure no file below the data folder holds one of them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from patchbay.collections import MEDIA, MESSAGES
from patchbay.model.ids import identity_id
from patchbay.ports import Query, RawQuery, Where
from tests.core.privacy.conftest import clock, gateway, graph, house
from tests.core.privacy.house import ended, erased, exported, found_in, once
from tests.core.web.resources.conftest import MARA, House

__all__ = ["clock", "gateway", "graph", "house"]
BEN = "15550002222"
TREES = ("alder", "beech", "cedar", "elder", "fir", "ginkgo", "hazel", "juniper", "larch", "maple", "oak", "pine")
WORDS = [f"canary{name}{number}" for number, name in enumerate(TREES, 100)]
PLACES = 11  # where she leaves one


async def tell_everything(house: House, tmp_path: Path) -> dict[str, Any]:
    """Mara leaves canaries in every place there is, and Ben is told of none of them."""
    canary = iter(WORDS)
    first = await house.say(f"Hello {next(canary)}", name=f"Mara {next(canary)}")
    conversation, contact = first["conversation_id"], first["author"]["id"]
    for _ in range(30):  # pages split, and what moved lies where it was
        await house.say(f"{WORDS[0]} " * 40)
    await house.say("Good day", sender=BEN, name="Ben Ashby")
    await house.post(f"/conversations/{conversation}/messages", {"text_content": f"Answer {next(canary)}"})
    await house.post(f"/conversations/{conversation}/notes", {"text": f"Note {next(canary)}"})
    await house.post(f"/contacts/{contact}/notes", {"text": f"Note {next(canary)}"}, Idempotency_Key="once")
    await house.ask("PATCH", f"/conversations/{conversation}", {"subject": f"About {next(canary)}"})
    await house.ask("PATCH", f"/contacts/{contact}", {"attributes": {"city": next(canary)}})
    await house.post(f"/conversations/{conversation}/transfer", {"assignee_id": "ann", "note": f"Why {next(canary)}"})
    stored = await house.gateway.media.upload(
        once(f"a letter {next(canary)}".encode() * 99), f"{next(canary)}.txt", None
    )
    sent = {"content": {"type": "document", "media": {"id": stored.id}, "caption": next(canary)}}
    answer = await house.post(f"/conversations/{conversation}/messages", sent, Idempotency_Key="letter")
    await house.state_of(answer.body["message"]["id"], "accepted")
    await exported(house, contact)
    await house.get(f"/conversations?q={WORDS[0]}")  # what waits for the index is in it then
    await house.gateway.store.scrub()
    everything = found_in(tmp_path, WORDS)
    assert {name for names in everything.values() for name in names} == set(WORDS[:PLACES]), everything
    return {"contact": contact, "conversation": conversation, "media": stored.id, "message": first["id"]}


async def test_no_file_holds_anything_of_somebody_who_was_erased(house: House, tmp_path: Path) -> None:
    """E36: 0 canaries in the database, its write-ahead log, the media and the exports."""
    known = await tell_everything(house, tmp_path)
    job = await erased(house, known["contact"])
    assert job["result"]["messages"] >= 33
    assert job["result"]["webhooks"] >= 31
    assert job["result"]["files"] == 1
    assert job["result"]["exports"] == 1
    assert found_in(tmp_path, [*WORDS, MARA, "Mara"]) == {}


async def test_the_index_knows_no_word_of_theirs(house: House, tmp_path: Path) -> None:
    """E36: the index keeps words in a form that a search of bytes may miss, so it is asked itself."""
    known = await tell_everything(house, tmp_path)
    await erased(house, known["contact"])
    await house.gateway.close()
    connection = sqlite3.connect(tmp_path / "patchbay.db")
    for name in ("messages", "contacts", "identities", "conversations"):
        connection.execute(f"CREATE VIRTUAL TABLE temp.v_{name} USING fts5vocab('main', 't_{name}', 'row')")
        words = [word for (word,) in connection.execute(f"SELECT term FROM temp.v_{name}")]
        assert not [word for word in words if word.startswith("canary") or word == MARA], name
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


async def test_the_skeleton_stays_and_says_that_something_was_erased(house: House, tmp_path: Path) -> None:
    """E36: ids, places, times and directions stay; whoever looks is told, not misled."""
    known = await tell_everything(house, tmp_path)
    before = (await house.get(f"/messages/{known['message']}")).body
    await erased(house, known["contact"])
    after = (await house.get(f"/messages/{known['message']}")).body
    for name in ("id", "seq", "thread_id", "conversation_id", "direction", "occurred_at", "recorded_at"):
        assert after[name] == before[name]
    assert after["content"]["type"] == "unsupported"
    assert after["content"]["provider_type"] == "erased"
    assert after["text_content"] == ""
    assert after["author"]["name"] is None
    conversation = (await house.get(f"/conversations/{known['conversation']}")).body
    assert (conversation["status"], conversation["subject"]) == ("closed", None)
    contact = (await house.get(f"/contacts/{known['contact']}")).body
    assert (contact["status"], contact["display_name"], contact["attributes"]) == ("erased", "", {})
    media = await house.gateway.store.get(MEDIA, known["media"])
    assert media is not None
    assert (media.state, media.sha256, media.filename) == ("purged", None, None)


async def test_others_keep_everything(house: House, tmp_path: Path) -> None:
    """E36: what is Ben's stays, his raw webhooks with it."""
    known = await tell_everything(house, tmp_path)
    await erased(house, known["contact"])
    page = await house.gateway.store.find(Query(MESSAGES, (Where("direction", "eq", "inbound"),), limit=200))
    assert [message.text for message in page.items if message.text] == ["Good day"]
    bodies = [raw.body for raw in (await house.gateway.store.raws(RawQuery(limit=200))).items]
    assert sum(b"Good day" in body for body in bodies) == 1
    assert bodies.count(b'{"erased":true}') >= 31


async def test_positions_of_the_log_stay_dense_for_who_reads_on(house: House, tmp_path: Path) -> None:
    """E36: readers that were behind find each position, and nothing in those that spoke of her."""
    known = await tell_everything(house, tmp_path)
    before = await house.gateway.store.head()
    await erased(house, known["contact"])
    events = await house.gateway.store.read(0, 5000)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert len(events) > before
    assert events[-1].type in ("contact.erased", "job.finished")
    shown: list[dict[str, Any]] = []
    while page := (await pulled(house, len(shown)))["data"]:
        shown += page
    assert [each["type"] for each in shown] == [event.type for event in events]
    assert not [word for word in WORDS if word in json.dumps(shown)]


async def test_who_writes_again_is_somebody_new(house: House, tmp_path: Path) -> None:
    """E36: nothing of before is found by the number; what is written now has a thread of its own."""
    known = await tell_everything(house, tmp_path)
    await erased(house, known["contact"])
    after = await house.gateway.store.head()
    await house.deliver("It is me", name="Mara V")
    event = await house.event(lambda event: event["type"] == "message.received", after=after)
    again = event["data"]
    assert again["author"]["id"] != known["contact"]
    assert again["conversation_id"] != known["conversation"]
    assert again["seq"] == 1
    answer = await house.post(f"/conversations/{again['conversation_id']}/messages", {"text_content": "Welcome"})
    assert answer.status == 201
    assert (await house.get(f"/contacts/{known['contact']}")).body["status"] == "erased"
    identities = (await house.get(f"/contacts/{known['contact']}/identities")).body["data"]
    assert all(each["value"].startswith("erased:") for each in identities)
    assert identity_id("", "phone", f"+{MARA}") not in {each["id"] for each in identities}


async def test_erasing_needs_the_name_and_is_done_once(house: House, tmp_path: Path) -> None:
    """E36: a slip erases nobody, and nobody is erased twice."""
    message = await house.say()
    contact = message["author"]["id"]
    for wrong in ("", "mara", "Ben"):
        answer = await house.post(f"/contacts/{contact}/erase", {"confirm": wrong})
        assert answer.status == 422, wrong
    assert (await house.post(f"/contacts/{contact}/erase", {})).status == 422
    done = await ended(house, await house.post(f"/contacts/{contact}/erase", {"confirm": "Mara Voss"}))
    assert done["state"] == "done"
    again = await house.post(f"/contacts/{contact}/erase", {"confirm": contact})
    assert (again.status, again.code) == (409, "contact_erased")
    reopened = await house.post(f"/conversations/{message['conversation_id']}/reopen", {})
    assert (reopened.status, reopened.code) == (409, "contact_erased")
    sent = await house.post("/messages/send", {"to": {"contact_id": contact}, "text_content": "Hello"})
    assert sent.status == 422


async def pulled(house: House, after: int) -> Any:
    answer = await house.get(f"/events?after={after}&limit=100")
    assert answer.status == 200, answer.body
    return answer.body
