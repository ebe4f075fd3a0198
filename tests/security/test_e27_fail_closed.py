"""E27: where rights, sign-in, the trail or a limit cannot be had, nothing is done; what nobody foresaw shows an id."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from patchbay.web.keys import RATE_LIMITER
from patchbay.web.problems import PROBLEMS
from tests.plugins.rbac.world import PASSWORD, Client, Heard
from tests.security.failing import Failing, failing, fails, fails_later, never
from tests.security.matrix_cases import Case, cases

PATHS = ("/conversations", "/contacts", "/events", "/tags", "/users", "/audit", "/plugins", "/channels", "/auth/me")
SHOWN = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@pytest_asyncio.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Failing]:
    async with failing(tmp_path) as made:
        yield made


def is_plain(heard: Heard) -> bool:
    """Whether an answer to what nobody foresaw shows its id, and nothing of what happened."""
    told = heard.json()
    headers = json.dumps(dict(heard.headers))
    return (
        (heard.status, heard.code) == (500, "internal")
        and set(told) == SHOWN
        and told["title"] == PROBLEMS["internal"].title
        and told["request_id"] == heard.headers["X-Request-Id"]
        and not any(word in heard.body.decode() + headers for word in ("canary", "Traceback", "sqlite", ".py", "Error"))
    )


async def test_where_rights_cannot_be_judged_nothing_is_allowed(gate: Failing) -> None:
    admin = await gate.world.member("super_admin")
    assert {(await admin.ask("GET", path)).status for path in PATHS} == {200}
    gate.authorizer.faults["decide"] = fails
    heard = [await admin.ask("GET", path) for path in PATHS]
    assert {(each.status, each.code) for each in heard} == {(403, "forbidden")}
    assert not any(b"canary" in each.body for each in heard)
    assert (await admin.ask("POST", "/tags", {"name": "made"})).status == 403
    gate.authorizer.faults.clear()
    assert (await admin.done("GET", "/tags"))["data"] == []


@pytest.mark.parametrize("verdict", [None, "", "yes", True, 1, "ALLOW", object()])
async def test_a_verdict_that_is_none_allows_nothing(gate: Failing, verdict: object) -> None:
    agent = await gate.world.member("super_admin")
    gate.authorizer.faults["decide"] = lambda *_: verdict
    assert (await agent.ask("GET", "/tags")).status == 403


@pytest.mark.parametrize("rows", [fails, lambda *_: None, lambda *_: "all"])
async def test_where_rows_cannot_be_told_none_are_reached(gate: Failing, rows: Callable[..., Any]) -> None:
    admin = await gate.world.member("super_admin")
    made = await admin.done("POST", "/contacts", {"display_name": "Mara"})
    gate.authorizer.faults["rows"] = rows
    listed, shown = await admin.ask("GET", "/contacts"), await admin.ask("GET", f"/contacts/{made['id']}")
    assert listed.status == 500 or listed.json()["data"] == []
    assert shown.status in (404, 500)
    assert b"Mara" not in listed.body + shown.body
    assert (await admin.ask("PATCH", f"/contacts/{made['id']}", {"display_name": "Eve"})).status in (404, 500)


@pytest.mark.parametrize("fault", [fails_later, never])
async def test_where_nobody_can_tell_who_asks_nobody_comes_in(gate: Failing, fault: Callable[..., Any]) -> None:
    admin = await gate.world.member("super_admin")
    gate.authenticator.faults["authenticate"] = fault
    heard = await admin.ask("GET", "/tags")
    assert (heard.status, heard.code) == (503, "sign_in_unavailable")
    assert int(heard.headers["Retry-After"]) >= 1
    assert b"canary" not in heard.body
    gate.authenticator.faults["authenticate"] = fails_later
    assert (await admin.ask("POST", "/tags", {"name": "made"})).status == 503
    headers = {"Authorization": f"Bearer {admin.token}"}
    async with gate.world.session.ws_connect(f"{gate.world.url}/api/v1/ws", headers=headers) as socket:
        await socket.send_json({"op": "hello"})
        await socket.receive()
        assert socket.close_code is not None, "nobody was welcomed"
    gate.authenticator.faults.clear()
    assert (await admin.done("GET", "/tags"))["data"] == []


async def test_where_sessions_cannot_be_read_nobody_comes_in(gate: Failing) -> None:
    admin = await gate.world.member("super_admin")
    with gate.breaking(gate.world.rbac.sessions, "standing", by=fails_later):
        assert (await admin.ask("GET", "/tags")).status == 503
    assert (await admin.ask("GET", "/tags")).status == 200


@pytest.mark.parametrize(("name", "fault"), [("ready", fails_later), ("record", fails)])
async def test_what_cannot_be_written_down_is_not_done(gate: Failing, name: str, fault: Callable[..., Any]) -> None:
    admin = await gate.world.member("super_admin")
    gate.recorder.faults[name] = fault
    heard = await admin.ask("POST", "/tags", {"name": "made"})
    assert heard.status in (500, 503)
    assert b"canary" not in heard.body
    refused = await gate.world.nobody().ask("GET", "/tags")
    assert refused.status in (401, 500, 503)
    gate.recorder.faults.clear()
    assert (await admin.done("GET", "/tags"))["data"] == []
    await admin.done("POST", "/tags", {"name": "made"})


async def test_where_sign_in_cannot_count_its_tries_nobody_signs_in(gate: Failing) -> None:
    user = await gate.world.user("agent")
    tries, offered = gate.world.rbac.proofs._tries, {"email": user.email, "password": PASSWORD}
    nobody = gate.world.nobody()
    with gate.breaking(tries, "admit", by=fails_later):
        heard = await nobody.ask("POST", "/auth/login", offered)
        assert is_plain(heard)
        assert "Set-Cookie" not in heard.headers
    assert (await nobody.ask("POST", "/auth/login", offered)).status == 200


async def test_where_requests_cannot_be_counted_none_are_served(gate: Failing) -> None:
    admin = await gate.world.member("super_admin")
    runner = gate.world.server._runner
    assert runner is not None
    limiter = runner.app[RATE_LIMITER]
    with gate.breaking(limiter, "take", "take_anonymous", "refuse_exhausted", by=fails_later):
        assert is_plain(await admin.ask("POST", "/tags", {"name": "made"}))
        assert is_plain(await gate.world.nobody().ask("GET", "/openapi.json"))
    assert (await admin.done("GET", "/tags"))["data"] == []


async def test_whatever_fails_below_a_handler_its_answer_shows_an_id_and_nothing_else(gate: Failing) -> None:
    """A store whose every method raises what it never should: each operation, as somebody who may do everything."""
    admin = gate.world.administrator()
    drawn = [
        each for each in cases(await admin.done("GET", "/openapi.json")) if not each.path.endswith(("/ws", "/stream"))
    ]
    store = gate.world.gateway.store
    methods = ("get", "get_many", "find", "resolve", "commit", "raw", "raws", "events", "head", "oldest")
    known = [name for name in methods if hasattr(store, name)]
    failed, odd = [], []
    with capture_logs() as logged, gate.breaking(store, *known, by=fails_later):
        for case in drawn:
            heard = await ask(gate, admin, case)
            if heard.status == 500:
                failed.append(heard.headers["X-Request-Id"])
                if not is_plain(heard):
                    odd.append((str(case), heard))
            elif b"canary" in heard.body or heard.status == 502:
                odd.append((str(case), heard))
    assert odd == []
    assert len(failed) > 130
    written = [each["request_id"] for each in logged if each["event"] == "unforeseen error in a request"]
    assert written == failed, "the id leads to what happened"


async def ask(gate: Failing, client: Client, case: Case) -> Heard:
    path = case.path
    for name in case.parameters:
        path = path.replace(f"{{{name}}}", "whatsapp" if name == "name" else "x")
    headers = {"Authorization": f"Bearer {client.token}"}
    body = {"to": {"contact_id": "x"}} if case.path == "/api/v1/conversations" else case.body
    if body is not None and case.path.endswith(("/messages/send", "/messages/preview")):
        body = {**body, "conversation_id": "x"}
    url, session = gate.world.url + path, gate.world.session
    async with session.request(case.method, url, headers=headers, json=body) as response:
        return Heard(response.status, response.headers, await response.read())
