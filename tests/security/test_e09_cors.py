"""E9: other origins may read nothing, unless ``http.allowed_origins`` lists exactly theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from patchbay.errors import ConfigError
from patchbay.plugins import load_plugins
from tests.security.edge_world import Edge, Heard, edge, filled

LISTED = ("https://desk.example.org", "http://localhost:5173")
SETTINGS = {"PATCHBAY_HTTP__ALLOWED_ORIGINS": ",".join(LISTED)}
UNLISTED = (
    "https://evil.example",
    "null",
    "*",
    "https://desk.example.org.evil.example",
    "https://desk.example.orgx",
    "https://xdesk.example.org",
    "https://evil.example/https://desk.example.org",
    "http://desk.example.org",
    "https://desk.example.org:443",
    "https://desk.example.org:8443",
    "https://desk.example.org/",
    "https://DESK.example.org",
    "https://sub.desk.example.org",
    "https://desk_example.org",
    "https://desk.example.org, https://evil.example",
    "https://localhost:5173",
    "http://localhost:5174",
    "http://127.0.0.1:5173",
    "file://",
    "",
)
WANTED = {
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "X-Request-Id",
    "X-Requested-With",
    "X-API-Key",
}
READ = {"ETag", "Location", "Link", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} | {
    "X-Request-Id",
    "Idempotency-Replayed",
}


def granted(heard: Heard) -> dict[str, str]:
    return {name: value for name, value in heard.headers.items() if name.lower().startswith("access-control-")}


def listed(value: str) -> set[str]:
    return {each.strip() for each in value.split(",")}


async def preflight(world: Edge, path: str, origin: str, method: str = "POST") -> Heard:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return await world.ask("OPTIONS", path, headers=headers, token=None)


async def test_by_default_no_origin_is_told_anything(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__PUBLIC_URL="https://inbox.example.org") as world:
        for origin in (*LISTED, *UNLISTED, "https://inbox.example.org"):
            for heard in (
                await world.ask("GET", "/api/v1/tags", headers={"Origin": origin}),
                await world.ask("GET", "/nowhere", headers={"Origin": origin}),
                await preflight(world, "/api/v1/tags", origin),
            ):
                assert granted(heard) == {}
                assert "Origin" not in heard.headers.get("Vary", "")
        assert (await preflight(world, "/api/v1/tags", LISTED[0])).status == 405


async def test_an_origin_that_is_not_listed_is_granted_nothing_anywhere(tmp_path: Path) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        for operation in world.operations:
            if operation.path.endswith("/stream"):
                continue
            for origin in UNLISTED if operation.path == "/api/v1/tags" else UNLISTED[:4]:
                heard = await world.ask(operation.method, filled(operation.path), headers={"Origin": origin})
                assert granted(heard) == {}, (operation.path, origin)
                asked = await preflight(world, filled(operation.path), origin, operation.method)
                assert (asked.status, granted(asked)) == (405, {})


@pytest.mark.parametrize("origin", LISTED)
async def test_a_listed_origin_may_read_every_answer_of_the_api(tmp_path: Path, origin: str) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        for operation in world.operations:
            shared = operation.path.startswith(("/api/v1/", "/media/links/"))
            if operation.path.endswith("/stream"):
                continue
            for token in (None, "wrong"):
                path = filled(operation.path)
                heard = await world.ask(operation.method, path, headers={"Origin": origin}, token=token)
                if not shared:
                    assert granted(heard) == {}, operation.path
                    continue
                assert heard.headers["Access-Control-Allow-Origin"] == origin, operation.path
                assert heard.headers["Access-Control-Allow-Credentials"] == "true"
                assert listed(heard.headers["Access-Control-Expose-Headers"]) >= READ
                assert "Origin" in listed(heard.headers["Vary"])
        missing = await world.ask("GET", "/api/v1/nowhere", headers={"Origin": origin})
        assert (missing.status, missing.headers["Access-Control-Allow-Origin"]) == (404, origin)


async def test_a_preflight_names_the_methods_of_its_path_and_the_headers_that_are_taken(tmp_path: Path) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        methods: dict[str, set[str]] = {}
        for method, path in world.routes():
            methods.setdefault(path, set()).add(method)
        for path, taken in methods.items():
            if not path.startswith(("/api/v1/", "/media/links/")):
                continue
            heard = await preflight(world, filled(path), LISTED[0], min(taken))
            assert (heard.status, heard.body) == (204, b""), path
            assert listed(heard.headers["Access-Control-Allow-Methods"]) >= taken
            assert listed(heard.headers["Access-Control-Allow-Headers"]) == WANTED
            assert heard.headers["Access-Control-Allow-Origin"] == LISTED[0]
            assert heard.headers["Access-Control-Allow-Credentials"] == "true"
            assert 0 < int(heard.headers["Access-Control-Max-Age"]) <= 7200
            assert "Origin" in listed(heard.headers["Vary"])
        assert (await preflight(world, "/api/v1/nowhere", LISTED[0])).status == 404
        for path in ("/webhooks/whatsapp", "/health", "/metrics", "/docs"):
            assert granted(await preflight(world, path, LISTED[0])) == {}, path
        bare = await world.ask("OPTIONS", "/api/v1/tags", headers={"Origin": LISTED[0]})
        assert bare.status == 405  # no preflight: there is no such operation


async def test_a_cache_keeps_the_answers_of_origins_apart(tmp_path: Path) -> None:
    async with edge(tmp_path, **SETTINGS) as world:
        for headers in ({}, {"Origin": LISTED[0]}, {"Origin": UNLISTED[0]}):
            heard = await world.ask("GET", "/api/v1/tags", headers=headers)
            assert "Origin" in listed(heard.headers["Vary"])


@pytest.mark.parametrize("wrong", ["*", "null", "https://*.example.org", "https://evil.example/", "evil.example"])
def test_a_setting_that_is_no_origin_stops_the_start(tmp_path: Path, wrong: str) -> None:
    environ = {"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_HTTP__ALLOWED_ORIGINS": wrong}
    with pytest.raises(ConfigError, match=r"PATCHBAY_HTTP__ALLOWED_ORIGINS: .*no origin; write https://"):
        load_plugins(environ)
