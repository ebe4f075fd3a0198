"""E16: of two departments with the same data, neither ever sees an id of the other, in no answer, header or file.

What a super admin sees by the same means shows that there was something to see.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import pytest_asyncio

from tests.security.crawling import OF_PEOPLE, WORD, Crawl
from tests.security.twins import SHARED, Side, Twins, twins

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Twins]:
    async with twins(tmp_path_factory.mktemp("twins")) as made:
        yield made


def asked(both: Twins, sides: Iterable[Side], *, also: Side | None = None) -> dict[str, list[str]]:
    """What to put into paths, of these sides; filters are tried with ids of ``also`` as well."""
    ids: dict[str, set[str]] = {}
    for side in sides:
        for name, found in side.ids.items():
            ids.setdefault(name, set()).update(found)
    people = {person for side in both.sides for person in side.ids["people"]}
    foreign = also.ids if also is not None else {}
    known = {
        "conversation_id": ids["conversations"],
        "contact_id": ids["contacts"],
        "message_id": ids["messages"],
        "note_id": ids["notes"],
        "media_id": ids["media"],
        "account_id": {side.account_id for side in both.sides},
        "department_id": {side.department.id for side in both.sides},
        "user_id": people,
        "tag_id": {"vip"},
        "name": {"whatsapp"},
        # what lists can be asked for
        "q": {"Twin", "Mara", "parcel", "look", "depot", "1555", f"+{SHARED}"},
        "assignee": {*people, "me", "none"},
        "department": {side.department.id for side in both.sides} | {"none"},
        "contact": {*ids["contacts"], *foreign.get("contacts", ())},
        "account": {side.account_id for side in both.sides},
        "channel": {"whatsapp", "messenger"},
        "tag": {"vip"},
        "status": {"open", "pending", "snoozed", "closed", "active", "blocked", "merged", "erased"},
        "priority": {"low", "normal", "high", "urgent"},
        "created_after": {"2020-01-01T00:00:00Z"},
        "updated_after": {"2020-01-01T00:00:00Z"},
        "types": {"message.received", "note.created", "conversation.updated", "contact.updated", "media.stored"},
        "after": {"0"},
    }
    return {name: sorted(values) for name, values in known.items()}


def foreign(both: Twins, side: Side) -> set[str]:
    """What is the other side's alone."""
    return both.other(side).all_ids - side.all_ids


def leaks(both: Twins, side: Side, crawl: Crawl) -> dict[str, str]:
    people = both.other(side).ids["people"]
    found = crawl.found(foreign(both, side))
    return {id: where for id, where in found.items() if id not in people or not OF_PEOPLE.search(where)}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("who", ["agent", "colleague"])
async def test_reading_everything_shows_nothing_of_the_other_side(both: Twins, which: int, who: str) -> None:
    side = both.sides[which]
    document = await both.town.root.done("GET", "/openapi.json")
    crawl = Crawl(both.town.world, getattr(side, who), asked(both, [side], also=both.other(side)))
    await crawl.all(document)
    assert leaks(both, side, crawl) == {}
    for kind in ("conversations", "contacts", "messages", "notes", "media", "identities", "wamids"):
        assert side.ids[kind] - set(crawl.found(side.ids[kind])) == set(), f"{kind} of one's own were not seen"


async def test_a_super_admin_sees_both_by_the_same_means(both: Twins) -> None:
    document = await both.town.root.done("GET", "/openapi.json")
    crawl = Crawl(both.town.world, both.town.root, asked(both, both.sides))
    await crawl.all(document)
    for side in both.sides:
        assert foreign(both, side) - set(crawl.found(foreign(both, side))) == set()
        assert len(foreign(both, side)) > 50


async def test_the_twins_look_the_same(both: Twins) -> None:
    def seen(view: dict[str, Any]) -> tuple[Any, ...]:
        return (view["status"], view["contact"]["display_name"], tuple(view["tags"]), view["last_message"]["preview"])

    one, other = [sorted(map(seen, await side.conversations())) for side in both.sides]
    assert one == other
    assert len(one) == 4


async def test_an_export_holds_one_side_and_nobody_exports_whom_others_speak_with(both: Twins) -> None:
    one, other = both.sides
    shared = one.ids["contacts"] & other.ids["contacts"]
    own = min(one.ids["contacts"] - shared)
    for theirs in (*shared, *(other.ids["contacts"] - shared)):
        heard = await one.colleague.ask("POST", f"/contacts/{theirs}/export")
        assert heard.status == (403 if theirs in shared else 404)
    job = await one.colleague.done("POST", f"/contacts/{own}/export")
    held = await exported(both, job["id"])
    assert held & one.ids["conversations"]
    assert held & one.ids["messages"]
    assert held & foreign(both, one) == set()
    job = await both.town.root.done("POST", f"/contacts/{shared.pop()}/export")
    held = await exported(both, job["id"])
    assert all(held & side.ids["conversations"] for side in both.sides)


async def exported(both: Twins, job_id: str) -> set[str]:
    """The id-like words of all that an export holds."""
    async with asyncio.timeout(20):
        while (job := await both.town.root.done("GET", f"/jobs/{job_id}"))["file"] is None:
            assert job["state"] in ("queued", "running", "done"), job
            await asyncio.sleep(0.01)
    async with both.town.world.session.get(both.town.world.url + job["file"]["url"]) as response:
        file = zipfile.ZipFile(io.BytesIO(await response.read()))
    return {
        word for name in file.namelist() for word in WORD.findall(name + file.read(name).decode("utf-8", "replace"))
    }
