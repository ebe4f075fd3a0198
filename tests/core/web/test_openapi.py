"""The document is valid, says what is mounted, and its pages load nothing from elsewhere."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import validate

from patchbay.hookspecs import Permission, Route
from patchbay.web import build_app, docs_pages
from patchbay.web.docs_pages import ASSETS, PAGES, STATIC
from patchbay.web.openapi import document_of

UNDOCUMENTED = {*ASSETS, *PAGES, "/"}


async def test_the_shownis_valid(client: Any) -> None:
    shown = await (await client.get("/api/v1/openapi.json")).json()
    assert shown["openapi"] == "3.1.0"
    validate(shown)


async def test_the_shownneeds_no_token(gateway: Any, aiohttp_client: Any) -> None:
    client = await aiohttp_client(build_app(gateway))
    assert (await client.get("/api/v1/openapi.json")).status == 200


def mounted(app: web.Application) -> set[tuple[str, str]]:
    found = set()
    for route in app.router.routes():
        assert route.resource is not None
        path = re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", route.resource.canonical)
        if route.method != "HEAD" and path not in UNDOCUMENTED:
            found.add((route.method, path))
    return found


async def test_what_is_documented_is_what_is_mounted(client: Any, gateway: Any) -> None:
    shown = await (await client.get("/api/v1/openapi.json")).json()
    documented = {(method.upper(), path) for path, operations in shown["paths"].items() for method in operations}
    assert documented == mounted(client.app)


async def test_a_plugins_route_is_documented(gateway: Any, aiohttp_client: Any) -> None:
    async def feed(request: Any) -> Any: ...

    route = Route("POST", "/lofts/{loft}/feed", feed, "pigeons.feed", "Feed the pigeons", responses={202: "They eat."})
    gateway.registry = replace(gateway.registry, routes=(route,), permissions=(Permission("pigeons.feed", "Feed"),))
    from patchbay.web import openapi

    client = await aiohttp_client(build_app(gateway, [openapi]))
    shown = await (await client.get("/api/v1/openapi.json")).json()
    validate(shown)
    described = shown["paths"]["/api/v1/lofts/{loft}/feed"]["post"]
    assert described["summary"] == "Feed the pigeons"
    assert described["x-permission"] == "pigeons.feed"
    assert {"202", "401", "403", "429"} <= set(described["responses"])


async def test_operations_list_the_errors_that_follow_from_their_declaration(client: Any) -> None:
    shown = await (await client.get("/api/v1/openapi.json")).json()
    create = shown["paths"]["/api/v1/channels"]["post"]
    assert {"201", "400", "401", "403", "409", "413", "415", "422", "429", "503"} <= set(create["responses"])
    assert create["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewChannel"}
    change = shown["paths"]["/api/v1/channels/{account_id}"]["patch"]
    assert {"404", "412"} <= set(change["responses"])
    assert [each["name"] for each in change["parameters"]] == ["account_id", "If-Match"]
    listed = shown["paths"]["/api/v1/channels"]["get"]
    page = listed["responses"]["200"]["content"]["application/json"]["schema"]
    assert page["properties"]["data"]["items"] == {"$ref": "#/components/schemas/Channel"}
    names = {each["name"]: each["schema"] for each in listed["parameters"]}
    assert names["limit"]["maximum"] == 200
    assert shown["paths"]["/health"]["get"]["security"] == []
    assert "NewChannel" in shown["components"]["schemas"]
    secret = shown["components"]["schemas"]["NewChannel"]["properties"]["credentials"]
    assert secret["writeOnly"] is True


async def test_the_content_union_is_in_the_document(client: Any) -> None:
    shown = await (await client.get("/api/v1/openapi.json")).json()
    content = shown["components"]["schemas"]["Content"]
    assert {"text", "image", "template", "interactive"} <= set(content["discriminator"]["mapping"])


@pytest.mark.parametrize("path", sorted(PAGES))
async def test_a_page_loads_only_from_here(client: Any, path: str) -> None:
    answer = await client.get(path)
    html = await answer.text()
    assert (answer.status, answer.content_type) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "<script>" not in html
    for source in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert source.startswith(("/", "data:,")), source
        if source.startswith("/"):
            loaded = await client.get(source)
            assert loaded.status == 200
            assert len(await loaded.read()) > 0


async def test_pages_can_be_switched_off(gateway: Any, aiohttp_client: Any) -> None:
    http = gateway.settings.http.model_copy(update={"docs": False})
    gateway.settings = gateway.settings.model_copy(update={"http": http})
    client = await aiohttp_client(build_app(gateway, [docs_pages]))
    for path in ("/docs", "/redoc", *ASSETS):
        assert (await client.get(path)).status == 404


async def test_no_other_file_can_be_had(client: Any) -> None:
    for path in (
        "/docs/",
        "/docs/../static/README.md",
        "/docs/%2e%2e/app.py",
        "/docs/LICENSE",
        "/redoc/..%2fdocs.html",
    ):
        assert (await client.get(path)).status == 404


def test_files_of_others_are_as_they_were_listed() -> None:
    listed = (STATIC / "README.md").read_text()
    for folder, licence in (("swagger-ui", "Apache"), ("redoc", "MIT")):
        assert f"`{folder}/`" in listed
        assert licence in (STATIC / folder / "LICENSE").read_text()
    assert "SmartBear" in (STATIC / "swagger-ui" / "NOTICE").read_text()
    assert json.dumps("https://cdn") not in (STATIC / "docs-start.js").read_text()


async def test_the_whole_edge_is_documented(gateway: Any) -> None:
    app = build_app(gateway)
    described = document_of(app, gateway.registry)
    validate(described)
    documented = {(method.upper(), path) for path, operations in described["paths"].items() for method in operations}
    assert documented == mounted(app)
    names = [each["operationId"] for operations in described["paths"].values() for each in operations.values()]
    assert len(names) == len(set(names))
