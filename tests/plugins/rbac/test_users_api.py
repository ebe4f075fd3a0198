"""People over HTTP: made, found, changed, replaced, and what is refused of a body."""

from __future__ import annotations

from typing import Any

import pytest

from patchbay.collections import Collection
from patchbay.ports import Query
from patchbay_rbac.documents import LETTERS, USERS
from tests.plugins.rbac.world import PASSWORD, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIELDS = {
    "id",
    "email",
    "name",
    "status",
    "role_ids",
    "roles",
    "department_ids",
    "availability",
    "locale",
    "time_zone",
    "two_factor",
    "last_sign_in_at",
    "created_at",
    "updated_at",
    "version",
}
READ_ONLY: dict[str, Any] = {
    "id": "usr_mine",
    "status": "active",
    "login": "a@b",
    "password_hash": "$argon2id$x",
    "two_factor": True,
    "two_factor_due_at": None,
    "last_sign_in_at": "2026-01-01T00:00:00.000Z",
    "availability": "online",
    "created_at": "2026-01-01T00:00:00.000Z",
    "version": 7,
    "is_admin": True,
    "builtin": True,
}


async def test_whoever_is_made_with_a_password_signs_in_with_it(town: World) -> None:
    mara = await town.member("super_admin")
    sales = await town.department()
    body = {
        "email": " Ben.Sailor@Example.org ",
        "name": "Ben Sailor",
        "password": PASSWORD,
        "roles": ["agent"],
        "department_ids": [sales.id],
        "time_zone": "Europe/Lisbon",
        "locale": "pt-PT",
    }
    made = await mara.ask("POST", "/users", body)
    assert made.status == 201
    user = made.json()
    assert user.keys() == FIELDS
    assert made.headers["Location"] == f"/api/v1/users/{user['id']}"
    assert made.headers["ETag"] == '"1"'
    assert (user["email"], user["status"]) == ("Ben.Sailor@Example.org", "active")
    assert user["role_ids"] == user["roles"] == ["agent"]
    assert b"argon2" not in made.body
    signed_in = await town.nobody().done(
        "POST", "/auth/login", {"email": "BEN.sailor@example.org", "password": PASSWORD}
    )
    assert signed_in["user"]["department_ids"] == [sales.id]
    assert (await mara.done("GET", f"/departments/{sales.id}"))["member_ids"] == [user["id"]]


async def test_whoever_is_made_without_a_password_is_invited(town: World) -> None:
    mara = await town.member("super_admin")
    made = await mara.done("POST", "/users", {"email": "ana@localhost", "name": "Ana", "role_ids": ["read_only"]})
    assert made["status"] == "invited"
    letters = [letter for letter in await _all(town, LETTERS) if letter.user_id == made["id"]]
    assert [letter.purpose for letter in letters] == ["invite"]
    quiet = await mara.done("POST", "/users", {"email": "quiet@localhost", "name": "Quiet", "invite": False})
    assert quiet["id"] not in {letter.user_id for letter in await _all(town, LETTERS)}
    both = {"email": "both@localhost", "name": "Both", "password": PASSWORD, "invite": True}
    assert (await mara.ask("POST", "/users", both)).pointers == {"/invite"}
    assert (await mara.ask("POST", f"/users/{made['id']}/activate")).code == "conflict"


async def test_one_key_makes_one_person_and_one_letter(town: World) -> None:
    mara = await town.member("super_admin")
    body, headers = {"email": "once@example.org", "name": "Once"}, {"Idempotency-Key": "the-only-one"}
    first = await mara.ask("POST", "/users", body, headers=headers)
    again = await mara.ask("POST", "/users", body, headers=headers)
    assert (first.status, again.status, again.headers["Idempotency-Replayed"]) == (201, 201, "true")
    assert again.json() == first.json()
    assert len([each for each in await _all(town, LETTERS) if each.user_id == first.json()["id"]]) == 1
    other = await mara.ask("POST", "/users", {**body, "name": "Twice"}, headers=headers)
    assert other.code == "idempotency_mismatch"


