"""What every request and every response has: ids, headers, problems, limits."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from marshmallow import Schema, fields

from patchbay import errors
from patchbay.web import build_app
from patchbay.web.call import Call
from patchbay.web.operations import Answer, Operations, Public
from patchbay.web.problems import PROBLEMS, told

SECURE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "patchbay",
}


class EchoSchema(Schema):
    text = fields.String()
    count = fields.Integer(strict=True)
    parts = fields.List(fields.Nested(Schema.from_dict({"id": fields.String(required=True)}, name="Part")))


def faulty() -> Any:
    operations = Operations("Faults", {"faults.make": "Make faults"})

    @operations.post("/echo", "faults.make", body=EchoSchema)
    async def echo(call: Call) -> Answer:
        """Echo."""
        return Answer(call.body)

    @operations.get("/crash", "faults.make")
    async def crash(call: Call) -> Answer:
        """Crash."""
        raise KeyError("a secret that nobody may read")

    @operations.post("/bare", "faults.make")
    async def bare(call: Call) -> Answer:
        """Take no body."""
        return Answer({"ok": True})

    raised = {
        "window": errors.WindowClosed("The window closed.", hint="Send a template."),
        "unsupported": errors.Unsupported("No carousels.", pointer="/content/cards", hint="Send buttons."),
        "broken": errors.AccountBroken("Token expired.", provider_code="190", provider_subcode="463"),
        "store": errors.StoreUnavailable("Disk full."),
        "throttled": errors.Throttled("Slow down.", scope="account", retry_after_s=12.2),
        "closed": errors.StateConflict("Closed.", code="conversation_closed", extra={"conversation_id": "c"}),
    }

    @operations.get("/raise/{name}", "faults.make")
    async def raise_it(call: Call) -> Answer:
        """Raise."""
        raise raised[call.path["name"]]

    return SimpleNamespace(OPERATIONS=operations)


@pytest.fixture
async def faults(gateway: Any, aiohttp_client: Any) -> Any:
    client = await aiohttp_client(build_app(gateway, [faulty()]))
    client.session.headers["Authorization"] = "Bearer an-admin-token-for-tests-9f3b"
    return client


async def test_a_request_id_is_kept_or_made(client: Any) -> None:
    given = await client.get("/health/live", headers={"X-Request-Id": "abc.DEF-1_2"})
    assert given.headers["X-Request-Id"] == "abc.DEF-1_2"
    for bad in ("", "a b", "x" * 129, "ü", "<script>"):
        made = await client.get("/health/live", headers={"X-Request-Id": bad})
        assert re.fullmatch(r"req_[0-9a-f]{32}", made.headers["X-Request-Id"])


async def test_every_answer_has_the_security_headers(client: Any) -> None:
    for path, status in (
        ("/api/v1/channels", 200),
        ("/nowhere", 404),
        ("/health/live", 200),
        ("/docs", 200),
        ("/webhooks/pigeon", 403),
        ("/webhooks/none", 404),
    ):
        answer = await client.get(path)
        assert answer.status == status, path
        assert {name: answer.headers[name] for name in SECURE} == SECURE, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path
        assert answer.headers.getall("Server") == ["patchbay"], path
    assert (await client.get("/api/v1/channels")).headers["Cache-Control"] == "no-store"


async def test_an_unknown_path_and_a_wrong_method_are_problems(client: Any) -> None:
    missing = await client.get("/api/v1/nothing", headers={"X-Request-Id": "r1"})
    problem = await missing.json(content_type="application/problem+json")
    assert (missing.status, problem["code"], problem["instance"]) == (404, "not_found", "/api/v1/nothing")
    assert problem["request_id"] == "r1"
    assert problem["type"] == "urn:patchbay:problem:not_found"
    wrong = await client.put("/api/v1/channels")
    assert (wrong.status, (await wrong.json())["code"]) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}


async def test_an_unforeseen_error_tells_its_id_only(faults: Any, capsys: Any) -> None:
    answer = await faults.get("/api/v1/crash", headers={"X-Request-Id": "crash-1"})
    problem = await answer.json()
    assert (answer.status, problem["code"], problem["request_id"]) == (500, "internal", "crash-1")
    assert "secret" not in json.dumps(problem)
    logged = capsys.readouterr()
    assert "crash-1" in logged.out + logged.err


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("window", 409, {"code": "window_closed", "hint": "Send a template.", "retryable": False}),
        ("unsupported", 422, {"code": "capability_unsupported", "hint": "Send buttons."}),
        (
            "broken",
            409,
            {
                "code": "channel_reauth_required",
                "provider": {"code": "190", "subcode": "463", "message": "Token expired."},
            },
        ),
        ("store", 503, {"code": "store_unavailable", "retryable": True}),
        ("throttled", 503, {"code": "provider_unavailable", "retryable": True}),
        ("closed", 409, {"code": "conversation_closed", "conversation_id": "c"}),
    ],
)
async def test_errors_of_the_core_have_their_problem(faults: Any, name: str, status: int, expected: Any) -> None:
    answer = await faults.get(f"/api/v1/raise/{name}")
    problem = await answer.json()
    assert answer.status == problem["status"] == status
    assert expected.items() <= problem.items()
    if name == "unsupported":
        assert problem["errors"][0]["pointer"] == "/content/cards"
    if status == 503:
        assert answer.headers["Retry-After"] == {"store": "5", "throttled": "12"}[name]


def _subclasses(kind: type[errors.PatchbayError]) -> list[type[errors.PatchbayError]]:
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in _subclasses(each))]


def test_every_error_that_a_request_can_raise_has_a_documented_code() -> None:
    made: list[errors.PatchbayError] = []
    for kind in [*_subclasses(errors.RequestError), *_subclasses(errors.SendError)]:
        if not kind.__module__.startswith("patchbay.") or kind is errors.RequestError:
            continue
        more = {"scope": "account"} if kind is errors.Throttled else {}
        made.append(kind("why", **more))
    for error in made:
        answer = told(error)
        assert answer.document["code"] in PROBLEMS, error
        assert answer.document["title"] == PROBLEMS[answer.document["code"]].title


def test_every_code_that_is_raised_anywhere_is_documented() -> None:
    kinds = {kind.__name__ for kind in _subclasses(errors.RequestError)}
    raised: dict[str, str] = {}
    for path in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        raised[str(keyword.value.value)] = f"{path.name}:{node.lineno}"
    assert "conversation_closed" in raised
    assert {code: where for code, where in raised.items() if code not in PROBLEMS} == {}


async def test_bodies_are_refused_by_size_type_and_form(faults: Any, settings: Any) -> None:
    path = "/api/v1/echo"
    large = await faults.post(path, data=b" " * (settings.http.api_max_bytes + 1), headers=JSON)
    assert (large.status, (await large.json())["code"]) == (413, "too_large")
    fits = json.dumps({"text": "x" * (settings.http.api_max_bytes - 12)}).encode()
    assert len(fits) <= settings.http.api_max_bytes
    assert (await faults.post(path, data=fits, headers=JSON)).status == 200

    async def trickle() -> Any:
        for _ in range(settings.http.api_max_bytes // 65536 + 2):
            yield b" " * 65536

    assert (await faults.post(path, data=trickle(), headers=JSON)).status == 413
    form = await faults.post(path, data={"text": "x"})
    assert (form.status, (await form.json())["code"]) == (415, "unsupported_media_type")
    encoded = await faults.post(path, data=b"{}", headers={**JSON, "Content-Encoding": "gzip", "Connection": "close"})
    assert encoded.status == 415
    latin = await faults.post(path, data=b"{}", headers={"Content-Type": "application/json; charset=latin-1"})
    assert latin.status == 415
    for body in (b"{", b'{"a":1,"a":2}', b"[NaN]", b"\xff"):
        broken = await faults.post(path, data=body, headers=JSON)
        assert (broken.status, (await broken.json())["code"]) == (400, "unreadable")


JSON = {"Content-Type": "application/json"}


async def test_fields_are_named_by_pointers(faults: Any) -> None:
    answer = await faults.post("/api/v1/echo", json={"text": 5, "count": "7", "parts": [{"id": "a"}, {}], "more": 1})
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (422, "invalid")
    found = {each["pointer"]: each["code"] for each in problem["errors"]}
    assert found == {"/text": "invalid", "/count": "invalid", "/parts/1/id": "required", "/more": "unknown_field"}
    bodies: tuple[Any, ...] = ([], "text", 5, None, True)
    for body in bodies:
        answer = await faults.post("/api/v1/echo", json=body)
        assert answer.status == (422 if body is not None else 200)


async def test_what_takes_no_body_and_no_query_refuses_them(faults: Any) -> None:
    assert (await faults.post("/api/v1/bare")).status == 200
    assert (await faults.post("/api/v1/bare", json={})).status == 200
    answer = await faults.post("/api/v1/bare", json={"a": 1})
    assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "/a")
    answer = await faults.post("/api/v1/bare?wait=1")
    assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, "?wait")


async def test_list_parameters_are_checked(client: Any) -> None:
    for query, pointer in (
        ("limit=0", "?limit"),
        ("limit=201", "?limit"),
        ("limit=x", "?limit"),
        ("offset=1", "?offset"),
    ):
        answer = await client.get(f"/api/v1/channels?{query}")
        assert (answer.status, (await answer.json())["errors"][0]["pointer"]) == (422, pointer)
    forged = await client.get("/api/v1/channels?cursor=%7B%22$gt%22%3A1%7D")
    assert (forged.status, (await forged.json())["errors"][0]["pointer"]) == (422, "?cursor")
    assert (await client.get("/api/v1/channels?limit=200")).status == 200


async def test_a_body_that_never_ends_is_given_up(gateway: Any, aiohttp_client: Any) -> None:
    settings = gateway.settings
    gateway.settings = settings.model_copy(update={"http": settings.http.model_copy(update={"read_timeout_s": 0.1})})
    client = await aiohttp_client(build_app(gateway, [faulty()]))
    head = (
        f"POST /api/v1/echo HTTP/1.1\r\nHost: {client.host}\r\nAuthorization: Bearer an-admin-token-for-tests-9f3b\r\n"
        "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(head.encode() + b'{"te')
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 408 " in answer.splitlines()[0]
    writer.close()
    await writer.wait_closed()


async def test_etags_are_versions(client: Any, new_channel: Any) -> None:
    id = (await (await client.post("/api/v1/channels", json=new_channel)).json())["id"]
    path = f"/api/v1/channels/{id}"
    for held in ('"1"', 'W/"1"', '"7", "1"', "*"):
        unchanged = await client.get(path, headers={"If-None-Match": held})
        assert (unchanged.status, await unchanged.read(), unchanged.headers["ETag"]) == (304, b"", '"1"')
    assert (await client.get(path, headers={"If-None-Match": '"2"'})).status == 200
    stale = await client.patch(path, json={"name": "x"}, headers={"If-Match": '"4"'})
    problem = await stale.json()
    assert (stale.status, problem["code"], problem["current_version"]) == (412, "version_conflict", 1)
    assert stale.headers["ETag"] == '"1"'
    for foreign in ('"abc"', '"0"', '"99999999999999999999999"'):
        assert (await client.patch(path, json={"name": "x"}, headers={"If-Match": foreign})).status == 412
    for broken in ("1", '"1", "2"', '"'):
        assert (await client.patch(path, json={"name": "x"}, headers={"If-Match": broken})).status == 422
    assert (await client.patch(path, json={"name": "x"}, headers={"If-Match": "*"})).status == 200
    assert (await client.head(path)).status == 200


def test_an_operation_without_a_known_permission_stops_the_build(gateway: Any) -> None:
    operations = Operations("Odd")

    @operations.get("/odd", "odd.read")
    async def odd(call: Call) -> Answer:
        """Odd."""
        return Answer({})

    with pytest.raises(errors.PluginError, match=r"odd\.read"):
        build_app(gateway, [SimpleNamespace(OPERATIONS=operations)])  # type: ignore[list-item]


def test_an_operation_that_is_public_for_no_reason_stops_the_build(gateway: Any) -> None:
    operations = Operations("Odd")

    @operations.get("/odd", Public(""))
    async def odd(call: Call) -> Answer:
        """Odd."""
        return Answer({})

    with pytest.raises(errors.PluginError, match="public"):
        build_app(gateway, [SimpleNamespace(OPERATIONS=operations)])  # type: ignore[list-item]


def test_two_operations_with_one_path_stop_the_build(gateway: Any) -> None:
    with pytest.raises(errors.PluginError, match="twice"):
        build_app(gateway, [faulty(), faulty()])
