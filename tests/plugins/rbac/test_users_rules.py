"""Suspending and deleting: who must stay, what ends at once, and what is left of somebody."""

from __future__ import annotations

import asyncio
import time

from patchbay.inbox.unit import UnitOfWork
from patchbay.ports import Query, Where
from patchbay_rbac.documents import DEPARTMENTS, KEYS, LETTERS, SESSIONS, USERS
from tests.plugins.rbac.world import PASSWORD, World


async def test_the_first_administrator_ends_the_administrators_token(world: World) -> None:
    token = world.administrator()
    agent = {"email": "ben@example.org", "name": "Ben", "password": PASSWORD, "role_ids": ["agent"]}
    await token.done("POST", "/users", agent)
    assert (await token.ask("GET", "/users")).status == 200
    await token.done("POST", "/users", {**agent, "email": "mara@example.org", "role_ids": ["super_admin"]})
    assert (await token.ask("GET", "/users")).status == 401


async def test_the_last_super_administrator_stays_whatever_is_tried(world: World) -> None:
    mara = await world.member("super_admin")
    await world.user("admin")
    path = f"/users/{mara.id}"
    for method, where, body in (
        ("POST", f"{path}/suspend", None),
        ("DELETE", path, None),
        ("PATCH", path, {"role_ids": ["admin"]}),
        ("PUT", path, {"email": "mara@example.org", "name": "Mara"}),
    ):
        refused = await mara.ask(method, where, body)
        assert (refused.status, refused.code) == (409, "last_admin"), (method, where)
    await world.user("super_admin", status="suspended")  # nobody who could do anything
    assert (await mara.ask("PATCH", path, {"role_ids": []})).code == "last_admin"
    second = await world.user("super_admin")
    assert (await mara.ask("POST", f"{path}/suspend")).code == "conflict"  # nobody suspends themselves
    assert (await mara.ask("DELETE", path)).code == "conflict"
    assert (await mara.ask("PATCH", path, {"role_ids": ["admin"]})).status == 200
    assert [user.id for user in world.rbac.people.super_admins()] == [second.id]


async def test_the_last_administrator_of_all_stays(world: World) -> None:
    await world.user("supervisor")
    last = await world.member("admin")
    refused = await last.ask("PATCH", f"/users/{last.id}", {"role_ids": ["agent"]})
    assert (refused.status, refused.code) == (409, "last_admin")
    await world.user("admin")
    assert (await last.ask("PATCH", f"/users/{last.id}", {"role_ids": ["agent"]})).status == 200


async def test_of_two_who_take_each_other_the_role_at_once_one_stays(world: World) -> None:
    for _ in range(10):
        one, two = await world.member("super_admin"), await world.member("super_admin")
        replies = await asyncio.gather(
            one.ask("PATCH", f"/users/{two.id}", {"role_ids": []}),
            two.ask("PATCH", f"/users/{one.id}", {"role_ids": []}),
        )
        assert sorted(reply.status for reply in replies) == [200, 403]
        assert len(world.rbac.people.super_admins()) == 1
        await _retire_all(world)


async def _retire_all(world: World) -> None:
    def command(uow: UnitOfWork) -> None:
        for user in world.rbac.people.super_admins():
            uow.put(USERS, uow.need(USERS, user.id), role_ids=())

    await world.commit(command)


async def test_who_is_suspended_is_out_at_once_and_comes_back(world: World) -> None:
    mara, ben = await world.member("super_admin"), await world.member("agent")
    key = await world.key(ben.user, {"users.read": "all"})
    assert (await ben.ask("GET", "/auth/me")).status == 200
    assert (await key.ask("GET", "/users")).status == 200
    suspended = await mara.done("POST", f"/users/{ben.id}/suspend")
    assert (suspended["status"], suspended["availability"]) == ("suspended", "offline")
    assert (await ben.ask("GET", "/auth/me")).status == 401
    assert (await key.ask("GET", "/users")).status == 401
    body = {"email": ben.user.email, "password": PASSWORD}
    refused = await world.nobody().ask("POST", "/auth/login", body)
    assert (refused.status, refused.code) == (401, "invalid_credentials")
    again = await mara.ask("POST", f"/users/{ben.id}/suspend")
    assert (again.status, again.json()["version"]) == (200, suspended["version"])
    assert (await mara.done("POST", f"/users/{ben.id}/activate"))["status"] == "active"
    assert (await ben.ask("GET", "/auth/me")).status == 401  # that session stays ended
    assert (await key.ask("GET", "/users")).status == 200
    assert (await world.nobody().ask("POST", "/auth/login", body)).status == 200


