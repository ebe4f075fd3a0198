"""Plugins: what is plugged in, and what each brought."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

from marshmallow import Schema, fields

from patchbay.errors import NotFound
from patchbay.model.times import rfc3339
from patchbay.plugins.report import PluginReport, PluginState
from patchbay.web.call import Call
from patchbay.web.health import CheckSchema, plugin_findings
from patchbay.web.operations import API_ROOT, Answer, Operations, Public
from patchbay.web.schemas.fields import OneOf

if TYPE_CHECKING:
    from patchbay.registry import Kind
    from patchbay.web.keys import Gateway

OPERATIONS = Operations("Plugins", {"plugins.read": "See plugins, what they bring and how they are"})


class PluginFailureSchema(Schema):
    """Something of a plugin that has failed since the start. `rests_s` is for how long it is not asked any more."""

    what = fields.String(required=True)
    error = fields.String(required=True)
    in_a_row = fields.Integer(required=True)
    total = fields.Integer(required=True)
    at = fields.String(required=True, allow_none=True)
    rests_s = fields.Float(required=True)


class PluginSchema(Schema):
    """A plugin of the allow list, and what became of it.

    `failing` is loaded, and a call of something of it failed within the last minute.
    """

    name = fields.String(required=True)
    state = OneOf(get_args(PluginState), required=True)
    distribution = fields.String(required=True, allow_none=True)
    version = fields.String(required=True, allow_none=True)
    hooks = fields.List(fields.String(), required=True)
    channels = fields.List(fields.String(), required=True)
    permissions = fields.List(fields.String(), required=True)
    error = fields.String(required=True, allow_none=True)
    failures = fields.List(fields.Nested(PluginFailureSchema), required=True)


class PluginRouteSchema(Schema):
    method = fields.String(required=True)
    path = fields.String(required=True)
    permission = fields.String(required=True, allow_none=True)
    summary = fields.String(required=True)


class PluginDetailSchema(PluginSchema):
    """A plugin with its settings, routes and health."""

    settings_table = fields.String(required=True, allow_none=True)
    settings_schema = fields.Dict(required=True, allow_none=True)
    routes = fields.List(fields.Nested(PluginRouteSchema), required=True)
    health = fields.Dict(keys=fields.String(), values=fields.Nested(CheckSchema), required=True)


class PluginsSchema(Schema):
    data = fields.List(fields.Nested(PluginSchema), required=True)


@OPERATIONS.get("/plugins", "plugins.read", answer=PluginsSchema)
async def list_plugins(call: Call) -> Answer:
    """List plugins and what became of each."""
    return Answer({"data": [plugin_view(report) for report in call.gateway.reports]})


@OPERATIONS.get("/plugins/{name}", "plugins.read", answer=PluginDetailSchema)
async def show_plugin(call: Call) -> Answer:
    """Show a plugin: its settings' schema, permissions, routes and health."""
    name = call.path["name"]
    report = next((report for report in call.gateway.reports if report.name == name), None)
    if report is None:
        raise NotFound(f"There is no plugin {name!r} on the list.")
    table = next(iter(brought(call.gateway, "settings table", name)), None)
    model = call.gateway.settings.plugin_tables.get(table) if table is not None else None
    routes = brought(call.gateway, "route", name)
    checks = await plugin_findings(call.gateway, frozenset(brought(call.gateway, "health check", name)))
    return Answer(
        {
            **plugin_view(report),
            "settings_table": table,
            "settings_schema": None if model is None else type(model).model_json_schema(),
            "routes": [
                view
                for view in _routes(call.gateway)
                if f"{view['method']} {view['path'].removeprefix(API_ROOT)}" in routes
            ],
            "health": {finding.name: finding.view() for finding in checks},
        }
    )


def _routes(gateway: Gateway) -> Iterator[dict[str, Any]]:
    """What plugins serve: bare routes, and declared operations."""
    for route in gateway.registry.routes:
        yield _route_view(route.method, API_ROOT + route.path, route.permission, route.summary)
    for operation in gateway.registry.operations:
        permission = None if isinstance(operation.permission, Public) else operation.permission
        yield _route_view(operation.method, operation.path, permission, operation.summary)


def _route_view(method: str, path: str, permission: str | None, summary: str) -> dict[str, Any]:
    return {"method": method, "path": path, "permission": permission, "summary": summary}


def brought(gateway: Gateway, kind: Kind, plugin: str) -> list[str]:
    """The names of what a plugin brought of one kind."""
    return [name for (each, name), origin in gateway.registry.origins.items() if each == kind and origin == plugin]


def plugin_view(report: PluginReport) -> dict[str, Any]:
    """Without the traceback and without where the file lies: those are for the log."""
    return {
        "name": report.name,
        "state": report.state,
        "distribution": report.distribution,
        "version": report.version,
        "hooks": list(report.hooks),
        "channels": list(report.channels),
        "permissions": list(report.permissions),
        "error": report.error,
        "failures": [
            {
                "what": failure.what,
                "error": failure.error,
                "in_a_row": failure.in_a_row,
                "total": failure.total,
                "at": None if failure.at is None else rfc3339(failure.at),
                "rests_s": failure.rests_s,
            }
            for failure in report.failures
        ],
    }
