"""The process: how it starts and refuses to, what it serves beside the API, how it ends."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from openapi_spec_validator import validate

from tests.e2e.outside import VERIFY_TOKEN, Outside, outside, problem
from tests.faults.process import TOKEN, envelope, signature

pytestmark = pytest.mark.asyncio(loop_scope="module")
HANDSHAKE = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Outside]:
    async with outside(tmp_path_factory.mktemp("process") / "data") as found:
        yield found


async def refused(folder: Path, **settings: str) -> tuple[int, str]:
    """What a gateway says that does not start, and its exit status."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PATCHBAY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "patchbay",
        "serve",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**environment, "PATCHBAY_HTTP__PORT": "0", "PATCHBAY_DATA_DIR": str(folder / "data"), **settings},
    )
    out, said = await asyncio.wait_for(process.communicate(), 20)
    assert b"ready" not in out
    return process.returncode or 0, said.decode()


async def test_health_is_for_everybody_and_details_are_not(client: Outside) -> None:
    for path in ("/health", "/health/live", "/health/ready"):
        reply = await client.unsigned(path)
        assert (reply.status, reply.json()["status"]) == (200, "ok")
    for path in ("/health/plugins", "/metrics"):
        problem(await client.unsigned(path), 401, "unauthenticated")
        assert (await client.gateway.ask("GET", path)).status == 200
    metrics = (await client.gateway.ask("GET", "/metrics")).body.decode()
    assert re.search(r"^patchbay_ingest_received_total \d", metrics, re.MULTILINE)


async def test_the_documents_are_served_from_here_and_load_nothing_from_elsewhere(client: Outside) -> None:
    for page in ("/docs", "/redoc"):
        reply = await client.unsigned(page)
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        named = re.findall(r'(?:src|href)="([^"]+)"', reply.body.decode())
        assert named
        for address in named:
            if not address.startswith("data:"):
                assert (await client.unsigned(address)).status == 200, address


async def test_the_openapi_document_is_valid_and_every_operation_in_it_is_there(client: Outside) -> None:
    document = await client.got("/openapi.json")
    assert document["openapi"].startswith("3.1")
    validate(document)
    operations = [
        (method, re.sub(r"\{\w+\}", "none", path), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations)
    for method, path, operation in operations:
        if operation.get("security") == [] or path.startswith("/webhooks/"):
            continue
        reply = await client.unsigned(path, method=method.upper())
        assert reply.status == 401, (method, path)
    allowed = await client.gateway.ask("DELETE", "/api/v1/conversations")
    assert allowed.status == 405


@pytest.mark.parametrize(
    ("changed", "status"),
    [({}, 200), ({"hub.verify_token": "wrong"}, 403), ({"hub.mode": "other"}, 403), ({"hub.challenge": None}, 403)],
)
async def test_the_handshake_gives_the_challenge_back_to_who_knows_the_token(
    client: Outside, changed: dict[str, str | None], status: int
) -> None:
    query = {name: value for name, value in {**HANDSHAKE, **changed}.items() if value is not None}
    reply = await client.unsigned("/webhooks/whatsapp", **query)
    assert (reply.status, reply.body) == (status, b"1158201444" if status == 200 else b"")
    assert reply.headers.get("Content-Type", "text/plain").startswith("text/plain")


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"object":"page","entry":[]}', b"[" * 100_000])
async def test_a_signed_body_that_makes_no_sense_is_kept_and_acknowledged(client: Outside, body: bytes) -> None:
    assert await client.gateway.webhook(body) == 200
    await client.gateway.applied()
    newest = (await client.got("/ingest/events", limit="1"))["data"][0]
    assert (newest["state"], newest["size"]) == ("quarantined", len(body))
    assert newest["error"]


@pytest.mark.parametrize("header", [None, "", "sha1=aa", "sha256=aa", "sha256=" + "0" * 64])
async def test_an_unsigned_body_is_refused_and_not_kept(client: Outside, header: str | None) -> None:
    body = envelope()
    before = (await client.got("/ingest/events", limit="1"))["data"]
    headers = {"Content-Type": "application/json", **({} if header is None else {"X-Hub-Signature-256": header})}
    assert (await client.gateway.ask("POST", "/webhooks/whatsapp", data=body, headers=headers)).status == 401
    assert (await client.got("/ingest/events", limit="1"))["data"] == before
    assert header != signature(body)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PATCHBAY_HTTP__PORT": "many"}, "PATCHBAY_HTTP__PORT"),
        ({"PATCHBAY_HTTP__HOST": "999.1.1.1"}, "PATCHBAY_HTTP__HOST"),
        ({"PATCHBAY_ADMIN_TOKEN": "short"}, "PATCHBAY_ADMIN_TOKEN"),
        ({"PATCHBAY_STORE": "paper:///x"}, "PATCHBAY_STORE"),
        ({"PATCHBAY_DATA_DIR": "/dev/null/x"}, "PATCHBAY_DATA_DIR"),
        ({"PATCHBAY_WHATSAPP__GRAPH_URL": "nowhere"}, "PATCHBAY_WHATSAPP__GRAPH_URL"),
    ],
)
async def test_a_setting_that_cannot_work_is_named_in_one_sentence(
    tmp_path: Path, settings: dict[str, str], named: str
) -> None:
    status, said = await refused(tmp_path, **settings)
    assert status not in (0, 1)
    (line,) = said.splitlines()
    assert line.startswith(named)


async def test_a_port_that_is_taken_is_named(client: Outside, tmp_path: Path) -> None:
    port = client.gateway.url.rsplit(":", 1)[1]
    status, said = await refused(tmp_path, PATCHBAY_HTTP__PORT=port)
    assert status
    assert f"127.0.0.1:{port}" in said
    assert "PATCHBAY_HTTP__PORT" in said


async def test_after_a_kill_everything_acknowledged_is_there_and_unsure_sends_are_held(tmp_path: Path) -> None:
    async with outside(tmp_path / "data") as client:
        phone, conversation = await client.met()
        client.graph.open.clear()
        body = {"conversation_id": conversation["id"]}
        texts = ("in flight", "behind it")
        sent = [await client.done("POST", "/messages/send", {**body, "text_content": text}) for text in texts]
        await client.graph.sees_text("in flight")
        await client.writes(phone, "just before")
        await client.gateway.kill()
        client.graph.open.set()
        await client.gateway.start()
        async with asyncio.timeout(8):
            while (state := await _state(client, sent[0])) in {"queued", "sending"}:
                await asyncio.sleep(0.05)
        assert state == "unknown"
        assert [each["text_content"] for each in await client.messages(conversation["id"])] == [
            "Hello",
            *texts,
            "just before",
        ]
        bodies = [each["text"]["body"] for each in client.graph.sent]
        assert bodies.count("in flight") == 1
        assert bodies.count("behind it") <= 1
        assert await client.gateway.stop() == 0


async def _state(client: Outside, answer: dict[str, dict[str, str]]) -> str:
    return str((await client.got(f"/messages/{answer['message']['id']}"))["delivery"]["state"])


async def test_the_token_is_made_for_its_owner_only_when_none_is_given(tmp_path: Path) -> None:
    async with outside(tmp_path / "data", PATCHBAY_ADMIN_TOKEN="") as client:
        made = tmp_path / "data" / "admin-token"
        assert made.stat().st_mode & 0o077 == 0
        token = made.read_text().strip()
        assert token != TOKEN
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.unsigned("/api/v1/conversations", headers=headers)).status == 200
