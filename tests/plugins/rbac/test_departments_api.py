"""Departments over HTTP: the tree, who is in them, when they are open, and when one may go."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.collections import CONVERSATIONS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.conversation import Conversation, ConversationStatus
from tests.plugins.rbac.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
FIELDS = {
    "id",
    "name",
    "description",
    "parent_id",
    "head_id",
    "time_zone",
    "member_ids",
    "settings",
    "created_at",
    "updated_at",
    "version",
}


async def test_a_department_is_made_changed_replaced_and_deleted(town: World) -> None:
    mara, ben = await town.member("super_admin"), await town.user("agent")
    body = {"name": "Sales", "time_zone": "Europe/Lisbon", "head_id": ben.id, "settings": {"greeting": "Olá"}}
    made = await mara.ask("POST", "/departments", body, headers={"Idempotency-Key": "sales"})
    department = made.json()
    assert made.status == 201
    assert department.keys() == FIELDS
    assert (await mara.ask("POST", "/departments", body, headers={"Idempotency-Key": "sales"})).json() == department
    path = f"/departments/{department['id']}"
    assert made.headers["Location"] == f"/api/v1{path}"
    assert await mara.done("GET", path) == department
    changed = await mara.ask("PATCH", path, {"description": "Sells"}, headers={"If-Match": '"1"'})
    assert (changed.json()["description"], changed.json()["settings"]) == ("Sells", {"greeting": "Olá"})
    assert (await mara.ask("PATCH", path, {"name": "S"}, headers={"If-Match": '"1"'})).code == "version_conflict"
    replaced = await mara.done("PUT", path, {"name": "Sales South"})
    assert (replaced["head_id"], replaced["time_zone"], replaced["settings"]) == (None, "UTC", {})
    assert "Sales South" in {each["name"] for each in (await mara.done("GET", "/departments", limit="200"))["data"]}
    assert (await mara.ask("DELETE", path)).status == 204
    assert (await mara.ask("GET", path)).code == "not_found"
    assert (await mara.ask("POST", "/departments", {"name": "Sales South"})).status == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "posix/UTC"}, "/time_zone"),
        ({"time_zone": "Europe"}, "/time_zone"),
        ({"time_zone": None}, "/time_zone"),
        ({"parent_id": "dep_nowhere"}, "/parent_id"),
        ({"head_id": "usr_nobody"}, "/head_id"),
        ({"settings": {"$where": 1}}, "/settings/$where/key"),
        ({"member_ids": []}, "/member_ids"),
        ({"business_hours": []}, "/business_hours"),
        ({"id": "dep_mine"}, "/id"),
        ({"version": 3}, "/version"),
    ],
)
async def test_a_wrong_field_is_named(town: World, body: dict[str, Any], pointer: str) -> None:
    mara = await town.member("super_admin")
    present = await town.department()
    for method, path in (
        ("POST", "/departments"),
        ("PUT", f"/departments/{present.id}"),
        ("PATCH", f"/departments/{present.id}"),
    ):
        reply = await mara.ask(method, path, {"name": "Wrong", **body})
        assert (reply.status, reply.pointers) == (422, {pointer}), method


async def test_nothing_stands_below_itself(town: World) -> None:
    mara = await town.member("super_admin")
    top = await town.department()
    middle = await town.department(parent_id=top.id)
    bottom = await town.department(parent_id=middle.id)
    for id, parent in ((top.id, top.id), (top.id, middle.id), (top.id, bottom.id), (middle.id, bottom.id)):
        reply = await mara.ask("PATCH", f"/departments/{id}", {"parent_id": parent})
        assert (reply.status, reply.pointers, reply.json()["errors"][0]["code"]) == (422, {"/parent_id"}, "circle")
    assert (await mara.done("PATCH", f"/departments/{bottom.id}", {"parent_id": top.id}))["parent_id"] == top.id


async def test_two_departments_have_two_names(town: World) -> None:
    mara = await town.member("super_admin")
    await town.department("Support")
    reply = await mara.ask("POST", "/departments", {"name": "SUPPORT"})
    assert (reply.status, reply.code) == (409, "already_exists")


async def test_members_come_and_go(town: World) -> None:
    mara, department = await town.member("super_admin"), await town.department()
    ben, cleo, dora = await town.member("agent"), await town.user("agent"), await town.user("agent")
    path = f"/departments/{department.id}"
    assert await mara.done("GET", f"{path}/members") == {"user_ids": []}
    added = await mara.ask("POST", f"{path}/members/{ben.id}")
    assert (added.status, added.json(), added.headers["ETag"]) == (200, {"user_ids": [ben.id]}, '"2"')
    again = await mara.ask("POST", f"{path}/members/{ben.id}")
    assert again.headers["ETag"] == '"2"'
    assert (await ben.done("GET", "/auth/me"))["department_ids"] == [department.id]
    stale = await mara.ask("PUT", f"{path}/members", {"user_ids": []}, headers={"If-Match": '"1"'})
    assert stale.code == "version_conflict"
    both = {"user_ids": [cleo.id, dora.id, cleo.id]}
    assert (await mara.done("PUT", f"{path}/members", both))["user_ids"] == sorted([cleo.id, dora.id])
    assert (await ben.done("GET", "/auth/me"))["department_ids"] == []
    assert (await mara.ask("DELETE", f"{path}/members/{cleo.id}")).status == 204
    assert (await mara.ask("DELETE", f"{path}/members/{cleo.id}")).code == "not_found"
    assert (await mara.done("GET", path))["member_ids"] == [dora.id]
    assert (await mara.ask("GET", path, headers={"If-None-Match": '"2"'})).status == 200  # another version by now
    wrong = await mara.ask("PUT", f"{path}/members", {"user_ids": [dora.id, "usr_nobody"]})
    assert (wrong.status, wrong.pointers) == (422, {"/user_ids/1"})
    assert (await mara.ask("POST", f"{path}/members/usr_nobody")).code == "not_found"
    assert (await mara.ask("GET", "/departments/dep_nowhere/members")).code == "not_found"
    told = await mara.events("department.updated")
    seen = [each["data"]["member_ids"] for each in told if each["subject"]["id"] == department.id]
    assert seen == [[ben.id], sorted([cleo.id, dora.id]), [dora.id]]


async def test_a_department_in_use_says_by_what(town: World) -> None:
    mara, department = await town.member("super_admin"), await town.department()
    ben, child = await town.user(departments=[department.id]), await town.department(parent_id=department.id)
    await town.commit(lambda uow: uow.add(CONVERSATIONS, _conversation(uow, "cnv_closed", department.id, "closed")))
    held = await town.commit(
        lambda uow: uow.add(CONVERSATIONS, _conversation(uow, "cnv_open", department.id, "snoozed"))
    )
    path = f"/departments/{department.id}"

    async def used() -> tuple[int, int, int]:
        reply = await mara.ask("DELETE", path)
        assert (reply.status, reply.code) == (409, "in_use")
        told = reply.json()
        return told["members"], told["departments"], told["conversations"]

    assert await used() == (1, 1, 1)
    await mara.done("DELETE", f"{path}/members/{ben.id}")
    assert await used() == (0, 1, 1)
    await mara.done("DELETE", f"/departments/{child.id}")
    assert await used() == (0, 0, 1)
    await town.commit(lambda uow: uow.put(CONVERSATIONS, uow.need(CONVERSATIONS, held.id), status="closed"))
    assert (await mara.ask("DELETE", path)).status == 204


async def test_business_hours_are_kept_in_order_of_the_week(town: World) -> None:
    mara, department = await town.member("super_admin"), await town.department()
    path = f"/departments/{department.id}/business-hours"
    assert await mara.done("GET", path) == {"time_zone": "UTC", "hours": []}
    late = {"weekday": 4, "opens": "18:00", "closes": "24:00"}
    early = {"weekday": 4, "opens": "09:00", "closes": "18:00"}
    first = {"weekday": 0, "opens": "00:00", "closes": "09:30"}
    body = {"time_zone": "Europe/Lisbon", "hours": [late, early, first]}
    kept = await mara.ask("PUT", path, body, headers={"If-Match": '"1"'})
    assert kept.json() == {"time_zone": "Europe/Lisbon", "hours": [first, early, late]}
    assert await mara.done("GET", path) == kept.json()
    assert (await mara.done("GET", f"/departments/{department.id}"))["time_zone"] == "Europe/Lisbon"
    stale = await mara.ask("PUT", path, {**body, "hours": []}, headers={"If-Match": '"1"'})
    assert stale.code == "version_conflict"
    for method, where in (("GET", path), ("GET", path.replace("business-hours", "holidays"))):
        assert (await mara.ask(method, where.replace(department.id, "dep_nowhere"))).code == "not_found"


async def test_holidays_are_kept_in_order_of_time(town: World) -> None:
    mara, department = await town.member("super_admin"), await town.department()
    path = f"/departments/{department.id}/holidays"
    days = [{"date": "2027-01-01", "name": "New Year"}, {"date": "2026-12-25"}]
    kept = await mara.done("PUT", path, {"holidays": days})
    assert kept == {"holidays": [{"date": "2026-12-25", "name": ""}, days[0]]}
    assert await mara.done("GET", path) == kept
    wrong = await mara.ask("PUT", path, {"holidays": [days[0], {"date": "2027-02-29"}]})
    assert (wrong.status, wrong.pointers) == (422, {"/holidays/1/date"})


def _conversation(uow: UnitOfWork, id: str, department_id: str, status: ConversationStatus) -> Conversation:
    return Conversation(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        number=uow.number(),
        thread_id="thr_1",
        account_id="acc_1",
        channel="whatsapp",
        contact_id="con_1",
        status=status,
        department_id=department_id,
        last_activity_at=uow.now,
    )
