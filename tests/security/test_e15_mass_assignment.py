"""E15: a request sets what its schema names, an answer shows what its schema names, and neither anything else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from patchbay.web.app import declarations, resource_modules
from patchbay.web.operations import Listing, Operation
from tests.security.edge_world import Edge, edge, filled
from tests.security.test_e13_operators import furnish

JSON = {"Content-Type": "application/json"}
TRIED = (  # what documents hold and nobody outside may set
    *("id", "version", "created_at", "updated_at", "deleted_at", "number", "seq", "last_seq"),
    *("role", "user_roles", "is_admin", "admin", "permissions", "scopes", "principal", "user_id", "owner_id", "actor"),
    *("sealed_credentials", "configured_digest", "password_hash", "secret", "token", "sha256", "size"),
    *("__class__", "__proto__", "constructor", "_id", "$set", "a.b", "", "data", "self", "schema"),
)
SECRET = re.compile(r"password|secret|hash|sealed|credential|digest|private|api_?key|access_token|seed", re.IGNORECASE)
SHOWN_ONCE = {"credential_names"}  # what is called so and is no secret


def writes(world: Edge) -> list[Operation]:
    return [each for each in world.unsafe if each.takes_body]


async def test_no_write_route_takes_a_name_that_its_schema_does_not_know(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        wrong = []
        for operation in writes(world):
            known = set() if operation.body is None else named(operation.body())
            tried = [name for name in TRIED if name not in known]
            body = json.dumps(dict.fromkeys(tried, "x")).encode()
            heard = await world.ask(operation.method, filled(operation.path), headers=JSON, data=body)
            found = json.loads(heard.body).get("errors", []) if heard.status == 422 else []
            refused = {each["pointer"] for each in found if each["code"] == "unknown_field"}
            missing = {f"/{name}" for name in tried} - refused
            if heard.status != 422 or missing:
                wrong.append((operation.method, operation.path, heard.status, sorted(missing)))
        assert wrong == []
        assert len(writes(world)) > 30


async def test_no_list_inside_a_body_takes_one_either(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        tried = 0
        for operation in writes(world):
            for name, nested in parts(operation.body):
                tried += 1
                body = json.dumps({name: [{"nobody_knows_this": 1}] if nested.many else {"nobody_knows_this": 1}})
                heard = await world.ask(operation.method, filled(operation.path), headers=JSON, data=body.encode())
                assert heard.status == 422, operation.path
                found = {each["pointer"]: each["code"] for each in json.loads(heard.body)["errors"]}
                where = f"/{name}/0" if nested.many else f"/{name}"
                assert found.get(f"{where}/nobody_knows_this") == "unknown_field", (operation.path, name, found)
        assert tried > 0


async def test_a_tag_keeps_what_is_not_for_others_to_set(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        made = await world.json("POST", "/api/v1/tags", {"name": "one"})
        for name in ("id", "version", "created_at"):
            heard = await world.ask(
                "PATCH", f"/api/v1/tags/{made['id']}", headers=JSON, data=json.dumps({name: "x"}).encode()
            )
            assert (heard.status, heard.code) == (422, "invalid")
        assert (await world.json("GET", "/api/v1/tags"))["data"] == [made]


async def test_what_is_shown_is_what_is_declared(tmp_path: Path) -> None:
    async with edge(tmp_path) as world:
        await furnish(world)
        seen = 0
        for operation in world.operations:
            if operation.method != "GET" or "{" in operation.path or operation.answer is None:
                continue
            heard = await world.ask("GET", operation.path)
            if heard.status != 200 or not heard.headers["Content-Type"].startswith("application/json"):
                continue
            document = json.loads(heard.body)
            listed = isinstance(operation.answer, Listing)
            schema: type[Schema] = operation.answer.of if isinstance(operation.answer, Listing) else operation.answer
            known = named(schema())
            for item in document["data"] if listed else [document]:
                seen += 1
                assert set(item) <= known, (operation.path, set(item) - known)
        assert seen > 5


def test_no_answer_declares_a_secret() -> None:
    declared = [operation for module in resource_modules() for operation in declarations(module)]
    telling = {}
    for operation in declared:
        schema: Any = operation.answer.of if isinstance(operation.answer, Listing) else operation.answer
        if schema is not None and (found := {name for name in named(schema()) if SECRET.search(name)} - SHOWN_ONCE):
            telling[f"{operation.method} {operation.path}"] = found
    assert telling == {}
    assert len(declared) > 50


@pytest.mark.parametrize("where", ["?is_admin=true", "?as_role=admin&limit=1", "?include=credentials", "?fields=*"])
async def test_no_query_takes_a_name_that_it_does_not_know(tmp_path: Path, where: str) -> None:
    async with edge(tmp_path) as world:
        for operation in world.operations:
            if (
                operation.permission
                and not operation.path.endswith(("/stream", "/openapi.json"))
                and not operation.raw_body
            ):
                heard = await world.ask(operation.method, filled(operation.path) + where, headers=JSON)
                assert heard.status == 422, (operation.method, operation.path, heard.status)


def named(schema: Schema) -> set[str]:
    return {field.data_key or name for name, field in schema.fields.items()}


def parts(schema: type[Schema] | None) -> Iterator[tuple[str, fields.Nested]]:
    """The members of a body that are objects, or lists of objects."""
    if schema is not None:
        for name, field in schema().fields.items():
            if isinstance(field, fields.Nested):
                yield field.data_key or name, field
            elif isinstance(field, fields.List) and isinstance(field.inner, fields.Nested):
                field.inner.many = True
                yield field.data_key or name, field.inner
