"""Roles of one's own; those that are there from the start stay as they are. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from patchbay.errors import NotFound, StateConflict
from patchbay.inbox.versions import require_version
from patchbay.ports import Query, Where
from patchbay_rbac.changing.bounds import Bounds, widened
from patchbay_rbac.changing.naming import name_of, wrong
from patchbay_rbac.documents import ROLE_NAME, ROLES, USERS, Role, Scope, User
from patchbay_rbac.views import role_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

MAX_HOLDERS: Final = 10_000  # of a role whose change has to be judged person by person


def create_role(
    uow: UnitOfWork, bounds: Bounds, *, name: str, description: str, permissions: Mapping[str, Scope]
) -> Role:
    """Raises ``Invalid``, ``StateConflict`` (already_exists), ``Forbidden`` for more than its maker has."""
    bounds.need("roles.write")
    bounds.grant(permissions)
    role = Role(
        id=uow.ids.new("rol"),
        created_at=uow.now,
        updated_at=uow.now,
        name=name_of(name),
        description=description,
        grants=dict(permissions),
    )
    _claim_name(uow, bounds, role)
    uow.add(ROLES, role)
    _tell(uow, "created", role)
    return role


def change_role(
    uow: UnitOfWork, bounds: Bounds, role_id: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> Role:
    """Change any of name, description and permissions, which are replaced. It acts for all who hold the role, at
    once."""
    bounds.need("roles.write")
    before = _own(uow, bounds, role_id)
    require_version(before.version, expected)
    bounds.grant(before.grants)
    read = {"grants" if name == "permissions" else name: value for name, value in changes.items()}
    if "name" in read:
        read["name"] = name_of(read["name"])
    read = {name: value for name, value in read.items() if value != getattr(before, name)}
    if not read:
        return before
    after = replace(before, **read)
    bounds.grant(after.grants)
    if bounds.narrows(widened(before.grants, after.grants)):
        _judge_holders(uow, bounds, after)
    if _key(after.name) != _key(before.name):
        _claim_name(uow, bounds, after)
        uow.free(ROLE_NAME, _key(before.name), before.id)
    after = uow.put(ROLES, before, **read)
    _tell(uow, "updated", after)
    return after


def delete_role(
    uow: UnitOfWork, bounds: Bounds, role_id: str, *, given_to_new: str, expected: int | None = None
) -> None:
    """Raises ``StateConflict`` (in_use) while somebody has it, or ``given_to_new`` names it."""
    bounds.need("roles.write")
    role = _own(uow, bounds, role_id)
    require_version(role.version, expected)
    bounds.grant(role.grants)
    holders = _holders(uow, role_id)
    if holders:
        people = "1 person has" if len(holders) == 1 else f"{len(holders)} people have"
        raise StateConflict(f"{people} this role; take it away first.", code="in_use", extra={"users": len(holders)})
    if role_id == given_to_new:
        message = "The setting rbac.open_role gives this role to whoever registers."
        raise StateConflict(message, code="in_use", extra={"users": 0})
    uow.free(ROLE_NAME, _key(role.name), role_id)
    uow.remove(ROLES, role)
    _tell(uow, "deleted", role)


def _own(uow: UnitOfWork, bounds: Bounds, role_id: str) -> Role:
    known = bounds.people.role(role_id)
    if known is not None and known.builtin:
        raise StateConflict(f"{known.name} is built in and stays as it is; make a role of your own.")
    role = uow.get(ROLES, role_id)
    if role is None:
        raise NotFound(f"There is no role {role_id!r}.")
    return role


def _holders(uow: UnitOfWork, role_id: str) -> list[User]:
    return uow.find(Query(USERS, (Where("role_ids", "has", role_id),), sort="id", limit=MAX_HOLDERS))


def _judge_holders(uow: UnitOfWork, bounds: Bounds, role: Role) -> None:
    """Raises ``Forbidden`` where the change would show somebody rows that whoever makes it does not see."""
    for user in _holders(uow, role.id):
        bounds.hold(user, role)


def _key(name: str) -> str:
    return name.casefold()


def _claim_name(uow: UnitOfWork, bounds: Bounds, role: Role) -> None:
    key = _key(role.name)
    taken = next(
        (each.id for each in bounds.people.roles() if each.builtin and key in (_key(each.name), each.id)), None
    )
    holder = taken or uow.ref(ROLE_NAME, key)
    if holder is not None and holder != role.id:
        raise StateConflict(f"There is a role {role.name!r} already.", code="already_exists", extra={"id": holder})
    uow.claim(ROLE_NAME, key, role.id)


def _tell(uow: UnitOfWork, what: str, role: Role) -> None:
    uow.emit(f"role.{what}", "role", role.id, role_view(role))


def read_permissions(
    given: Mapping[str, Scope], known: Mapping[str, str], is_scoped: Any, pointer: str = "/permissions"
) -> dict[str, Scope]:
    """Raises ``Invalid`` naming a permission that is not known, or is not about rows and was given for some."""
    for name, scope in given.items():
        if name not in known:
            raise wrong(
                f"{pointer}/{name}", f"There is no permission {name!r}; GET /permissions lists them.", "not_found"
            )
        if scope != "all" and not is_scoped(name):
            raise wrong(f"{pointer}/{name}", f"{name} is not about rows; give it for all.", "choice")
    return dict(sorted(given.items()))
