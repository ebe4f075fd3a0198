"""Two departments whose inboxes look the same: names, texts, tags, notes, files; only the ids tell them apart.

Each has a WhatsApp number of its own whose conversations are its own, and one person writes to both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from patchbay.collections import (
    ACTIVITIES,
    CONTACTS,
    CONVERSATIONS,
    IDENTITIES,
    MEDIA,
    MESSAGES,
    NOTES,
    THREADS,
    Collection,
)
from patchbay.ports import Query
from patchbay_rbac.documents import Department
from tests.e2e.fake_graph import ACCESS_TOKEN, FakeGraph
from tests.faults.process import BUSINESS_ID, PHONE_NUMBER_ID
from tests.plugins.rbac.world import Client
from tests.security.matrix_world import PNG, Town, town

NUMBERS = (PHONE_NUMBER_ID, "401000000000002")
SHARED = "15559990000"  # who writes to both
PAGE = 200


@dataclass
class Side:
    """One department: whoever works there, the number that is written to, and what is its own."""

    department: Department
    number: str
    agent: Client
    colleague: Client
    account_id: str = ""
    ids: dict[str, set[str]] = field(default_factory=dict)  # by collection

    @property
    def all_ids(self) -> set[str]:
        return set().union(*self.ids.values())

    async def conversations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.agent.done("GET", "/conversations", limit="200"))["data"]
        return found


class Twins:
    """The gateway, and the two sides."""

    def __init__(self, town: Town, graph: FakeGraph, sides: tuple[Side, Side]) -> None:
        self.town = town
        self.graph = graph
        self.sides = sides

    def other(self, side: Side) -> Side:
        return self.sides[1] if side is self.sides[0] else self.sides[0]

    async def told(self, side: Side, phone: str, text: str = "Where is my parcel") -> None:
        """A text and a picture arrive at a side."""
        file = f"8{side.number[-3:]}{phone}"
        self.graph.keep(file, PNG, "image/png")
        picture = {"id": file, "mime_type": "image/png", "sha256": "x", "caption": "the parcel"}
        said = ({"type": "text", "text": {"body": text}}, {"type": "image", "image": picture})
        await self.town.writes(phone, *said, name="Mara Twin", account=side.number)

    async def worked(self, side: Side) -> None:
        """Everything that a side can have, through the API, by its agent."""
        agent = side.agent
        for place, conversation in enumerate(await side.conversations()):
            at, contact = f"/conversations/{conversation['id']}", conversation["contact"]["id"]
            await agent.done("POST", f"{at}/claim" if place else f"{at}/read", {})
            await agent.done("PUT", f"{at}/tags/vip")
            await agent.done("PATCH", f"/contacts/{contact}", {"tags": ["vip"], "attributes": {"size": "XL"}})
            messages = (await agent.done("GET", f"{at}/messages"))["data"]
            await agent.done("PUT", f"/messages/{messages[0]['id']}/reaction", {"emoji": "\N{THUMBS UP SIGN}"})
            picture = next(each["content"]["media"]["id"] for each in messages if "media" in each["content"])
            note = {"text": "ask the depot", "attachments": [picture], "mentions": [side.colleague.id]}
            await agent.done("POST", f"{at}/notes", note)
            await agent.done(
                "POST", f"{at}/messages", {"text_content": "We look for it", "reply_to": messages[0]["id"]}
            )
            await agent.done("POST", f"{at}/control/take", {})
        closed = (await side.conversations())[0]
        await agent.done("POST", f"/conversations/{closed['id']}/close", {"note": "done"})

    async def know(self) -> None:
        """Read from the store what belongs to which side."""
        held = {each.name: await self._every(each) for each in OWNED}
        for side in self.sides:
            own = {each.id: each for each in held["conversations"] if each.department_id == side.department.id}
            threads, contacts = {each.thread_id for each in own.values()}, {each.contact_id for each in own.values()}
            side.ids = {"conversations": set(own), "threads": threads, "contacts": contacts}
            for name in ("messages", "activities", "media"):
                side.ids[name] = {
                    each.id for each in held[name] if each.conversation_id in own or each.thread_id in threads
                }
            side.ids["notes"] = {
                each.id for each in held["notes"] if each.conversation_id in own or each.contact_id in contacts
            }
            of_contacts = [each for each in held["identities"] if each.contact_id in contacts]
            side.ids["identities"] = {each.id for each in of_contacts}
            side.ids["values"] = {each.value for each in of_contacts}
            side.ids["wamids"] = {
                ref.external_id
                for each in held["messages"]
                if each.id in side.ids["messages"]
                for ref in each.external_refs
            }
            side.ids["people"] = {side.agent.id, side.colleague.id}

    async def _every(self, collection: Collection[Any]) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            page = await self.town.world.gateway.store.find(Query(collection, limit=PAGE, cursor=cursor))
            found += page.items
            cursor = page.next
            if cursor is None:
                return found


OWNED: tuple[Collection[Any], ...] = (
    CONVERSATIONS,
    CONTACTS,
    THREADS,
    MESSAGES,
    NOTES,
    ACTIVITIES,
    MEDIA,
    IDENTITIES,
)


@asynccontextmanager
async def twins(folder: Path, *, each: int = 3) -> AsyncIterator[Twins]:
    """Both sides with ``each`` people of their own, and one person of both."""
    async with FakeGraph() as graph:
        settings = {"PATCHBAY_WHATSAPP__ACCESS_TOKEN": ACCESS_TOKEN, "PATCHBAY_WHATSAPP__GRAPH_URL": graph.url}
        async with town(folder, **settings) as place:
            made = Twins(place, graph, (await _side(place, 0), await _side(place, 1)))
            for side in made.sides:
                for person in range(each):
                    await made.told(side, f"1555{side.number[-3:]}{person:04d}")
            for side in made.sides:
                await made.told(side, SHARED)
            for side in made.sides:
                await made.worked(side)
            await made.know()
            yield made


async def _side(place: Town, which: int) -> Side:
    department = (place.own, place.other)[which]
    agent = await place.world.member("agent", departments=[department.id], name="Sam Twin")
    colleague = await place.world.member("supervisor", departments=[department.id], name="Kim Twin")
    side = Side(department, NUMBERS[which], agent, colleague)
    lands: Mapping[str, Any] = {"default_department_id": department.id}
    if which == 0:
        side.account_id = (await place.root.done("GET", "/channels"))["data"][0]["id"]
        await place.root.done("PATCH", f"/channels/{side.account_id}", lands)
    else:
        account = {
            "channel": "whatsapp",
            "name": "Second",
            "external_id": side.number,
            "parent_external_id": BUSINESS_ID,
            "credentials": {"access_token": ACCESS_TOKEN},
            "settings": {},
            **lands,
        }
        side.account_id = (await place.root.done("POST", "/channels", account))["id"]
        await place.root.done("POST", "/tags", {"name": "vip"})
    return side
