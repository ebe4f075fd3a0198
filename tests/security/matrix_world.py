"""Rows of every owner, and one who asks in each role: what the matrix of E16 is drawn over.

Conversations come in by webhook and are handed out by a super admin; what belongs to each (contact, messages, notes,
media) comes with it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from patchbay.collections import TEMPLATES
from patchbay.inbox.unit import UnitOfWork
from patchbay.jobs.commands import queue_job
from patchbay.model.template import TemplateRecord
from patchbay_rbac.credentials import refresh
from patchbay_rbac.documents import Department, Scope, User
from tests.faults.process import BUSINESS_ID, PHONE_NUMBER_ID, SECRET, envelope, signature
from tests.plugins.rbac.world import Client, World, people_world

Owner = Literal["own", "other", "assigned", "unassigned", "nobody's"]
SETTINGS = {
    "PATCHBAY_WHATSAPP__APP_SECRET": SECRET,
    "PATCHBAY_WHATSAPP__VERIFY_TOKEN": "matrix-verify-token",
    "PATCHBAY_WHATSAPP__ACCESS_TOKEN": "matrix-access-token",
    "PATCHBAY_WHATSAPP__PHONE_NUMBER_ID": PHONE_NUMBER_ID,
    "PATCHBAY_WHATSAPP__BUSINESS_ID": BUSINESS_ID,
    "PATCHBAY_WHATSAPP__GRAPH_URL": "http://127.0.0.1:9",
    "PATCHBAY_RBAC__TWO_FACTOR": "off",
}
SCOPED = {  # what a role with rows of its own only may do, all of it to its own
    *("conversations.read", "conversations.write", "conversations.assign", "conversations.close"),
    *("messages.read", "messages.send", "notes.read", "notes.write", "contacts.read", "contacts.write"),
    *("contacts.merge", "contacts.export", "contacts.erase", "media.read", "media.write", "jobs.read", "jobs.write"),
}
READS = {name for name in SCOPED if name.endswith(".read")}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


@dataclass(frozen=True)
class Row:
    """A conversation and what belongs to it, as ids by path parameter."""

    conversation_id: str
    contact_id: str
    message_id: str
    media_id: str
    conversation_note: str
    contact_note: str
    identity_id: str = ""


@dataclass
class Asker:
    """Who asks, what they were granted, and the rows of each owner as seen from there."""

    name: str
    client: Client
    grants: Mapping[str, Scope]
    rows: dict[Owner, Row] = field(default_factory=dict)
    jobs: dict[Owner, str] = field(default_factory=dict)
    sessions: dict[Owner, str] = field(default_factory=dict)


class Town:
    """The gateway, its two departments, and whatever can be named in a path."""

    def __init__(self, world: World, root: Client, own: Department, other: Department) -> None:
        self.world = world
        self.root = root  # a super admin who is nobody of the matrix
        self.own = own
        self.other = other
        self.known: dict[str, str] = {}
        self._phones = itertools.count(1)

    async def is_connected(self) -> None:
        """Return once the account that the settings name is there: what came before would wait for it."""
        async with asyncio.timeout(30):
            while not (await self.root.done("GET", "/channels"))["data"]:
                await asyncio.sleep(0.005)

    def phone(self) -> str:
        return f"1555{next(self._phones):07d}"

    async def provider(self, value: Mapping[str, Any], account: str = PHONE_NUMBER_ID) -> None:
        """The provider posts one change; it is applied when this returns."""
        metadata = {"display_phone_number": "15550009999", "phone_number_id": account}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        body = envelope(change)
        headers = {"X-Hub-Signature-256": signature(body), "Content-Type": "application/json"}
        url = f"{self.world.url}/webhooks/whatsapp"
        async with self.world.session.post(url, data=body, headers=headers) as response:
            assert response.status == 200, await response.text()
        async with asyncio.timeout(30):
            while (await self.root.done("GET", "/ingest/events", state="pending"))["data"]:
                await asyncio.sleep(0.005)

    async def writes(
        self, phone: str, *messages: Mapping[str, Any], name: str | None = None, account: str = PHONE_NUMBER_ID
    ) -> list[str]:
        """Somebody sends messages; their wamids."""
        wamids = [f"wamid.{uuid4().hex}" for _ in messages]
        now = str(int(time.time()))
        said = [{"from": phone, "id": id, "timestamp": now, **each} for id, each in zip(wamids, messages, strict=True)]
        person = {"profile": {"name": name or f"Person {phone}"}, "wa_id": phone}
        await self.provider({"contacts": [person], "messages": said}, account)
        return wamids

    async def row(self, department: Department | None, assignee_id: str | None = None) -> Row:
        """A conversation with a text and a picture, and a note on it and on its contact."""
        phone = self.phone()
        picture = {"id": f"9{phone}", "mime_type": "image/png", "sha256": "x", "caption": "look"}
        await self.writes(phone, {"type": "text", "text": {"body": "Hello"}}, {"type": "image", "image": picture})
        (conversation,) = (await self.root.done("GET", "/conversations", sort="-number", limit="1"))["data"]
        assert conversation["contact"]["display_name"] == f"Person {phone}"
        id, contact_id = conversation["id"], conversation["contact"]["id"]
        given = {"department_id": None if department is None else department.id, "assignee_id": assignee_id}
        if department is not None or assignee_id is not None:
            asked = {name: value for name, value in given.items() if value is not None}
            await self.root.done("POST", f"/conversations/{id}/transfer", asked)
        messages = (await self.root.done("GET", f"/conversations/{id}/messages"))["data"]
        note = {"text": "noted"}
        identities = await self.root.done("GET", f"/contacts/{contact_id}/identities")
        return Row(
            conversation_id=id,
            contact_id=contact_id,
            message_id=messages[0]["id"],
            media_id=next(each["content"]["media"]["id"] for each in messages if "media" in each["content"]),
            conversation_note=(await self.root.done("POST", f"/conversations/{id}/notes", note))["id"],
            contact_note=(await self.root.done("POST", f"/contacts/{contact_id}/notes", note))["id"],
            identity_id=identities["data"][0]["id"],
        )

    async def job(self, created_by: str) -> str:
        """Long work of somebody's."""

        def command(uow: UnitOfWork) -> str:
            return queue_job(uow, "retention_run", created_by=created_by, arguments={"dry_run": True}).id

        return await self.world.commit(command)

    async def session(self, user: User) -> str:
        """One more session of somebody's."""
        begun, (family, _) = self.world.rbac.sessions.begin, refresh.start(self.world.gateway.clock.now())
        made = await self.world.commit(
            lambda uow: begun(uow, user, cookie=None, family=family, two_factor=False, address=None, user_agent=None)
        )
        return made.id


