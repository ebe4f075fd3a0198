"""The export of a person: everything, readable without us, and for seven days."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from tests.core.privacy.house import ended, erased, exported, job_of, lines, once
from tests.core.web.resources.conftest import MARA, House

BEN = "15550002222"


async def test_an_export_holds_what_was_said_noted_and_sent(house: House) -> None:
    message = await house.say("Hello from Mara")
    contact, conversation = message["author"]["id"], message["conversation_id"]
    await house.say("Ben's secret", sender=BEN, name="Ben Ashby")
    answer = await house.post(f"/conversations/{conversation}/messages", {"text_content": "Good day"})
    await house.state_of(answer.body["message"]["id"], "accepted")
    await house.post(f"/conversations/{conversation}/notes", {"text": "She is in a hurry"})
    await house.post(f"/contacts/{contact}/notes", {"text": "Prefers mornings"})
    await house.ask("PATCH", f"/contacts/{contact}", {"attributes": {"city": "Lisbon"}, "consent": {"news": "granted"}})
    stored = await house.gateway.media.upload(once(b"%PDF-1.7 an offer"), "../offer for\u202emara.pdf", None)
    await house.post(
        f"/conversations/{conversation}/messages", {"content": {"type": "document", "media": {"id": stored.id}}}
    )

    archive = await exported(house, contact)
    names = archive.namelist()
    thread = message["thread_id"]
    shown = json.loads(archive.read("contact.json"))
    assert (shown["display_name"], shown["attributes"], shown["consent"]) == (
        "Mara Voss",
        {"city": "Lisbon"},
        {"news": "granted"},
    )
    assert MARA in json.loads(archive.read("identities.json"))[0]["value"]
    assert [each["id"] for each in json.loads(archive.read("conversations.json"))] == [conversation]
    said = lines(archive, f"threads/{thread}/messages.ndjson")
    assert [each["text_content"] for each in said][:2] == ["Hello from Mara", "Good day"]
    assert said[1]["delivery"]["state"] == "accepted"
    assert [note["text"] for note in lines(archive, f"threads/{thread}/notes.ndjson")] == ["She is in a hurry"]
    assert [note["text"] for note in lines(archive, "notes.ndjson")] == ["Prefers mornings"]
    assert "message.received" in {event["type"] for event in lines(archive, "events.ndjson")}
    assert len(lines(archive, "webhooks.ndjson")) == 1
    (file,) = [name for name in names if name.startswith("media/")]
    assert archive.read(file) == b"%PDF-1.7 an offer"
    assert ".." not in file
    assert "\u202e" not in file
    assert not any(b"Ben" in archive.read(name) for name in names)
    readme = archive.read("README.txt").decode()
    for name in names[1:]:
        told = name.replace(thread, "ID").replace(file, "media/")
        assert told in readme, name


async def test_the_link_needs_no_token_and_is_no_longer_good_after_a_while(house: House) -> None:
    contact = (await house.say())["author"]["id"]
    job = await ended(house, await house.post(f"/contacts/{contact}/export"))
    url = job["file"]["url"]
    answer = await house.client.get(url)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (await house.client.get(url[:-2] + "xx")).status == 404
    house.clock.shift = timedelta(hours=2)
    assert (await house.client.get(url)).status == 404
    fresh = (await house.get(f"/jobs/{job['id']}")).body["file"]["url"]
    assert (await house.client.get(fresh)).status == 200


async def test_job_and_file_go_after_seven_days(house: House, tmp_path: Path) -> None:
    contact = (await house.say())["author"]["id"]
    job = await ended(house, await house.post(f"/contacts/{contact}/export"))
    digest = (await job_of(house, job["id"])).file
    assert digest is not None
    assert await house.gateway.media_store.size(digest) == job["result"]["size"]
    house.clock.shift = timedelta(days=7, seconds=-60)
    assert await house.gateway.jobs.drop_expired() == 0
    house.clock.shift = timedelta(days=7, seconds=60)
    assert await house.gateway.jobs.drop_expired() == 1
    assert await house.gateway.media_store.size(digest) is None
    assert (await house.get(f"/jobs/{job['id']}")).status == 404


async def test_an_erasure_takes_the_export_with_it(house: House) -> None:
    contact = (await house.say())["author"]["id"]
    job = await ended(house, await house.post(f"/contacts/{contact}/export"))
    await erased(house, contact)
    assert (await house.client.get(job["file"]["url"])).status == 404
    assert (await house.get(f"/jobs/{job['id']}")).body["file"] is None
    again = await house.post(f"/contacts/{contact}/export")
    assert (again.status, again.code) == (409, "contact_erased")


async def test_an_export_of_nobody_is_not_found(house: House) -> None:
    assert (await house.post("/contacts/ctc_nobody/export")).status == 404
    assert (await house.post("/contacts/ctc_nobody/erase", {"confirm": "ctc_nobody"})).status == 404
