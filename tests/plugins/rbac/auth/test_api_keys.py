"""API keys: made within the rights of their maker, judged by those rights ever after."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from patchbay.inbox.unit import UnitOfWork
from patchbay_rbac.documents import KEYS, ROLES, Role
from tests.plugins.rbac.auth.house import ADMIN_TOKEN, BEN, MARA, House

DAY_S = 24 * 3600


@pytest_asyncio.fixture
async def mara(home: House) -> str:
    """The access token of a super admin."""
    await home.person(MARA, "super_admin")
    return await home.bearer(MARA)


async def made(home: House, token: str, permissions: Any, **more: Any) -> dict[str, Any]:
    body = {"name": "nightly export", "permissions": permissions, **more}
    heard = await home.ask("POST", "/api-keys", body, token=token)
    assert heard.status == 201, heard
    assert heard.headers["Location"] == f"/api/v1/api-keys/{heard.body['id']}"
    assert isinstance(heard.body, dict)
    return heard.body


async def by_header(home: House, key: str, path: str = "/conversations") -> int:
    return (await home.ask("GET", path, headers={"X-API-Key": key})).status


async def test_a_key_works_in_both_headers_for_what_it_was_given(home: House, mara: str) -> None:
    key = (await made(home, mara, ["conversations.read"]))["key"]
    assert await by_header(home, key) == 200
    assert (await home.ask("GET", "/conversations", token=key)).status == 200
    assert await by_header(home, key, "/contacts") == 403
    assert await by_header(home, key, "/auth/me") == 403
    assert await by_header(home, f"{key[:-1]}{'A' if key[-1] != 'A' else 'E'}") == 401


async def test_the_key_is_shown_once_and_its_prefix_ever_after(home: House, mara: str) -> None:
    key = await made(home, mara, {"conversations.read": "own"})
    text = key.pop("key")
    assert text.startswith(f"pb_{key['prefix']}_")
    await home.clock.advance(5)
    assert await by_header(home, text) == 200
    await home.settled()
    listed = await home.ask("GET", "/api-keys", token=mara)
    assert listed.body["data"] == [{**key, "last_used_at": "2026-01-01T12:00:05.000Z"}]
    assert (await home.ask("GET", f"/api-keys/{key['id']}", token=mara)).body == listed.body["data"][0]
    assert (key["owner_name"], key["permissions"]) == ("Mara", {"conversations.read": "own"})
    stored = await home.gateway.store.get(KEYS, key["id"])
    assert stored is not None
    assert text not in repr(stored)


async def test_a_key_lasts_ninety_days_unless_its_maker_says_otherwise(home: House, mara: str) -> None:
    usual, brief = (
        await made(home, mara, ["conversations.read"]),
        await made(home, mara, ["tags.read"], expires_in_days=1),
    )
    assert (usual["expires_at"], brief["expires_at"]) == ("2026-04-01T12:00:00.000Z", "2026-01-02T12:00:00.000Z")
    await home.clock.advance(DAY_S)
    assert await by_header(home, brief["key"], "/tags") == 401
    assert await by_header(home, usual["key"]) == 200


async def test_a_revoked_key_is_dead_at_once_and_stays_on_the_list(home: House, mara: str) -> None:
    key = await made(home, mara, ["conversations.read"])
    assert await by_header(home, key["key"]) == 200
    for _ in range(2):
        assert (await home.ask("DELETE", f"/api-keys/{key['id']}", token=mara)).status == 204
    assert await by_header(home, key["key"]) == 401
    shown = await home.ask("GET", f"/api-keys/{key['id']}", token=mara)
    assert shown.body["revoked_at"] == "2026-01-01T12:00:00.000Z"
    assert (await home.ask("DELETE", "/api-keys/key_nothing", token=mara)).status == 404


async def test_a_key_never_has_more_than_its_maker(home: House) -> None:
    def command(uow: UnitOfWork) -> Role:
        grants = {"api_keys.write": "all", "conversations.read": "department", "tags.read": "all"}
        return uow.add(ROLES, Role(id="rol_1", created_at=uow.now, updated_at=uow.now, name="Keys", grants=grants))  # type: ignore[arg-type]

    await home.gateway.inbox.run(command)
    await home.person(BEN, "rol_1")
    token = await home.bearer(BEN)
    for permissions in ({"conversations.read": "all"}, ["contacts.read"], {"users.write": "own"}):
        refused = await home.ask("POST", "/api-keys", {"name": "more", "permissions": permissions}, token=token)
        assert (refused.status, refused.code) == (403, "forbidden"), permissions
    assert (await made(home, token, ["conversations.read", "tags.read"]))["permissions"] == {
        "conversations.read": "department",
        "tags.read": "all",
    }


async def test_what_its_owner_may_no_longer_do_a_key_may_not_either(home: House, mara: str) -> None:
    owner = await home.person("ada@example.org", "admin")
    key = (await made(home, await home.bearer("ada@example.org"), ["conversations.read", "users.read"]))["key"]
    assert await by_header(home, key, "/ingest/events") == 403
    assert await by_header(home, key) == 200
    await home.change(owner, role_ids=())
    assert await by_header(home, key) == 403
    await home.change(owner, role_ids=("agent",))
    assert await by_header(home, key) == 200
    await home.change(owner, status="suspended")
    assert await by_header(home, key) == 401


async def test_keys_are_made_by_people_alone(home: House, mara: str) -> None:
    key = (await made(home, mara, ["api_keys.write", "conversations.read"]))["key"]
    body = {"name": "child", "permissions": ["conversations.read"]}
    assert (await home.ask("POST", "/api-keys", body, headers={"X-API-Key": key})).status == 403


async def test_before_there_is_an_administrator_there_are_no_keys(home: House) -> None:
    body = {"name": "early", "permissions": ["conversations.read"]}
    refused = await home.ask("POST", "/api-keys", body, token=ADMIN_TOKEN)
    assert (refused.status, refused.code) == (409, "conflict")
    assert "patchbay users create --admin" in refused.body["detail"]


async def test_an_admin_does_not_revoke_the_keys_of_a_super_admin(home: House, mara: str) -> None:
    key = await made(home, mara, ["conversations.read"])
    await home.person("ada@example.org", "admin")
    token = await home.bearer("ada@example.org")
    assert (await home.ask("DELETE", f"/api-keys/{key['id']}", token=token)).status == 403
    assert await by_header(home, key["key"]) == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"permissions": []}, "/permissions"),
        ({"permissions": "conversations.read"}, "/permissions"),
        ({"permissions": [1]}, "/permissions"),
        ({"permissions": {"conversations.read": "everything"}}, "/permissions/conversations.read"),
        ({"permissions": {"conversations.read": {"$gt": 1}}}, "/permissions/conversations.read"),
        ({"permissions": ["no.such"]}, "/permissions/no.such"),
        ({"permissions": ["auth.self"]}, "/permissions/auth.self"),
        ({"expires_in_days": 0}, "/expires_in_days"),
        ({"expires_in_days": 367}, "/expires_in_days"),
        ({"name": ""}, "/name"),
        ({"owner_id": "usr_x"}, "/owner_id"),
    ],
)
async def test_what_is_wrong_is_named(home: House, mara: str, change: dict[str, Any], pointer: str) -> None:
    body = {"name": "key", "permissions": ["conversations.read"], **change}
    refused = await home.ask("POST", "/api-keys", body, token=mara)
    assert refused.status == 422
    assert [each["pointer"] for each in refused.body["errors"]] == [pointer]


async def test_the_list_can_be_of_one_owner(home: House, mara: str) -> None:
    ada = await home.person("ada@example.org", "admin")
    await made(home, mara, ["tags.read"])
    theirs = await made(home, await home.bearer("ada@example.org"), ["tags.read"])
    listed = await home.ask("GET", f"/api-keys?owner_id={ada.id}", token=mara)
    assert [each["id"] for each in listed.body["data"]] == [theirs["id"]]
    assert len((await home.ask("GET", "/api-keys", token=mara)).body["data"]) == 2
