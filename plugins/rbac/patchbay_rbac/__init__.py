"""Who may do what: people, sign-in, sessions, tokens, API keys, roles, departments, and the rows that each may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from patchbay.hookspecs import Permission, PluginSettings, hookimpl
from patchbay_rbac.documents import COLLECTIONS
from patchbay_rbac.roles import PERMISSIONS
from patchbay_rbac.settings import RbacSettings

if TYPE_CHECKING:
    import typer

    from patchbay.collections import Collection
    from patchbay.ports import Authenticator, Authorizer, Directory, Service
    from patchbay.settings import Settings
    from patchbay.web.operations import Operations


@hookimpl
def register_settings() -> PluginSettings:
    return PluginSettings("rbac", RbacSettings)


@hookimpl
def register_collections() -> Sequence[Collection[Any]]:
    return COLLECTIONS


@hookimpl
def register_permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def register_services(settings: Settings) -> Sequence[Service]:
    from patchbay_rbac.rbac import Rbac

    return [settings.shared(Rbac)]


@hookimpl
def register_authenticators(settings: Settings) -> Sequence[Authenticator]:
    from patchbay_rbac.rbac import LateAuthenticator, Rbac

    return [LateAuthenticator(settings.shared(Rbac))]


@hookimpl
def register_authorizers(settings: Settings) -> Sequence[Authorizer]:
    from patchbay_rbac.rbac import Rbac

    return [settings.shared(Rbac).authorizer]


@hookimpl
def register_directories(settings: Settings) -> Sequence[Directory]:
    from patchbay_rbac.rbac import Rbac

    return [settings.shared(Rbac).directory]


@hookimpl
def register_routes(settings: Settings) -> Sequence[Operations]:
    from patchbay_rbac.rbac import Rbac
    from patchbay_rbac.routes import all_operations

    return all_operations(settings.shared(Rbac))


@hookimpl
def register_commands(app: typer.Typer) -> None:
    from patchbay_rbac.commands import users

    app.add_typer(users, name="users")
