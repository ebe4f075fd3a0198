"""Health, metrics and plugins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from patchbay.errors import StoreUnavailable
from patchbay.hookspecs import Permission, Route
from patchbay.metrics import MAX_SERIES
from patchbay.plugins.report import PluginReport
from patchbay.web import build_app, health, metrics, plugins
from patchbay.web.health import FULL_SHARE

ADMIN = {"X-API-Key": "an-admin-token-for-tests-9f3b"}


class Check:
    def __init__(self, name: str, error: Exception | None = None, hangs: bool = False) -> None:
        self.name = name
        self.error = error
        self.hangs = hangs

    async def check(self) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        return {"queue": 3}


@pytest.fixture
def serve(gateway: Any, aiohttp_client: Any) -> Any:
    async def made() -> Any:
        return await aiohttp_client(build_app(gateway, [health, metrics, plugins]))

    return made


async def test_a_sound_gateway_is_ok(serve: Any) -> None:
    client = await serve()
    answer = await client.get("/health")
    document = await answer.json()
    assert (answer.status, document["status"]) == (200, "ok")
    assert document["checks"]["store"]["status"] == "ok"
    assert document["checks"]["ingest"]["details"] == {"pending": 0}
    assert (await client.get("/health/live")).status == 200
    assert (await client.get("/health/ready")).status == 200


async def test_without_its_store_a_gateway_is_unhealthy_but_alive(serve: Any, gateway: Any, monkeypatch: Any) -> None:
    async def down() -> None:
        raise StoreUnavailable("The disk is full.")

    monkeypatch.setattr(gateway.store, "ping", down)
    client = await serve()
    answer = await client.get("/health")
    document = await answer.json()
    assert (answer.status, document["status"]) == (503, "unhealthy")
    assert document["checks"]["store"]["error"] == "The disk is full."
    assert (await client.get("/health/ready")).status == 503
    assert (await client.get("/health/live")).status == 200


async def test_a_check_that_fails_or_hangs_degrades_and_is_named(serve: Any, gateway: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(health, "CHECK_S", 0.05)
    checks = (Check("good"), Check("bad", RuntimeError("password=hunter2")), Check("slow", hangs=True))
    gateway.registry = replace(gateway.registry, health_checks=checks)
    document = await (await (await serve()).get("/health")).json()
    assert document["status"] == "degraded"
    found = {name: (check["status"], check.get("error")) for name, check in document["checks"].items()}
    assert found["good"] == ("ok", None)
    assert found["bad"] == ("failed", "RuntimeError")
    assert found["slow"][0] == "failed"


async def test_many_waiting_webhooks_degrade(serve: Any, gateway: Any, monkeypatch: Any) -> None:
    async def pending() -> int:
        most: int = gateway.settings.ingest.max_pending
        return int(most * FULL_SHARE) + 1

    monkeypatch.setattr(gateway.store, "pending", pending)
    answer = await (await serve()).get("/health")
    assert (answer.status, (await answer.json())["status"]) == (200, "degraded")


async def test_a_failed_plugin_degrades_and_is_listed_without_its_traceback(serve: Any, gateway: Any) -> None:
    failed = PluginReport("owl", "failed", error="it is asleep", trace="Traceback: secret path", file="/secret/owl.py")
    gateway.reports = (*gateway.reports, failed)
    client = await serve()
    assert (await (await client.get("/health")).json())["status"] == "degraded"
    assert (await client.get("/health/plugins")).status == 401
    listed = await client.get("/health/plugins", headers=ADMIN)
    assert (await listed.json())["checks"]["owl"] == {
        "status": "failed",
        "details": {"state": "failed", "version": None},
        "error": "it is asleep",
    }
    text = await (await client.get("/api/v1/plugins", headers=ADMIN)).text()
    assert "it is asleep" in text
    assert "secret" not in text


async def test_a_plugin_is_shown_with_what_it_brought(serve: Any, gateway: Any, settings: Any) -> None:
    class PigeonSettings(BaseModel):
        loft: str = "roof"

    async def feed(request: Any) -> Any: ...

    gateway.settings = settings.model_copy(update={"plugin_tables": {"pigeon": PigeonSettings()}})
    gateway.registry = replace(
        gateway.registry,
        health_checks=(Check("loft"), Check("other")),
        routes=(Route("POST", "/feed", feed, "pigeons.feed", "Feed the pigeons"),),
        permissions=(Permission("pigeons.feed", "Feed"),),
        origins={
            ("settings table", "pigeon"): "pigeon",
            ("health check", "loft"): "pigeon",
            ("health check", "other"): "owl",
            ("route", "POST /feed"): "pigeon",
        },
    )
    client = await serve()
    shown = await (await client.get("/api/v1/plugins/pigeon", headers=ADMIN)).json()
    assert shown["settings_table"] == "pigeon"
    assert list(shown["settings_schema"]["properties"]) == ["loft"]
    assert shown["routes"][0]["path"] == "/api/v1/feed"
    assert shown["health"] == {"loft": {"status": "ok", "details": {"queue": 3}}}
    assert (await client.get("/api/v1/plugins/owl", headers=ADMIN)).status == 404


async def test_metrics_are_read_from_plain_numbers_and_need_a_permission(serve: Any, gateway: Any) -> None:
    counted = gateway.metrics
    counted.counter("patchbay_things_total", "Things.", kind="a").value += 3
    assert counted.counter("patchbay_things_total", "Things.", kind="a").value == 3
    took = counted.histogram("patchbay_things_seconds", "Time.", (0.1, 1.0))
    for seconds in (0.05, 0.5, 0.1, 7.0):
        took.observe(seconds)
    counted.gauge("patchbay_waiting", "Waiting.", lambda: 7.0, queue="x")
    counted.gauge("patchbay_broken", "Broken.", lambda: 1 / 0)
    client = await serve()
    assert (await client.get("/metrics")).status == 401
    answer = await client.get("/metrics", headers=ADMIN)
    assert answer.content_type == "text/plain"
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(await answer.text())
        for sample in family.samples
    }
    assert samples["patchbay_things_total", (("kind", "a"),)] == 3
    assert samples["patchbay_waiting", (("queue", "x"),)] == 7
    assert samples["patchbay_things_seconds_bucket", (("le", "0.1"),)] == 2
    assert samples["patchbay_things_seconds_bucket", (("le", "+Inf"),)] == 4
    assert samples["patchbay_things_seconds_count", ()] == 4


def test_labels_are_bounded(gateway: Any) -> None:
    for number in range(MAX_SERIES):
        gateway.metrics.counter("patchbay_things_total", "Things.", id=str(number))
    with pytest.raises(ValueError, match="not bounded"):
        gateway.metrics.counter("patchbay_things_total", "Things.", id="one more")
