"""Every way to come to more than one has: all are refused, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay_rbac.documents import Scope
from patchbay_rbac.roles import builtin_roles
from tests.plugins.rbac.world import PASSWORD, Client, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

DESK: dict[str, Scope] = dict.fromkeys(  # may change people, roles and departments, and has nothing else to give
    (
        "users.read",
        "users.write",
        "users.suspend",
        "users.delete",
        "roles.read",
        "roles.write",
        "departments.read",
        "departments.write",
    ),
    "all",
)
DEPARTMENTAL: Scope = "department"


async def refused(client: Client, method: str, path: str, body: Any = None) -> None:
    """The request is refused with 403, and says no more than which right is missing."""
    reply = await client.ask(method, path, body)
    assert (reply.status, reply.code) == (403, "forbidden"), (method, path, body, reply)


async def test_only_super_admins_touch_super_admins(town: World) -> None:
    mara, admin = await town.user("super_admin"), await town.member("admin")
    path = f"/users/{mara.id}"
    for method, where, body in (
        ("PATCH", path, {"name": "Owned"}),
        ("PATCH", path, {"email": "mine@example.org"}),
        ("PUT", path, {"email": mara.email, "name": mara.name, "role_ids": ["super_admin"]}),
        ("DELETE", path, None),
        ("POST", f"{path}/suspend", None),
        ("POST", f"{path}/activate", None),
        ("POST", f"{path}/invite", None),
        ("PUT", f"{path}/availability", {"availability": "away"}),
    ):
        await refused(admin, method, where, body)
    assert town.rbac.people.user(mara.id) == mara


async def test_only_super_admins_make_super_admins(town: World) -> None:
    admin, ben = await town.member("admin"), await town.user("agent")
    new = {"email": "super@example.org", "name": "Super", "password": PASSWORD, "role_ids": ["super_admin"]}
    await refused(admin, "POST", "/users", new)
    await refused(admin, "PATCH", f"/users/{ben.id}", {"role_ids": ["agent", "super_admin"]})
    await refused(admin, "PATCH", f"/users/{admin.id}", {"roles": ["super_admin"]})
    await refused(admin, "PUT", f"/users/{ben.id}", {"email": ben.email, "name": ben.name, "roles": ["super_admin"]})
    assert town.rbac.people.by_login("super@example.org") is None


async def test_an_admin_makes_admins_and_everybody_below(town: World) -> None:
    admin, ben = await town.member("admin"), await town.user("read_only")
    sales = await town.department()
    for role in ("admin", "supervisor", "agent"):
        changed = await admin.done("PATCH", f"/users/{ben.id}", {"role_ids": [role], "department_ids": [sales.id]})
        assert changed["role_ids"] == [role]


@pytest.mark.parametrize("role", ["super_admin", "admin", "supervisor", "agent", "read_only"])
async def test_nobody_gives_a_role_that_gives_more_than_they_have(town: World, role: str) -> None:
    desk, ben = await town.holder(DESK), await town.user()
    await refused(desk, "PATCH", f"/users/{ben.id}", {"role_ids": [role]})
    await refused(desk, "PATCH", f"/users/{desk.id}", {"role_ids": [*desk.user.role_ids, role]})
    body = {"email": f"new-{role}@example.org", "name": "New", "password": PASSWORD, "role_ids": [role]}
    await refused(desk, "POST", "/users", body)
    plain = await town.role({"users.read": "all"})
    assert (await desk.ask("PATCH", f"/users/{ben.id}", {"role_ids": [plain.id]})).status == 200


@pytest.mark.parametrize("role", ["admin", "supervisor", "agent", "read_only"])
async def test_nobody_changes_somebody_who_may_do_more(town: World, role: str) -> None:
    """Else they would write their own address there, and ask for a new password."""
    desk, target = await town.holder(DESK), await town.user(role)
    path = f"/users/{target.id}"
    for method, where, body in (
        ("PATCH", path, {"email": f"taken-over-{role}@example.org"}),
        ("PATCH", path, {"role_ids": []}),
        ("PUT", path, {"email": f"taken-over-{role}@example.org", "name": "Mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/suspend", None),
        ("PUT", f"{path}/availability", {"availability": "online"}),
    ):
        await refused(desk, method, where, body)
    suspended = await town.user(role, status="suspended")
    await refused(desk, "POST", f"/users/{suspended.id}/activate")
    await refused(desk, "PATCH", f"/users/{suspended.id}", {"email": f"sleeping-{role}@example.org"})


async def test_people_without_roles_write_give_no_roles_and_take_none(town: World) -> None:
    writer = await town.holder({"users.read": "all", "users.write": "all"})
    plain = await town.role({"users.read": "all"})
    ben, cleo = await town.user(), await town.user(plain.id)
    for user, role_ids in ((ben, [plain.id]), (cleo, [])):
        reply = await writer.ask("PATCH", f"/users/{user.id}", {"role_ids": role_ids})
        assert (reply.status, reply.json()["permission"]) == (403, "roles.write")
    sales = await town.department()
    reply = await writer.ask("PATCH", f"/users/{ben.id}", {"department_ids": [sales.id]})
    assert (reply.status, reply.json()["permission"]) == (403, "departments.write")
    assert (await writer.ask("PATCH", f"/users/{ben.id}", {"name": "Ben"})).status == 200


async def test_a_role_is_made_of_what_its_maker_has(town: World) -> None:
    desk = await town.holder({**DESK, "conversations.read": "department"})
    for permissions in (
        ["channels.write"],
        ["users.read", "audit.read"],
        {"conversations.read": "all"},
        {"conversations.write": "own"},
    ):
        await refused(desk, "POST", "/roles", {"name": "More", "permissions": permissions})
    made = await desk.done("POST", "/roles", {"name": "Same", "permissions": {"conversations.read": "own"}})
    path = f"/roles/{made['id']}"
    await refused(desk, "PATCH", path, {"permissions": {"conversations.read": "all"}})
    await refused(desk, "PUT", path, {"name": "Same", "permissions": ["channels.write"]})
    powerful = await town.role({"channels.write": "all"})
    await refused(desk, "PATCH", f"/roles/{powerful.id}", {"permissions": {}})
    await refused(desk, "PATCH", f"/roles/{powerful.id}", {"name": "Harmless"})
    await refused(desk, "DELETE", f"/roles/{powerful.id}")
    assert (await desk.ask("PATCH", path, {"permissions": {"conversations.read": "department"}})).status == 200


async def test_the_role_one_has_cannot_be_widened_by_oneself(town: World) -> None:
    desk = await town.holder(DESK)
    (role_id,) = desk.user.role_ids
    everything = sorted(builtin_roles(town.rbac.host.permissions())["admin"].grants)
    await refused(desk, "PATCH", f"/roles/{role_id}", {"permissions": everything})
    await refused(desk, "PUT", f"/roles/{role_id}", {"name": "All", "permissions": everything})


async def test_nobody_puts_people_where_they_would_see_more(town: World) -> None:
    ours, theirs = await town.department(), await town.department()
    grants: dict[str, Scope] = {**DESK, "conversations.read": DEPARTMENTAL}
    desk = await town.holder(grants, departments=[ours.id])
    reader = await town.role({"conversations.read": "department"})
    ben = await town.user(reader.id)
    for method, path, body in (
        ("PATCH", f"/users/{ben.id}", {"department_ids": [theirs.id]}),
        ("PATCH", f"/users/{desk.id}", {"department_ids": [ours.id, theirs.id]}),
        ("POST", f"/departments/{theirs.id}/members/{ben.id}", None),
        ("POST", f"/departments/{theirs.id}/members/{desk.id}", None),
        ("PUT", f"/departments/{theirs.id}/members", {"user_ids": [desk.id]}),
        ("PATCH", f"/departments/{theirs.id}", {"head_id": desk.id}),
        ("PATCH", f"/departments/{theirs.id}", {"head_id": ben.id}),
    ):
        await refused(desk, method, path, body)
    assert town.rbac.people.members(theirs.id) == []
    assert (await desk.ask("POST", f"/departments/{ours.id}/members/{ben.id}")).status == 200


async def test_a_head_cannot_hang_other_departments_below_their_own(town: World) -> None:
    desk = await town.holder({**DESK, "conversations.read": DEPARTMENTAL})
    ours, theirs = await town.department(head_id=desk.id), await town.department()
    await refused(desk, "PATCH", f"/departments/{theirs.id}", {"parent_id": ours.id})
    below = await desk.done("POST", "/departments", {"name": "Made below", "parent_id": ours.id})
    assert (await desk.ask("PATCH", f"/departments/{below['id']}", {"name": "Still below"})).status == 200


async def test_a_role_cannot_be_widened_for_people_of_other_departments(town: World) -> None:
    ours, theirs = await town.department(), await town.department()
    grants: dict[str, Scope] = {**DESK, "conversations.read": DEPARTMENTAL}
    desk = await town.holder(grants, departments=[ours.id])
    role = await town.role({"users.read": "all"})
    await town.user(role.id, departments=[ours.id])
    wider = {"permissions": {"users.read": "all", "conversations.read": "department"}}
    assert (await desk.ask("PATCH", f"/roles/{role.id}", wider)).status == 200
    other = await town.role({"users.read": "all"})
    await town.user(other.id, departments=[theirs.id])
    await refused(desk, "PATCH", f"/roles/{other.id}", wider)


async def test_a_key_does_no_more_than_was_granted_to_it(town: World) -> None:
    mara, cleo = await town.member("super_admin"), await town.user("super_admin")
    key = await town.key(mara.user, DESK)
    ben = await town.user("agent")
    for method, path, body in (
        ("PATCH", f"/users/{mara.id}", {"email": "stolen@example.org"}),
        ("PATCH", f"/users/{ben.id}", {"email": "stolen@example.org"}),
        ("PATCH", f"/users/{ben.id}", {"role_ids": ["admin"]}),
        ("POST", "/users", {"email": "k@example.org", "name": "K", "password": PASSWORD, "roles": ["super_admin"]}),
        ("POST", f"/users/{cleo.id}/suspend", None),
        ("DELETE", f"/users/{mara.id}", None),
        ("PUT", f"/users/{mara.id}/availability", {"availability": "away"}),
        ("POST", "/roles", {"name": "By key", "permissions": ["channels.write"]}),
    ):
        await refused(key, method, path, body)
    plain = await town.user()
    assert (await key.ask("PATCH", f"/users/{plain.id}", {"name": "Plain"})).status == 200


async def test_reading_gives_no_writing(town: World) -> None:
    ben, sales = await town.member("agent"), await town.department()
    for method, path, body in (
        ("POST", "/users", {"email": "n@example.org", "name": "N"}),
        ("PATCH", f"/users/{ben.id}", {"role_ids": ["admin"]}),
        ("PUT", f"/users/{ben.id}", {"email": "n@example.org", "name": "N", "role_ids": ["admin"]}),
        ("DELETE", f"/users/{ben.id}", None),
        ("POST", f"/users/{ben.id}/activate", None),
        ("POST", f"/users/{ben.id}/suspend", None),
        ("POST", "/roles", {"name": "R", "permissions": []}),
        ("PATCH", "/roles/agent", {"permissions": []}),
        ("GET", "/roles", None),
        ("GET", "/permissions", None),
        ("POST", "/departments", {"name": "D"}),
        ("DELETE", f"/departments/{sales.id}", None),
        ("POST", f"/departments/{sales.id}/members/{ben.id}", None),
        ("PUT", f"/departments/{sales.id}/business-hours", {"time_zone": "UTC", "hours": []}),
    ):
        await refused(ben, method, path, body)