async def test_of_who_is_deleted_the_name_is_left(world: World) -> None:
    mara = await world.member("super_admin")
    sales = await world.department()
    ben = await world.member("agent", departments=[sales.id], name="Ben Sailor", email="ben@example.org")
    await world.commit(lambda uow: uow.put(DEPARTMENTS, uow.need(DEPARTMENTS, sales.id), head_id=ben.id))
    key = await world.key(ben.user, {"users.read": "all"})
    gone = await mara.ask("DELETE", f"/users/{ben.id}", headers={"If-Match": '"1"'})
    assert (gone.status, gone.body) == (204, b"")
    assert (await ben.ask("GET", "/auth/me")).status == 401
    assert (await key.ask("GET", "/users")).status == 401
    shown = await mara.done("GET", f"/users/{ben.id}")
    assert (shown["name"], shown["status"], shown["email"]) == ("Ben Sailor", "deleted", None)
    assert (shown["role_ids"], shown["department_ids"]) == ([], [])
    kept = world.rbac.people.user(ben.id)
    assert kept is not None
    assert (kept.password_hash, kept.login, kept.two_factor) == (None, "", None)
    assert ben.id not in {user["id"] for user in (await mara.done("GET", "/users"))["data"]}
    department = await mara.done("GET", f"/departments/{sales.id}")
    assert (department["member_ids"], department["head_id"]) == ([], None)
    (revoked,) = await world.gateway.inbox.find_all(Query(KEYS, (Where("owner_id", "eq", ben.id),), sort="owner_id"))
    assert revoked.revoked_at is not None
    assert (await mara.ask("DELETE", f"/users/{ben.id}")).status == 204
    for method, path, body in (
        ("PATCH", "", {"name": "Ben"}),
        ("POST", "/activate", None),
        ("POST", "/suspend", None),
        ("PUT", "/availability", {"availability": "online"}),
    ):
        assert (await mara.ask(method, f"/users/{ben.id}{path}", body)).code == "conflict"
    body = {"email": "ben@example.org", "name": "Another Ben", "password": PASSWORD}
    assert (await mara.ask("POST", "/users", body)).status == 201


async def test_a_letter_to_an_old_address_means_nothing(world: World) -> None:
    mara = await world.member("super_admin")
    invited = await mara.done("POST", "/users", {"email": "old@example.org", "name": "Ina"})
    await mara.done("PATCH", f"/users/{invited['id']}", {"email": "new@example.org"})
    where = (Where("user_id", "eq", invited["id"]),)
    (letter,) = await world.gateway.inbox.find_all(Query(LETTERS, where, sort="user_id"))
    assert letter.used_at is not None


async def test_a_role_withdrawn_acts_on_the_next_request(world: World) -> None:
    mara, ben = await world.member("super_admin"), await world.member("supervisor", departments=[])
    assert (await ben.ask("GET", "/roles")).status == 200
    began = time.monotonic()
    await mara.done("PATCH", f"/users/{ben.id}", {"role_ids": ["read_only"]})
    assert (await ben.ask("GET", "/roles")).status == 403
    assert time.monotonic() - began < 1.0  # E17
    role = await world.role({"roles.read": "all"})
    await mara.done("PATCH", f"/users/{ben.id}", {"role_ids": [role.id]})
    assert (await ben.ask("GET", "/roles")).status == 200
    await mara.done("PATCH", f"/roles/{role.id}", {"permissions": []})
    assert (await ben.ask("GET", "/roles")).status == 403


async def test_sessions_end_in_the_commit_that_suspends(world: World) -> None:
    mara, ben = await world.member("super_admin"), await world.user("agent")
    for _ in range(3):
        await world.signed_in(ben)
    await mara.done("POST", f"/users/{ben.id}/suspend")
    where = (Where("user_id", "eq", ben.id),)
    sessions = await world.gateway.inbox.find_all(Query(SESSIONS, where, sort="-created_at"))
    assert len(sessions) == 3
    assert {session.revoked_because for session in sessions} == {"the person was suspended"}
    suspended = world.rbac.people.user(ben.id)
    assert suspended is not None
    assert {session.revoked_at for session in sessions} == {suspended.updated_at}
