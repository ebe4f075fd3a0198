"""The timeline over HTTP."""

from __future__ import annotations

from typing import Any

from tests.core.web.resources.conftest import House


async def test_the_timeline_merges_everything_by_place(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}"
    note = await house.post(f"{path}/notes", {"text": "Ask Ben"})
    await house.post(f"{path}/claim")
    await house.say("Still there?")
    await house.post(f"{path}/close", {"reason": "solved", "note": "by phone"})
    await house.conversation()

    async def pages(query: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        following = ""
        while True:
            page = (await house.get(f"{path}/timeline?limit=2&{query}{following}")).body
            items += page["data"]
            if not page["page"]["has_more"]:
                return items
            following = f"&cursor={page['page']['next']}"

    items = await pages("")
    assert [(item["seq"], item["type"]) for item in items] == [
        (1, "message"),
        (2, "note"),
        (3, "activity"),
        (4, "message"),
        (5, "activity"),
    ]
    assert items[1]["note"]["id"] == note.body["id"]
    closed = items[4]["activity"]
    assert (closed["verb"], closed["reason"], closed["note"], closed["to"]) == (
        "closed",
        "solved",
        "by phone",
        "closed",
    )
    assert [item["seq"] for item in await pages("sort=-seq")] == [5, 4, 3, 2, 1]
    assert [item["seq"] for item in await pages("scope=thread")] == [1, 2, 3, 4, 5, 6]
    assert (await house.get(f"{path}/timeline?cursor=x")).pointers == ["?cursor"]
    assert (await house.get(f"{path}/timeline?cursor=-3")).pointers == ["?cursor"]
    assert (await house.get("/conversations/cnv_none/timeline")).status == 404


async def test_notes_are_left_out_for_who_may_not_read_them(house: House) -> None:
    shown = await house.conversation()
    path = f"/conversations/{shown['id']}"
    for number in range(3):
        await house.post(f"{path}/notes", {"text": f"Among ourselves {number}"})
        await house.say(f"Message {number}")
    assert (await house.get(f"{path}/notes", who="guest")).status == 403

    async def kinds(timeline: str, who: str) -> list[str]:
        found: list[str] = []
        following = f"{timeline}?limit=2"
        while following:
            page = (await house.get(following, who=who)).body
            found += [item["type"] for item in page["data"]]
            assert len(page["data"]) == 2 or not page["page"]["has_more"]
            cursor = page["page"]["next"]
            following = f"{timeline}?limit=2&cursor={cursor}" if cursor else ""
        return found

    for timeline in (f"{path}/timeline", f"/contacts/{shown['contact']['id']}/timeline"):
        assert sorted(await kinds(timeline, "ann")) == ["message"] * 4 + ["note"] * 3
        assert await kinds(timeline, "guest") == ["message"] * 4