async def test_an_address_is_one_persons_however_it_is_written(town: World) -> None:
    mara = await town.member("super_admin")
    taken = await town.user(email="straße@example.org")
    refused = await mara.ask("POST", "/users", {"email": "STRASSE@example.org", "name": "Other", "password": PASSWORD})
    assert (refused.status, refused.code, refused.json()["id"]) == (409, "already_exists", taken.id)
    ben = await town.user()
    assert (await mara.ask("PATCH", f"/users/{ben.id}", {"email": "Strasse@example.org"})).code == "already_exists"
    moved = await mara.done("PATCH", f"/users/{taken.id}", {"email": "moved@example.org"})
    assert moved["email"] == "moved@example.org"
    assert (await mara.ask("PATCH", f"/users/{ben.id}", {"email": "Strasse@example.org"})).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "no-at-sign"}, "/email"),
        ({"email": "two@at@signs"}, "/email"),
        ({"email": "with space@example.org"}, "/email"),
        ({"email": "bcc@example.org,other@example.org"}, "/email"),
        ({"email": "line@example.org\r\nBcc: all@example.org"}, "/email"),
        ({"email": "dot@example..org"}, "/email"),
        ({"email": f"{'a' * 65}@example.org"}, "/email"),
        ({"email": 5}, "/email"),
        ({"name": "   "}, "/name"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "n" * 201}, "/name"),
        ({"role_ids": ["agent", "pilot"]}, "/role_ids/1"),
        ({"role_ids": "agent"}, "/role_ids"),
        ({"department_ids": ["dep_nowhere"]}, "/department_ids/0"),
        ({"roles": ["agent"], "role_ids": ["agent"]}, "/roles"),
        ({"time_zone": "Europe/Atlantis"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"locale": "english please"}, "/locale"),
        ({"password": "short"}, "/password"),
        ({"password": "passwordpassword"}, "/password"),
        ({"password": "valid.person twice"}, "/password"),
        ({"password": 123456789012}, "/password"),
        ({"invite": "yes"}, "/invite"),
    ],
)
async def test_a_wrong_field_is_named(town: World, body: dict[str, Any], pointer: str) -> None:
    mara = await town.member("super_admin")
    refused = await mara.ask("POST", "/users", {"email": "valid@example.org", "name": "Valid Person", **body})
    assert (refused.status, refused.pointers) == (422, {pointer})


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_what_cannot_be_set_is_refused_by_name(town: World, method: str) -> None:
    mara, ben = await town.member("super_admin"), await town.user("agent")
    path = "/users" if method == "POST" else f"/users/{ben.id}"
    for field, value in READ_ONLY.items():
        body = {"email": f"mass-{method.lower()}@example.org", "name": "Mass", field: value}
        refused = await mara.ask(method, path, body)
        assert (refused.status, refused.pointers) == (422, {f"/{field}"}), field
    if method != "POST":
        refused = await mara.ask(method, path, {"email": "x@example.org", "name": "X", "password": PASSWORD})
        assert refused.pointers == {"/password"}
    assert town.rbac.people.user(ben.id) == ben


