"""Blocked people, people who want nothing sent, purposes that were stopped."""

from __future__ import annotations

from typing import Any

from patchbay.collections import IDENTITIES, MESSAGES, TEMPLATES, THREADS
from patchbay.inbox.reports import template_id
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.template import TemplateRecord
from patchbay.ports import Query, Where
from tests.core.web.resources.conftest import MARA, House

TEXT = {"text_content": "Hello"}


async def identities(house: House, contact: str) -> list[dict[str, Any]]:
    return list((await house.get(f"/contacts/{contact}/identities")).body["data"])


async def deliver_aside(house: House, text: str) -> dict[str, Any]:
    """A message of somebody blocked, as the log tells of it."""
    after = await house.gateway.store.head()
    await house.deliver(text)
    event = await house.event(lambda event: event["type"] == "message.received", after=after)
    return dict(event["data"])


async def test_what_blocked_people_write_begins_nothing(house: House) -> None:
    first = await house.say("Buy now")
    contact, conversation = first["author"]["id"], first["conversation_id"]
    blocked = await house.post(f"/contacts/{contact}/block", {})
    assert (blocked.status, blocked.body["status"]) == (200, "blocked")
    assert (await house.get(f"/conversations/{conversation}")).body["status"] == "open"
    await house.post(f"/conversations/{conversation}/close", {})

    kept = await deliver_aside(house, "Buy more")
    assert kept["conversation_id"] is None
    assert (kept["seq"], kept["text_content"]) == (first["seq"] + 2, "Buy more")  # the closing has a place of its own
    assert (await house.get("/conversations?status=open,pending,snoozed")).body["data"] == []
    shown = (await house.get(f"/contacts/{contact}/timeline")).body["data"]
    assert "Buy more" in str(shown)

    refused = await house.post("/messages/send", {"customer_phone": f"+{MARA}", **TEXT})
    assert (refused.status, refused.code) == (409, "contact_blocked")
    await house.post(f"/contacts/{contact}/unblock", {})
    third = await house.say("Sorry")
    assert third["conversation_id"] not in (None, conversation)
    told = await house.told()
    assert told.count("contact.blocked") == told.count("contact.unblocked") == 1


async def test_a_conversation_that_is_open_takes_what_blocked_people_write(house: House) -> None:
    first = await house.say("Buy now")
    await house.post(f"/contacts/{first['author']['id']}/block", {})
    assert (await house.say("Again"))["conversation_id"] == first["conversation_id"]


async def test_one_identity_is_blocked_with_its_line_and_the_contact_is_not(house: House) -> None:
    first = await house.say("Hello")
    contact = first["author"]["id"]
    (identity,) = await identities(house, contact)
    before = (await house.get(f"/contacts/{contact}")).body
    blocked = await house.post(f"/contacts/{contact}/block", {"identity_id": identity["id"]})
    assert (blocked.status, blocked.body["status"]) == (200, "active")
    assert blocked.body["version"] == before["version"] + 1
    assert [each["status"] for each in await identities(house, contact)] == ["blocked"]
    await house.post(f"/conversations/{first['conversation_id']}/close", {})
    assert (await deliver_aside(house, "Again"))["conversation_id"] is None
    refused = await house.post("/messages/send", {"to": {"contact_id": contact}, **TEXT})
    assert (refused.status, refused.code) == (409, "contact_blocked")
    assert refused.body["identity_id"] == identity["id"]
    again = await house.post(f"/contacts/{contact}/block", {"identity_id": identity["id"]})
    assert again.body["version"] == blocked.body["version"]  # nothing changed, nothing is told
    for_all = await house.post(f"/contacts/{contact}/unblock", {})
    assert for_all.status == 200
    assert [each["status"] for each in await identities(house, contact)] == ["active"]
    assert (await house.post("/messages/send", {"to": {"contact_id": contact}, **TEXT})).status == 201


async def test_an_identity_of_somebody_else_is_not_found(house: House) -> None:
    mara = (await house.say("Hello"))["author"]["id"]
    ben = (await house.say("Hello", sender="15550002222", name="Ben"))["author"]["id"]
    (theirs,) = await identities(house, ben)
    assert (await house.post(f"/contacts/{mara}/block", {"identity_id": theirs["id"]})).status == 404
    assert (await house.post(f"/contacts/{mara}/block", {"identity_id": ""})).status == 422
    assert (await house.post(f"/contacts/{mara}/block", {"whom": "all"})).status == 422
    assert (await house.post(f"/contacts/{mara}/block", {}, If_Match='"99"')).status == 412


async def test_nothing_is_sent_to_who_stopped(house: House) -> None:
    first = await house.say("STOP")

    def stop(uow: UnitOfWork) -> None:
        thread = uow.need(THREADS, first["thread_id"])
        uow.put(IDENTITIES, uow.need(IDENTITIES, thread.identity_id), status="stopped")

    await house.gateway.inbox.run(stop)
    refused = await house.post(f"/conversations/{first['conversation_id']}/messages", TEXT)
    assert (refused.status, refused.code) == (409, "contact_stopped")
    preview = await house.gateway.store.find(Query(MESSAGES, (Where("direction", "eq", "outbound"),)))
    assert preview.items == []


async def test_marketing_is_not_sent_to_who_stopped_marketing(house: House) -> None:
    first = await house.say("Hello")
    contact, conversation = first["author"]["id"], first["conversation_id"]
    account = house.gateway.directory.get(first["account_id"])
    assert account is not None

    def approve(uow: UnitOfWork) -> None:
        for name, category in (("spring_sale", "MARKETING"), ("order_update", "UTILITY")):
            record = TemplateRecord(
                id=template_id(account, name, "en"),
                created_at=uow.now,
                updated_at=uow.now,
                account_id=account.id,
                channel=account.channel,
                name=name,
                language="en",
                status="approved",
                category=category,
            )
            uow.add(TEMPLATES, record)

    await house.gateway.inbox.run(approve)
    await house.ask("PATCH", f"/contacts/{contact}", {"consent": {"marketing": "stop"}})
    where = f"/conversations/{conversation}/messages"
    sale = {"content": {"type": "template", "name": "spring_sale", "language": "en"}}
    refused = await house.post(where, sale)
    assert (refused.status, refused.code) == (409, "consent_stopped")
    other = {"content": {"type": "template", "name": "order_update", "language": "en"}}
    assert (await house.post(where, other)).status == 201
    assert (await house.post(where, TEXT)).status == 201
    await house.ask("PATCH", f"/contacts/{contact}", {"consent": {"marketing": "granted"}})
    assert (await house.post(where, sale)).status == 201
