"""People, roles and departments on the wire. No IO, and never a secret."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchbay.model.times import rfc3339, rfc3339_or_none
from patchbay_rbac.documents import Department, Role, User
from patchbay_rbac.second_factor import has_one

View = dict[str, Any]


def user_view(user: User) -> View:
    """``roles`` are the same as ``role_ids``. Of somebody who was deleted only the name is left."""
    return {
        "id": user.id,
        "email": user.email or None,
        "name": user.name,
        "status": user.status,
        "role_ids": list(user.role_ids),
        "roles": list(user.role_ids),
        "department_ids": list(user.department_ids),
        "availability": user.availability,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "two_factor": has_one(user),
        "last_sign_in_at": rfc3339_or_none(user.last_sign_in_at),
        "created_at": rfc3339(user.created_at),
        "updated_at": rfc3339(user.updated_at),
        "version": user.version,
    }


def role_view(role: Role) -> View:
    return {
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "permissions": dict(sorted(role.grants.items())),
        "builtin": role.builtin,
        "created_at": rfc3339(role.created_at),
        "updated_at": rfc3339(role.updated_at),
        "version": role.version,
    }


def department_view(department: Department, member_ids: Sequence[str]) -> View:
    return {
        "id": department.id,
        "name": department.name,
        "description": department.description,
        "parent_id": department.parent_id,
        "head_id": department.head_id,
        "time_zone": department.time_zone,
        "member_ids": sorted(member_ids),
        "settings": department.settings,
        "created_at": rfc3339(department.created_at),
        "updated_at": rfc3339(department.updated_at),
        "version": department.version,
    }


def hours_view(department: Department) -> View:
    hours = [
        {"weekday": each.weekday, "opens": each.opens, "closes": each.closes} for each in department.business_hours
    ]
    return {"time_zone": department.time_zone, "hours": hours}


def holidays_view(department: Department) -> View:
    return {"holidays": [{"date": each.date, "name": each.name} for each in department.holidays]}
