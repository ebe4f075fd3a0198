"""A gateway with the trail plugged in, in this process, on a clock that a test owns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from patchbay.gateway import Gateway
from patchbay.plugins import load_plugins
from patchbay.testing import FakeClock
from patchbay.web import conversations, openapi, tags
from patchbay.web.app import build_app
from patchbay_audit.trail import Trail

ADMIN = "k7Qv2mXw9RbTz4LfHs8NcJd3PgYuE6Ao"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def more() -> dict[str, str]:
    """Settings beyond the usual; a module's own fixture of this name says which."""
    return {}


@pytest.fixture
async def gateway(tmp_path: Path, clock: FakeClock, more: dict[str, str]) -> AsyncIterator[Gateway]:
    loaded = load_plugins(
        {
            "PATCHBAY_DATA_DIR": str(tmp_path),
            "PATCHBAY_ADMIN_TOKEN": ADMIN,
            "PATCHBAY_PLUGINS": "audit",
            "PATCHBAY_HTTP__RATE_LIMIT_PER_MINUTE": "1000000",
            **more,
        },
        entry_points=[EntryPoint("audit", "patchbay_audit", "patchbay.plugins")],
    )
    assert loaded.failures == ()
    made = Gateway(loaded, clock=clock)
    await made.open()
    (looking,) = [task for task in asyncio.all_tasks() if task.get_name() == "audit: audit trail"]
    looking.cancel()  # tests look themselves
    yield made
    await made.close()


@pytest.fixture
def trail(gateway: Gateway) -> Trail:
    """The plugin's service in that gateway."""
    (service,) = gateway.registry.services
    assert isinstance(service, Trail)
    return service


@pytest.fixture
async def api(gateway: Gateway, aiohttp_client: Any) -> TestClient[Any, Any]:
    """Requests with the administrator's token."""
    made: TestClient[Any, Any] = await aiohttp_client(build_app(gateway, [tags, conversations, openapi]))
    made.session.headers["Authorization"] = f"Bearer {ADMIN}"
    return made