async def furnish(town: Town) -> None:
    """One of each thing that is no row of anybody's, as path parameters name it."""
    root, world = town.root, town.world
    await town.row(None)
    account = (await root.done("GET", "/channels"))["data"][0]["id"]
    dummy = await world.user("agent", departments=[town.other.id])

    def template(uow: UnitOfWork) -> str:
        made = TemplateRecord(
            id=uow.ids.new("tpl"),
            created_at=uow.now,
            updated_at=uow.now,
            account_id=account,
            channel="whatsapp",
            name="hello",
            language="en",
        )
        return uow.add(TEMPLATES, made).id

    clerk = await world.member("admin")
    made = await clerk.done("POST", "/api-keys", {"name": "known", "permissions": {"tags.read": "all"}})
    town.known = {
        "account_id": account,
        "department_id": town.own.id,
        "role_id": (await world.role({"tags.read": "all"})).id,
        "tag_id": (await root.done("POST", "/tags", {"name": "known"}))["id"],
        "tag": (await root.done("POST", "/tags", {"name": "other"}))["id"],
        "template_id": await world.commit(template),
        "user_id": dummy.id,
        "key_id": made["id"],
        "event_id": (await root.done("GET", "/ingest/events"))["data"][0]["id"],
        "entry_id": (await root.done("GET", "/audit"))["data"][0]["id"],
        "name": "whatsapp",
    }


async def askers(town: Town) -> list[Asker]:
    """One in each built-in role, two in roles of one's own, a program with a key, and the rows of each owner."""
    world, own = town.world, town.own
    mixed: dict[str, Scope] = {name: "department" if name in READS else "own" for name in SCOPED}
    found = []
    for name in ("super_admin", "admin", "supervisor", "agent", "read_only"):
        client = await world.member(name, departments=[own.id])
        found.append(Asker(name, client, world.rbac.people.grants(client.id)))
    for name, grants in (("own rows", dict.fromkeys(SCOPED, "own")), ("reads more", mixed)):
        given: dict[str, Scope] = {**grants, "tags.read": "all"}  # type: ignore[dict-item]
        client = await world.holder(given, departments=[own.id])
        found.append(Asker(name, client, {**given, "auth.self": "all"}))
    owner = await world.user("agent", departments=[own.id])
    granted: dict[str, Scope] = {"conversations.read": "all", "messages.read": "own", "notes.write": "department"}
    key = await world.key(owner, granted)
    bound: dict[str, Scope] = {"conversations.read": "department", "messages.read": "own", "notes.write": "department"}
    found.append(Asker("api key", key, bound))
    shared: dict[Owner, Row] = {
        "own": await town.row(own),
        "other": await town.row(town.other),
        "unassigned": await town.row(None),
        "nobody's": Row(*["none00000000000000000000000"] * 7),
    }
    job, session = await town.job(town.root.id), await town.session(owner)
    for asker in found:
        id = owner.id if asker.name == "api key" else asker.client.id
        asker.rows = {**shared, "assigned": await town.row(town.other, id)}
        asker.jobs = {**dict.fromkeys(shared, job), "nobody's": "none0", "assigned": await town.job(id)}
        asker.sessions = {**dict.fromkeys(shared, session), "nobody's": "none0"}
        asker.sessions["assigned"] = session if asker.name == "api key" else await town.session(asker.client.user)
    return found


@asynccontextmanager
async def town(folder: Path, **settings: str) -> AsyncIterator[Town]:
    """Two departments; who signs in and what they are about is made by what follows."""
    async with people_world(folder, **{**SETTINGS, **settings}) as world:
        root = await world.member("super_admin")
        made = Town(world, root, await world.department("Sales"), await world.department("Support"))
        await made.is_connected()
        yield made
