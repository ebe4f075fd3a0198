"""E26: the audit trail is append-only, chained, anchored every 10 minutes, and verified without us (V16.3, V16.4.2-3).

That every tampering is found is R27, in ``tests/faults/test_r27_audit.py``.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from patchbay.gateway import Gateway
from patchbay.plugins import load_plugins
from patchbay.testing import FakeClock
from patchbay.web import tags
from patchbay.web.app import build_app
from patchbay_audit.settings import AuditSettings
from patchbay_audit.trail import Trail

ADMIN = "k7Qv2mXw9RbTz4LfHs8NcJd3PgYuE6Ao"
CANARY = "canary-4f1d9c7b2e"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def gateway(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Gateway]:
    loaded = load_plugins(
        {"PATCHBAY_DATA_DIR": str(tmp_path), "PATCHBAY_ADMIN_TOKEN": ADMIN, "PATCHBAY_PLUGINS": "audit"},
        entry_points=[EntryPoint("audit", "patchbay_audit", "patchbay.plugins")],
    )
    made = Gateway(loaded, clock=clock)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def api(gateway: Gateway, aiohttp_client: Any) -> TestClient[Any, Any]:
    made: TestClient[Any, Any] = await aiohttp_client(build_app(gateway, [tags]))
    made.session.headers["Authorization"] = f"Bearer {ADMIN}"
    return made


async def test_e26_no_route_changes_or_removes_an_entry(api: TestClient[Any, Any], gateway: Gateway) -> None:
    """What writes below /audit is a verification, and a cut of what is too old by the settings."""
    written = {
        (operation.method, operation.path)
        for operation in gateway.registry.operations
        if operation.method not in ("GET", "HEAD")
    }
    assert written == {("POST", "/api/v1/audit/verify"), ("POST", "/api/v1/audit/retention")}
    async with api.post("/api/v1/tags", json={"name": "VIP"}) as made:
        assert made.status == 201
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for path in ("/audit", "/audit/aud_0000000000000001", "/audit/export"):
            async with api.request(method, f"/api/v1{path}") as response:
                assert response.status == 405, (method, path)
    async with api.post("/api/v1/audit/verify") as response:
        verdict = await response.json()
    assert (verdict["valid"], verdict["entries"]) == (True, 1)


async def test_e26_by_default_nothing_is_ever_removed(api: TestClient[Any, Any], clock: FakeClock) -> None:
    assert AuditSettings().retention_days == 0
    async with api.post("/api/v1/tags", json={"name": "VIP"}) as made:
        assert made.status == 201
    clock.jump(100 * 365 * 86_400)
    async with api.post("/api/v1/audit/retention", json={"dry_run": False}) as response:
        assert (await response.json())["entries"] == 0
    async with api.post("/api/v1/audit/verify") as response:
        verdict = await response.json()
    assert (verdict["valid"], verdict["from_seq"]) == (True, 1)


async def test_e26_an_anchor_every_ten_minutes(
    api: TestClient[Any, Any], gateway: Gateway, clock: FakeClock, tmp_path: Path
) -> None:
    assert AuditSettings().anchor_every_s == 600
    (trail,) = [each for each in gateway.registry.services if isinstance(each, Trail)]
    numbers = []
    for n in range(3):
        async with api.post("/api/v1/tags", json={"name": f"Tag {n}"}) as made:
            assert made.status == 201
        await clock.advance(600)
        await trail.look()
        async with api.post("/api/v1/audit/verify") as response:
            numbers.append((await response.json())["anchors"])
    assert [each["stored"] for each in numbers] == [1, 2, 3]
    assert all(each["entries_since"] == 0 for each in numbers)
    path = tmp_path / "audit-anchors.jsonl"
    mode, lines = await asyncio.to_thread(lambda: (path.stat().st_mode, path.read_text().splitlines()))
    assert stat.S_IMODE(mode) == 0o600
    assert len(lines) == 3


async def test_e26_a_refused_request_is_in_the_trail_and_its_credentials_are_not(
    api: TestClient[Any, Any], gateway: Gateway, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {CANARY}", "X-API-Key": CANARY, "Cookie": f"session={CANARY}"}
    async with api.get("/api/v1/tags", headers=headers) as response:
        assert response.status == 401
    async with api.get("/api/v1/audit/export") as response:
        text = await response.text()
    assert '"outcome":"unauthenticated"' in text
    assert CANARY not in text


async def test_e26_the_key_of_the_anchors_is_not_in_the_store(gateway: Gateway, tmp_path: Path) -> None:
    (trail,) = [each for each in gateway.registry.services if isinstance(each, Trail)]
    await gateway.inbox.run(lambda uow: None)
    keys = [key.hex().encode() for key in trail.host.keys("audit anchor")] + trail.host.keys("audit anchor")
    for name in ("patchbay.db", "patchbay.db-wal"):
        content = await asyncio.to_thread((tmp_path / name).read_bytes)
        assert not any(key in content for key in keys)
