"""The edge over a real embedded store; only the channel, ingest and the clock are small stand-ins."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from pydantic import BaseModel, ConfigDict

from patchbay.builtin import BootstrapAuthenticator, BootstrapAuthorizer
from patchbay.bus.local import LocalBus
from patchbay.channel import Capabilities, HandshakeAnswer, MediaRule
from patchbay.collections import CORE_COLLECTIONS
from patchbay.errors import BadSignature, StoreUnavailable
from patchbay.metrics import Metrics
from patchbay.model.principal import Principal
from patchbay.model.raw import NewRaw
from patchbay.plugins.report import PluginReport
from patchbay.ports import Credentials, Verdict
from patchbay.registry import Registry
from patchbay.secrets import SecretKey, Vault
from patchbay.service import Inbox
from patchbay.settings import Settings
from patchbay.storage.sqlite import SqliteStore
from patchbay.system import SystemIds
from patchbay.web import (
    build_app,
    channels,
    diagnose,
    docs_pages,
    health,
    ingest_events,
    metrics,
    openapi,
    plugins,
    templates,
    webhooks,
)

MODULES = (channels, diagnose, docs_pages, health, ingest_events, metrics, openapi, plugins, templates, webhooks)
TOKEN = "an-admin-token-for-tests-9f3b"
NOW = datetime(2026, 11, 22, 9, 33, tzinfo=UTC)


class HandClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - NOW).total_seconds()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("the edge never sleeps")

    def advance(self, **units: float) -> None:
        self.moment += timedelta(**units)


class AccountSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    signature: str = "none"
    retries: int = 3


class PigeonChannel:
    """A channel of the imagination: its webhooks are signed with the word "coo"."""

    name = "pigeon"
    title = "Pigeon post"
    account_settings = AccountSettings
    credential_names = ("ring", "loft_key?")
    capabilities = Capabilities(
        contents=frozenset({"text", "image"}),
        text_limit=140,
        media={"image": MediaRule(frozenset({"image/png", "image/jpeg"}), 1000)},
    )

    def handshake(self, query: Mapping[str, str]) -> HandshakeAnswer:
        return HandshakeAnswer(query.get("challenge") if query.get("verify") == "coo" else None)


@dataclass
class JournalIngest:
    """Verifies and journals like the real one; applying is not the edge's business."""

    store: SqliteStore
    clock: HandClock
    down: bool = False
    broken: bool = False
    received: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    named: list[str | None] = field(default_factory=list)

    async def receive(self, channel: str, body: bytes, headers: Mapping[str, str], account: str | None = None) -> None:
        self.named.append(account)
        if self.broken:
            raise ZeroDivisionError("secret detail")
        if self.down:
            raise StoreUnavailable("no")
        if headers.get("x-signature") != "coo":
            raise BadSignature("bad")
        self.received.append((channel, body, headers))
        digest = hashlib.sha256(body).hexdigest()
        await self.store.append(
            NewRaw(channel=channel, received_at=self.clock.now(), headers={}, body=body, sha256=digest)
        )

    async def replay(self, raw_ids: Sequence[str]) -> int:
        self.replayed.extend(raw_ids)
        return len(raw_ids)


class KnownPeople:
    """Bearer tokens that are a principal's id, and a session cookie."""

    name = "people"

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        if credentials.bearer in ("reader", "nobody"):
            return Principal(type="user", id=credentials.bearer)
        if credentials.cookies.get("session") == "alive":
            return Principal(type="bootstrap", id="cookie-admin")
        return None


class ReadersOnly:
    name = "readers"

    def decide(self, principal: Principal, permission: str) -> Verdict:
        if principal.id == "reader":
            return "allow" if permission.endswith(".read") else "abstain"
        return "abstain"

    def sees(self, principal: Principal, event: object) -> Verdict:
        return "abstain"


@dataclass
class CountingSync:
    calls: list[str] = field(default_factory=list)
    error: Exception | None = None

    async def sync(self, account_id: str) -> Mapping[str, int]:
        self.calls.append(account_id)
        if self.error is not None:
            raise self.error
        return {"added": 2, "changed": 1}


@dataclass
class FormGateway:
    """What ``web.keys.Gateway`` asks for, put together by hand."""

    settings: Settings
    registry: Registry
    store: Any
    clock: HandClock
    ids: SystemIds
    vault: Vault
    inbox: Inbox
    ingest: JournalIngest
    templates: CountingSync
    reports: Sequence[PluginReport] = ()
    hub: Any = None
    delivery: Any = None
    media: Any = None
    diagnosis: Any = None
    jobs: Any = None
    metrics: Metrics = field(default_factory=Metrics)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def registry() -> Registry:
    return Registry(
        channels={"pigeon": PigeonChannel()},  # type: ignore[dict-item]
        authenticators=(KnownPeople(), BootstrapAuthenticator(lambda: TOKEN)),
        authorizers=(ReadersOnly(), BootstrapAuthorizer()),
        collections=CORE_COLLECTIONS,
    )


@pytest.fixture
async def gateway(settings: Settings, registry: Registry, tmp_path: Path) -> AsyncIterator[FormGateway]:
    store = SqliteStore(tmp_path / "patchbay.db")
    await store.open(CORE_COLLECTIONS)
    bus, clock, ids = LocalBus(), HandClock(), SystemIds()
    await bus.open()
    inbox = Inbox(store, bus, clock, ids)
    await inbox.open()
    yield FormGateway(
        settings=settings,
        registry=registry,
        store=store,
        clock=clock,
        ids=ids,
        vault=Vault([SecretKey("k" * 40)]),
        inbox=inbox,
        ingest=JournalIngest(store, clock),
        templates=CountingSync(),
        reports=(PluginReport("pigeon", "loaded", "patchbay", "1.0", channels=("pigeon",)),),
    )
    await bus.close()
    await store.close()


Api = Callable[..., Awaitable[Any]]


@pytest.fixture
async def client(gateway: FormGateway, aiohttp_client: Any) -> TestClient[Any, Any]:
    made: TestClient[Any, Any] = await aiohttp_client(build_app(gateway, MODULES))
    made.session.headers["Authorization"] = f"Bearer {TOKEN}"
    return made


@pytest.fixture
def new_channel() -> dict[str, Any]:
    return {
        "channel": "pigeon",
        "name": "Support",
        "external_id": "loft-1",
        "parent_external_id": None,
        "credentials": {"ring": "ring-secret-value"},
        "settings": {"signature": "Yours, the pigeon"},
    }
