"""Health: is it alive, is it ready, and how is each part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from marshmallow import Schema, fields

from patchbay import __version__
from patchbay.errors import PatchbayError
from patchbay.web.call import Call
from patchbay.web.operations import Answer, Operations, Public
from patchbay.web.schemas.fields import OneOf

if TYPE_CHECKING:
    from patchbay.web.keys import Gateway

log = structlog.get_logger(__name__)
CHECK_S = 2.0  # a check that takes longer has failed
FULL_SHARE = 0.75  # of ingest.max_pending: from here on the gateway is degraded
PROBES = Public("load balancers and orchestrators ask without a token; it tells no secrets")
OPERATIONS = Operations("Operations", {"plugins.read": "See plugins, what they bring and how they are"})


@dataclass(frozen=True)
class Finding:
    """What one check found. ``vital`` means that nothing works without it."""

    name: str
    healthy: bool
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    vital: bool = False

    def beside(self, other: Finding) -> Finding:
        """Both under the name of this one."""
        errors = [each.error for each in (self, other) if each.error is not None]
        return Finding(
            self.name,
            self.healthy and other.healthy,
            {**other.details, **self.details},
            " ".join(errors) or None,
            self.vital or other.vital,
        )

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = {"status": "ok" if self.healthy else "failed", "details": dict(self.details)}
        if self.error is not None:
            view["error"] = self.error
        return view


class CheckSchema(Schema):
    status = OneOf(("ok", "failed"), required=True)
    details = fields.Dict(required=True)
    error = fields.String()


class GatewayHealthSchema(Schema):
    """`degraded` serves, and somebody should look; `unhealthy` does not serve."""

    status = OneOf(("ok", "degraded", "unhealthy"), required=True)
    version = fields.String(required=True)
    checks = fields.Dict(keys=fields.String(), values=fields.Nested(CheckSchema), required=True)


class AliveSchema(Schema):
    status = OneOf(("ok", "unhealthy"), required=True)


@OPERATIONS.get("/health", PROBES, root="", answer=GatewayHealthSchema)
async def show_health(call: Call) -> Answer:
    """Show how the gateway and its parts are.

    503 when it is unhealthy.
    """
    return health_answer(await findings(call.gateway))


@OPERATIONS.get("/health/live", PROBES, root="", answer=AliveSchema)
async def show_liveness(call: Call) -> Answer:
    """Say that the process answers."""
    return Answer({"status": "ok"})


@OPERATIONS.get("/health/ready", PROBES, root="", answer=AliveSchema)
async def show_readiness(call: Call) -> Answer:
    """Say whether requests can be served; 503 when not."""
    store = await examined("store", lambda: _store(call.gateway), vital=True)
    return Answer({"status": "ok"}) if store.healthy else Answer({"status": "unhealthy"}, status=503)


@OPERATIONS.get("/health/plugins", "plugins.read", root="", answer=GatewayHealthSchema)
async def show_plugin_health(call: Call) -> Answer:
    """Show how each plugin is: whether it was loaded, and its own checks."""
    checked = await plugin_findings(call.gateway)
    reported = [
        Finding(report.name, report.state == "loaded", {"state": report.state, "version": report.version}, report.error)
        for report in call.gateway.reports
    ]
    return health_answer([*reported, *checked])


def health_answer(found: list[Finding]) -> Answer:
    """The findings, and what they come to."""
    if any(finding.vital and not finding.healthy for finding in found):
        status = "unhealthy"
    else:
        status = "ok" if all(finding.healthy for finding in found) else "degraded"
    by_name: dict[str, Finding] = {}
    for finding in found:  # a plugin and its check may have one name: neither may hide what is wrong with the other
        known = by_name.get(finding.name)
        by_name[finding.name] = finding if known is None else known.beside(finding)
    document = {
        "status": status,
        "version": __version__,
        "checks": {name: finding.view() for name, finding in by_name.items()},
    }
    return Answer(document, status=503 if status == "unhealthy" else 200)


async def findings(gateway: Gateway) -> list[Finding]:
    """All checks, at the same time."""
    core = (
        examined("store", lambda: _store(gateway), vital=True),
        examined("ingest", lambda: _ingest(gateway)),
    )
    first = await asyncio.gather(*core)
    checked = await plugin_findings(gateway)
    failed = [report.name for report in gateway.reports if report.state != "loaded"]
    plugins = Finding("plugins", not failed, {"failed": failed} if failed else {})
    return [*first, plugins, *checked]


async def plugin_findings(gateway: Gateway, names: frozenset[str] | None = None) -> list[Finding]:
    """The registered checks, those of these names only when given."""
    checks = [check for check in gateway.registry.health_checks if names is None or check.name in names]
    return list(await asyncio.gather(*(examined(check.name, check.check) for check in checks)))


async def examined(name: str, check: Callable[[], Awaitable[Mapping[str, Any]]], *, vital: bool = False) -> Finding:
    """What a check finds within its time; that it raises means unhealthy. Foreign errors are named, not quoted."""
    try:
        async with asyncio.timeout(CHECK_S):
            return Finding(name, True, await check(), vital=vital)
    except TimeoutError:
        return Finding(name, False, error=f"It did not answer within {CHECK_S:g} s.", vital=vital)
    except PatchbayError as error:
        return Finding(name, False, error=error.detail or error.code, vital=vital)
    except Exception as error:
        log.warning("a health check raised", check=name, exc_info=error)
        return Finding(name, False, error=type(error).__name__, vital=vital)


async def _store(gateway: Gateway) -> Mapping[str, Any]:
    await gateway.store.ping()
    return {}


async def _ingest(gateway: Gateway) -> Mapping[str, Any]:
    pending, most = await gateway.store.pending(), gateway.settings.ingest.max_pending
    if pending > most * FULL_SHARE:
        raise PatchbayError(f"{pending} webhooks wait to be applied; from {most} on new ones are told to come back.")
    return {"pending": pending}
