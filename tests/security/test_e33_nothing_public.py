"""E33: what answers without a token is a list, and it is this one; what is served is what OpenAPI describes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from patchbay.web.docs_pages import ASSETS, PAGES
from patchbay.web.operations import Public
from tests.faults.process import SECRET, TOKEN
from tests.security.edge_world import ACCESS_TOKEN, VERIFY_TOKEN, Edge, edge, filled

OPEN = {
    "/health",
    "/health/live",
    "/health/ready",
    "/api/v1/health",
    "/api/v1/openapi.json",
    "/docs",
    "/redoc",
    *ASSETS,
}
MOVED = {"/"}  # to the pages
SELF_DEFENDING = {  # they ask for something else than a token
    "/webhooks/{channel}": "a signature",
    "/webhooks/{channel}/{external_id}": "a signature",
    "/media/links/{signed}": "a signature in the path",
    "/api/v1/ws": "a token in its first frame, or in its header",
}
GUESSED = (
    *("/metrics", "/api/v1/metrics", "/debug", "/status", "/stats", "/admin", "/console", "/openapi.json"),
    *(
        "/swagger.json",
        "/api",
        "/api/v1",
        "/api/v2",
        "/graphql",
        "/version",
        "/info",
        "/config",
        "/env",
        "/dump",
        "/trace",
    ),
    *("/health/plugins", "/api/v1/plugins", "/api/v1/events", "/api/v1/audit", "/api/v1/users", "/internal", "/_debug"),
)


def generic(path: str) -> str:
    """A path with the channel's name as a parameter, so that one row stands for all channels."""
    return re.sub(r"^/webhooks/[a-z]+", "/webhooks/{channel}", path)


async def test_a_walk_without_a_token_finds_what_is_listed_and_nothing_else(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        found: dict[str, set[int]] = {}
        for method, path in world.routes():
            if generic(path) not in SELF_DEFENDING:
                found.setdefault(path, set()).add((await world.ask(method, filled(path), token=None)).status)
        public = {each.path for each in world.operations if isinstance(each.permission, Public)}
        opened = {path for path, statuses in found.items() if statuses & {200, 204, 206}}
        assert opened <= OPEN | (public - set(SELF_DEFENDING)), opened - OPEN
        assert opened >= OPEN & set(found)
        assert {path for path, statuses in found.items() if 302 in statuses} == MOVED
        rest = {path: statuses for path, statuses in found.items() if path not in opened | MOVED | public}
        assert {path: statuses for path, statuses in rest.items() if statuses != {401}} == {}
        assert len(rest) > 30


async def test_what_defends_itself_lets_nobody_in_either(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        seen = set()
        for method, path in world.routes():
            if generic(path) in SELF_DEFENDING:
                seen.add(generic(path))
                heard = await world.ask(method, filled(path), token=None)
                assert heard.status in (401, 403, 404, 422), (method, path)
        assert seen == set(SELF_DEFENDING)


async def test_what_might_be_guessed_is_not_there_or_not_for_everybody(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        for path in GUESSED:
            assert (await world.ask("GET", path, token=None)).status in (401, 404), path
        assert (await world.ask("GET", "/metrics")).status == 200


async def test_what_everybody_may_read_tells_no_secret_and_no_data(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        await world.json("POST", "/api/v1/tags", {"name": "canarytag"})
        for path in sorted(OPEN):
            body = (await world.ask("GET", path, token=None)).body
            for telling in (TOKEN, SECRET, VERIFY_TOKEN, ACCESS_TOKEN, str(tmp_path), "canarytag", "Traceback"):
                assert telling.encode() not in body, (path, telling)


async def test_the_pages_can_be_turned_off(tmp_path: Path) -> None:
    async with edge(tmp_path, PATCHBAY_HTTP__DOCS="false") as world:
        for path in (*PAGES, *ASSETS, "/"):
            assert (await world.ask("GET", path, token=None)).status == 404


async def test_openapi_describes_every_route_and_no_other(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        document = json.loads((await world.ask("GET", "/api/v1/openapi.json")).body)
        described = {
            (method.upper(), re.sub(r"\{[^}]+\}", "{}", path))
            for path, item in document["paths"].items()
            for method in item
            if method in ("get", "put", "post", "delete", "patch")
        }
        served = {(method, re.sub(r"\{[^}]+\}", "{}", path)) for method, path in world.routes() if method != "HEAD"}
        pages = {("GET", path) for path in ("/", *PAGES, *ASSETS)}
        assert served - pages - described == set()
        assert described - served == set()


async def test_openapi_says_of_every_operation_whether_it_takes_a_token(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        document = json.loads((await world.ask("GET", "/api/v1/openapi.json")).body)
        wrong = [each.path for each in world.operations if claims(document, world, each.method, each.path) is False]
        assert wrong == []


def claims(document: dict[str, object], world: Edge, method: str, path: str) -> bool:
    """Whether the document and the declaration agree on who may call."""
    (operation,) = [each for each in world.operations if (each.method, each.path) == (method, path)]
    paths: dict[str, dict[str, dict[str, object]]] = document["paths"]  # type: ignore[assignment]
    template = re.sub(r"\{(\w+)(?::[^{}]*)?\}", r"{\1}", path)
    said = paths[template][method.lower()].get("security", document.get("security"))
    return (not said) == isinstance(operation.permission, Public)