async def test_put_replaces_and_patch_changes(town: World) -> None:
    mara = await town.member("super_admin")
    sales = await town.department()
    ben = await town.user("agent", departments=[sales.id], locale="en", time_zone="UTC")
    path = f"/users/{ben.id}"
    changed = await mara.ask("PATCH", path, {"name": "Ben"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert (changed.json()["role_ids"], changed.json()["locale"]) == (["agent"], "en")
    stale = await mara.ask("PATCH", path, {"name": "Benny"}, headers={"If-Match": '"1"'})
    assert (stale.status, stale.code, stale.json()["current_version"]) == (412, "version_conflict", 2)
    replaced = await mara.done("PUT", path, {"email": "ben@example.org", "name": "Ben"})
    assert (replaced["role_ids"], replaced["department_ids"], replaced["locale"]) == ([], [], None)
    assert (await mara.ask("PUT", path, {"name": "Ben"})).pointers == {"/email"}
    unchanged = await mara.ask("PATCH", path, {"name": "Ben"})
    assert unchanged.headers["ETag"] == '"3"'
    assert (await mara.ask("GET", path, headers={"If-None-Match": '"3"'})).status == 304
    assert (await mara.ask("PATCH", "/users/usr_nobody", {"name": "N"})).status == 404
    assert (await mara.ask("GET", "/users/usr_nobody")).code == "not_found"


async def test_people_are_found_by_role_department_status_and_beginnings(town: World) -> None:
    mara = await town.member("super_admin")
    sales = await town.department()
    one = await town.user("supervisor", departments=[sales.id], name="Zora Quick", email="zq@findme.example")
    two = await town.user("agent", departments=[sales.id], name="Adam Quick", status="suspended")

    async def ids(**query: str) -> list[str]:
        return [user["id"] for user in (await mara.done("GET", "/users", **query))["data"]]

    assert await ids(department=sales.id) == [two.id, one.id]  # by name
    assert await ids(department=sales.id, sort="-name") == [one.id, two.id]
    assert await ids(department=sales.id, sort="created_at") == [one.id, two.id]
    assert await ids(department=sales.id, role="supervisor") == [one.id]
    assert await ids(department=sales.id, status="suspended,invited") == [two.id]
    assert await ids(q="qui zor") == [one.id]
    assert await ids(q="zq@findme") == [one.id]
    page = await mara.done("GET", "/users", department=sales.id, limit="1")
    assert page["page"]["has_more"]
    assert await ids(department=sales.id, limit="1", cursor=page["page"]["next"]) == [one.id]
    wrong = {"status": ("ghost", "?status.0"), "sort": ("password_hash", "?sort"), "limit": ("0", "?limit")}
    for name, (value, pointer) in {**wrong, "email": ("x", "?email")}.items():
        assert (await mara.ask("GET", "/users", None, headers=None, **{name: value})).pointers == {pointer}


async def test_availability_is_ones_own_matter_and_that_of_whoever_may_change_people(town: World) -> None:
    ben, cleo = await town.member("agent"), await town.member("agent")
    mine = await ben.done("PUT", f"/users/{ben.id}/availability", {"availability": "online"})
    assert (mine["availability"], mine["version"]) == ("online", 2)
    refused = await ben.ask("PUT", f"/users/{cleo.id}/availability", {"availability": "online"})
    assert (refused.status, refused.json()["permission"]) == (403, "users.write")
    mara = await town.member("admin")
    assert (await mara.ask("PUT", f"/users/{cleo.id}/availability", {"availability": "away"})).status == 200
    assert (await ben.ask("PUT", f"/users/{ben.id}/availability", {"availability": "asleep"})).status == 422


async def test_everybody_who_may_see_people_sees_their_names_and_nobody_else_does(town: World) -> None:
    ben, rita = await town.member("agent", name="Ben"), await town.member("read_only")
    assert (await ben.done("GET", f"/users/{rita.id}"))["name"] == rita.user.name
    for path in ("/users", f"/users/{ben.id}"):
        assert (await rita.ask("GET", path)).status == 403
        assert (await town.nobody().ask("GET", path)).status == 401


async def test_events_of_people_reach_whoever_may_see_them_and_the_person(town: World) -> None:
    mara, ben, rita = await town.member("super_admin"), await town.member("agent"), await town.member("read_only")
    made = await mara.done("POST", "/users", {"email": "told@example.org", "name": "Told", "password": PASSWORD})
    await mara.done("PATCH", f"/users/{rita.id}", {"name": "Rita Renamed"})
    types = ("user.created", "user.updated")
    seen = {
        each: {(event["type"], event["data"]["id"]) for event in await each.events(*types)}
        for each in (mara, ben, rita)
    }
    for reader in (mara, ben):
        assert ("user.created", made["id"]) in seen[reader]
        assert ("user.updated", rita.id) in seen[reader]
    assert ("user.created", made["id"]) not in seen[rita]
    assert ("user.updated", rita.id) in seen[rita]


async def _all(world: World, collection: Collection[Any]) -> list[Any]:
    return await world.gateway.inbox.find_all(Query(collection, limit=200))


async def test_no_list_shows_a_hash(town: World) -> None:
    mara = await town.member("super_admin")
    assert all(user.password_hash for user in await _all(town, USERS) if user.status == "active")
    listed = await mara.ask("GET", "/users", limit="200", status="active,invited,suspended,deleted")
    assert b"argon2" not in listed.body
    assert b"password" not in listed.body
