"""The audit trail: who did what, when, from where, in a chain that shows every later change to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from patchbay.hookspecs import Permission, PluginSettings, hookimpl
from patchbay_audit.settings import TABLE, AuditSettings

if TYPE_CHECKING:
    import typer

    from patchbay.collections import Collection
    from patchbay.ports import HealthCheck, Recorder, Service
    from patchbay.settings import Settings
    from patchbay.web.operations import Operations


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings(TABLE, AuditSettings)


@hookimpl
def register_collections(settings: Settings) -> Sequence[Collection[Any]]:
    from patchbay_audit.entry import AUDIT_ANCHORS, AUDIT_ENTRIES, AUDIT_HEAD

    return [AUDIT_ENTRIES, AUDIT_HEAD, AUDIT_ANCHORS]


@hookimpl
def register_services(settings: Settings) -> Sequence[Service]:
    from patchbay_audit.trail import Trail

    return [settings.shared(Trail)]


@hookimpl
def register_recorders(settings: Settings) -> Sequence[Recorder]:
    from patchbay_audit.trail import Trail

    return [settings.shared(Trail).recorder]


@hookimpl
def register_routes(settings: Settings) -> Sequence[Operations]:
    from patchbay_audit.api import operations
    from patchbay_audit.trail import Trail

    return [operations(settings.shared(Trail))]


@hookimpl
def register_permissions() -> Sequence[Permission]:
    from patchbay_audit.api import permissions

    return permissions()


@hookimpl
def register_health(settings: Settings) -> Sequence[HealthCheck]:
    from patchbay_audit.health import TrailHealth
    from patchbay_audit.trail import Trail

    return [TrailHealth(settings.shared(Trail))]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """Add ``patchbay audit``."""
    from patchbay_audit.cli import add_commands

    add_commands(app)
