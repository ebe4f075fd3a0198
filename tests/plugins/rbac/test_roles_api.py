"""Roles and permissions over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay_rbac.roles import SELF
from tests.plugins.rbac.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")
BUILT_IN = ["super_admin", "admin", "supervisor", "agent", "read_only"]


async def test_permissions_say_for_which_rows_they_can_be_given(town: World) -> None:
    mara = await town.member("super_admin")
    answer = await mara.done("GET", "/permissions")
    told = {each["name"]: each for each in answer["data"]}
    assert told.keys() == town.rbac.host.permissions().keys() - {SELF}
    assert told["conversations.read"]["scopes"] == ["own", "department", "all"]
    assert told["users.read"] == {"name": "users.read", "description": "See people", "scopes": ["all"]}
    assert answer["page"] == {"next": None, "has_more": False}


async def test_a_role_is_made_changed_replaced_and_deleted(town: World) -> None:
    mara = await town.member("super_admin")
    body = {"name": "Tagger", "permissions": {"conversations.read": "own", "tags.read": "all"}}
    made = await mara.ask("POST", "/roles", body)
    role = made.json()
    assert (made.status, made.headers["Location"]) == (201, f"/api/v1/roles/{role['id']}")
    assert (role["permissions"], role["builtin"], role["description"]) == (body["permissions"], False, "")
    path = f"/roles/{role['id']}"
    assert await mara.done("GET", path) == role
    changed = await mara.ask("PATCH", path, {"permissions": ["tags.read", "tags.write"]}, headers={"If-Match": '"1"'})
    assert changed.json()["permissions"] == {"tags.read": "all", "tags.write": "all"}
    assert changed.headers["ETag"] == '"2"'
    assert (await mara.ask("DELETE", path, headers={"If-Match": '"1"'})).code == "version_conflict"
    replaced = await mara.done("PUT", path, {"name": "Labeller", "permissions": []})
    assert (replaced["name"], replaced["permissions"]) == ("Labeller", {})
    assert (await mara.ask("DELETE", path)).status == 204
    assert (await mara.ask("GET", path)).code == "not_found"
    assert (await mara.ask("POST", "/roles", {**body, "name": "Labeller"})).status == 201  # the name is free again
    told = await mara.events("role.created", "role.updated", "role.deleted")
    assert [each["type"] for each in told if each["subject"]["id"] == role["id"]] == [
        "role.created",
        "role.updated",
        "role.updated",
        "role.deleted",
    ]


@pytest.mark.parametrize("role_id", BUILT_IN)
async def test_a_role_that_is_built_in_stays_as_it_is(town: World, role_id: str) -> None:
    mara = await town.member("super_admin")
    before = await mara.done("GET", f"/roles/{role_id}")
    assert before["builtin"] is True
    for method, body in (
        ("PATCH", {"permissions": []}),
        ("PUT", {"name": "Mine", "permissions": []}),
        ("DELETE", None),
    ):
        reply = await mara.ask(method, f"/roles/{role_id}", body)
        assert (reply.status, reply.code) == (409, "conflict")
    assert await mara.done("GET", f"/roles/{role_id}") == before


async def test_a_role_in_use_says_by_how_many(town: World) -> None:
    mara = await town.member("super_admin")
    role = await town.role({"tags.read": "all"})
    users = [await town.user(role.id), await town.user(role.id, status="invited")]
    reply = await mara.ask("DELETE", f"/roles/{role.id}")
    assert (reply.status, reply.code, reply.json()["users"]) == (409, "in_use", 2)
    for user in users:
        await mara.done("DELETE", f"/users/{user.id}")
    assert (await mara.ask("DELETE", f"/roles/{role.id}")).status == 204


@pytest.mark.parametrize(
    ("permissions", "pointer"),
    [
        ({"conversations.fly": "all"}, "/permissions/conversations.fly"),
        (["tags.read", "conversations.fly"], "/permissions/conversations.fly"),
        ({"tags.read": "department"}, "/permissions/tags.read"),
        ({"users.write": "own"}, "/permissions/users.write"),
        ({"conversations.read": "some"}, "/permissions/conversations.read"),
        ({"conversations.read": ["all"]}, "/permissions/conversations.read"),
        ([{"name": "tags.read"}], "/permissions/0"),
        ("all", "/permissions"),
        (None, "/permissions"),
    ],
)
async def test_a_wrong_permission_is_named(town: World, permissions: Any, pointer: str) -> None:
    mara = await town.member("super_admin")
    for method, path in (("POST", "/roles"), ("PATCH", f"/roles/{(await town.role({})).id}")):
        reply = await mara.ask(method, path, {"name": "Wrong", "permissions": permissions})
        assert (reply.status, reply.pointers) == (422, {pointer})


async def test_what_cannot_be_set_is_refused_by_name(town: World) -> None:
    mara = await town.member("super_admin")
    role = await town.role({})
    for field in ("id", "builtin", "grants", "version", "created_at", "users"):
        for method, path in (("POST", "/roles"), ("PUT", f"/roles/{role.id}"), ("PATCH", f"/roles/{role.id}")):
            reply = await mara.ask(method, path, {"name": "Mass", "permissions": {}, field: "x"})
            assert (reply.status, reply.pointers) == (422, {f"/{field}"})


async def test_two_roles_have_two_names(town: World) -> None:
    mara = await town.member("super_admin")
    await mara.done("POST", "/roles", {"name": "Night Watch", "permissions": []})
    for name in ("night watch", "Agent", "READ-ONLY", "super_admin"):
        reply = await mara.ask("POST", "/roles", {"name": name, "permissions": []})
        assert (reply.status, reply.code) == (409, "already_exists"), name
    other = await town.role({})
    assert (await mara.ask("PATCH", f"/roles/{other.id}", {"name": "NIGHT WATCH"})).code == "already_exists"


async def test_the_list_is_read_page_by_page(town: World) -> None:
    mara = await town.member("super_admin")
    whole = [role["id"] for role in (await mara.done("GET", "/roles", limit="200"))["data"]]
    assert whole[: len(BUILT_IN)] == BUILT_IN
    pages: list[str] = []
    query = {"limit": "3"}
    while True:
        page = await mara.done("GET", "/roles", **query)
        pages += [role["id"] for role in page["data"]]
        if not page["page"]["has_more"]:
            break
        query["cursor"] = page["page"]["next"]
    assert pages == whole
    for cursor in ("nonsense", "W10=", "WzEsMiwzXQ==", "e30="):
        assert (await mara.ask("GET", "/roles", cursor=cursor)).pointers == {"?cursor"}
