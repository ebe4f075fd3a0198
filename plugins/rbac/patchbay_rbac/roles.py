"""Permissions of people's own, and the roles that are there from the start. No IO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from patchbay.hookspecs import Permission
from patchbay_rbac.documents import Role, Scope

SELF = "auth.self"  # everybody who is signed in has it: one's own profile, sessions, second factor and password
SUPER_ADMIN, ADMIN, SUPERVISOR, AGENT, READ_ONLY = "super_admin", "admin", "supervisor", "agent", "read_only"
ADMINS = frozenset({SUPER_ADMIN, ADMIN})
WIDTH: dict[Scope, int] = {"own": 0, "department": 1, "all": 2}

PERMISSIONS = (
    Permission(SELF, "See and change one's own profile, sessions, second factor and password"),
    Permission("users.read", "See people"),
    Permission("users.write", "Invite, create and change people, and their availability"),
    Permission("users.suspend", "Suspend and activate people, and end their sessions"),
    Permission("users.delete", "Delete people"),
    Permission("roles.read", "See roles and permissions"),
    Permission("roles.write", "Make, change and delete roles, and give them to people"),
    Permission("departments.read", "See departments and who is in them"),
    Permission("departments.write", "Make, change and delete departments, and say who is in them"),
    Permission("api_keys.read", "See API keys"),
    Permission("api_keys.write", "Make and revoke API keys"),
)

_SUPERVISOR: Mapping[str, Scope] = {
    **dict.fromkeys(
        (
            "conversations.read",
            "conversations.write",
            "conversations.assign",
            "conversations.close",
            "messages.read",
            "messages.send",
            "notes.read",
            "notes.write",
            "notes.moderate",
            "contacts.read",
            "contacts.write",
            "contacts.merge",
            "contacts.export",
            "media.read",
            "media.write",
        ),
        "department",
    ),
    **dict.fromkeys(("jobs.read", "jobs.write"), "own"),  # of the exports of people that one asked for
    **dict.fromkeys(
        (
            "channels.read",
            "departments.read",
            "events.read",
            "roles.read",
            "tags.read",
            "tags.write",
            "templates.read",
            "users.read",
        ),
        "all",
    ),
}
_AGENT: Mapping[str, Scope] = {
    **dict.fromkeys(
        (
            "conversations.read",
            "conversations.write",
            "conversations.close",
            "messages.read",
            "messages.send",
            "notes.read",
            "notes.write",
            "contacts.read",
            "contacts.write",
            "media.read",
            "media.write",
        ),
        "department",
    ),
    "conversations.assign": "own",
    **dict.fromkeys(
        ("channels.read", "departments.read", "events.read", "tags.read", "templates.read", "users.read"), "all"
    ),
}
_READ_ONLY: Mapping[str, Scope] = {
    **dict.fromkeys(("conversations.read", "messages.read", "notes.read", "contacts.read", "media.read"), "department"),
    **dict.fromkeys(("channels.read", "departments.read", "events.read", "tags.read", "templates.read"), "all"),
}
_TEXTS = {
    SUPER_ADMIN: ("Super admin", "May do and see everything, and makes other super admins"),
    ADMIN: ("Admin", "May do and see everything, but nothing to super admins"),
    SUPERVISOR: ("Supervisor", "Runs departments: everything with the conversations there"),
    AGENT: ("Agent", "Answers in the own departments"),
    READ_ONLY: ("Read-only", "Sees what happens in the own departments"),
}
_SINCE = datetime(2026, 11, 22, tzinfo=UTC)  # when these came to be as they are; documents have such a moment


def builtin_roles(permissions: Iterable[str]) -> dict[str, Role]:
    """The roles that are there from the start, of the permissions that there are."""
    known = frozenset(permissions)
    everything: Mapping[str, Scope] = dict.fromkeys(sorted(known), "all")
    grants = {
        SUPER_ADMIN: everything,
        ADMIN: everything,
        SUPERVISOR: _SUPERVISOR,
        AGENT: _AGENT,
        READ_ONLY: _READ_ONLY,
    }
    return {
        id: Role(
            id=id,
            created_at=_SINCE,
            updated_at=_SINCE,
            name=_TEXTS[id][0],
            description=_TEXTS[id][1],
            grants={name: scope for name, scope in granted.items() if name in known},
            builtin=True,
        )
        for id, granted in grants.items()
    }


def together(grants: Iterable[Mapping[str, Scope]]) -> dict[str, Scope]:
    """What several roles give to one person: of each permission the widest scope."""
    widest: dict[str, Scope] = {}
    for each in grants:
        for permission, scope in each.items():
            if permission not in widest or WIDTH[scope] > WIDTH[widest[permission]]:
                widest[permission] = scope
    return widest


def beyond(grants: Mapping[str, Scope], bound: Mapping[str, Scope], is_scoped: Callable[[str], bool]) -> list[str]:
    """The permissions that grants give and the bound does not, or not for as many rows."""
    return sorted(
        permission
        for permission, scope in grants.items()
        if permission not in bound or (is_scoped(permission) and WIDTH[scope] > WIDTH[bound[permission]])
    )
