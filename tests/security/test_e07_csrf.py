"""E7: what rides on a cookie changes nothing unless one of our own pages sent it; and a GET never changes anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from patchbay.builtin import BootstrapAuthenticator
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from tests.security.edge_world import Edge, edge, filled

OWN, LISTED = "https://inbox.example.org", "https://desk.example.org"
SETTINGS = {"PATCHBAY_HTTP__PUBLIC_URL": OWN + "/", "PATCHBAY_HTTP__ALLOWED_ORIGINS": LISTED}
FOREIGN = (
    "https://evil.example",
    "null",
    "http://inbox.example.org",  # another scheme
    "https://inbox.example.org:8443",  # another port
    "https://inbox.example.org.evil.example",
    "https://sub.inbox.example.org",
)
WANTED = {"X-Requested-With": "fetch"}
COOKIE = {"Cookie": "session=alive", "Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie that is good, as a sign-in would give it: the administrator's."""
    known = BootstrapAuthenticator.authenticate

    async def authenticate(self: BootstrapAuthenticator, credentials: Credentials) -> Principal | None:
        if credentials.cookies.get("session") == "alive":
            return Principal(type="bootstrap", id="cookie-admin")
        return await known(self, credentials)

    monkeypatch.setattr(BootstrapAuthenticator, "authenticate", authenticate)


async def by_cookie(world: Edge, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str | None]:
    heard = await world.ask(method, path, token=None, headers={**COOKIE, **headers}, data=b"{}")
    return heard.status, heard.code


async def test_no_unsafe_route_takes_a_cookie_from_another_origin(tmp_path: Path) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        asked = [each for each in world.unsafe if isinstance(each.permission, str)]
        wrong = []
        for operation in asked:
            for origin in FOREIGN:
                got = await by_cookie(world, operation.method, filled(operation.path), {**WANTED, "Origin": origin})
                if got != (403, "forbidden"):
                    wrong.append((operation.method, operation.path, origin, got))
        assert wrong == []
        assert len(asked) > 30


async def test_without_an_origin_or_the_header_of_a_script_nothing_is_taken(tmp_path: Path) -> None:
    lacking: tuple[Mapping[str, str], ...] = ({}, WANTED, {"Origin": OWN}, {"Origin": LISTED})
    async with edge(tmp_path, **SETTINGS) as world:
        for operation in world.unsafe:
            if isinstance(operation.permission, str):
                for headers in lacking:
                    got = await by_cookie(world, operation.method, filled(operation.path), headers)
                    assert got == (403, "forbidden"), (operation.path, headers)


@pytest.mark.parametrize("origin", [OWN, LISTED])
async def test_our_own_pages_get_through(tmp_path: Path, origin: str) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        status, _ = await by_cookie(world, "POST", "/api/v1/tags", {**WANTED, "Origin": origin})
        assert status == 422  # let in, and asked for a name
        heard = await world.ask("GET", "/api/v1/tags", token=None, headers=COOKIE)
        assert heard.status == 200


async def test_a_token_of_its_own_needs_no_origin(tmp_path: Path) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        heard = await world.ask("POST", "/api/v1/tags", headers={**COOKIE, "Origin": FOREIGN[0]}, data=b"{}")
        assert heard.status == 422


async def test_no_get_changes_anything(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        await world.json("POST", "/api/v1/tags", {"name": "one"})
        before = kept(tmp_path)
        asked = [each for each in world.operations if each.method == "GET" and not each.path.endswith("/stream")]
        for operation in asked:
            for method in ("GET", "HEAD"):
                heard = await world.ask(method, filled(operation.path))
                assert heard.status < 500 or heard.status == 503, operation.path
        assert kept(tmp_path) == before
        await world.json("POST", "/api/v1/tags", {"name": "two"})
        assert kept(tmp_path) != before


def kept(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """All documents and the log; but not the audit trail, where a refused GET leaves that it was refused."""
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'patchbay.db'}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: database.execute(f'SELECT * FROM "{name}"').fetchall()
            for name in tables
            if (name.startswith("c_") and not name.startswith("c_audit_")) or name == "events"
        }
