"""Departments, and who is in them. No IO."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from patchbay.collections import CONVERSATIONS
from patchbay.errors import NotFound, StateConflict
from patchbay.inbox.versions import require_version
from patchbay.ports import Query, Where
from patchbay_rbac.changing.bounds import Bounds
from patchbay_rbac.changing.membership import MAX_MEMBERS, follow, members, tell_department, tell_user
from patchbay_rbac.changing.naming import name_of, time_zone_of, wrong
from patchbay_rbac.changing.users import the_user
from patchbay_rbac.documents import DEPARTMENT_NAME, DEPARTMENTS, USERS, Department, User
from patchbay_rbac.views import department_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

OPEN: Final = ("pending", "open", "snoozed")  # conversations with work in them


def create_department(uow: UnitOfWork, bounds: Bounds, given: Mapping[str, Any]) -> Department:
    """Raises ``Invalid`` naming the field, ``StateConflict`` (already_exists)."""
    bounds.need("departments.write")
    new = Department(id=uow.ids.new("dep"), created_at=uow.now, updated_at=uow.now, name="")
    department = replace(new, **_read(given))
    _check_parent(bounds, department)
    _check_head(uow, bounds, department, {department.id})
    _claim_name(uow, department)
    uow.add(DEPARTMENTS, department)
    # nobody can be in it yet; each try of this command has another id, so asking who is would never end
    uow.emit("department.created", "department", department.id, department_view(department, ()))
    return department


def change_department(
    uow: UnitOfWork, bounds: Bounds, id: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> Department:
    """Change any of name, description, parent_id, head_id, time_zone, business_hours, holidays and settings, each of
    which is replaced. Raises as ``create_department``, ``Forbidden`` where a head would come to see more than the
    changer does."""
    bounds.need("departments.write")
    before = the_department(uow, id)
    require_version(before.version, expected)
    read = {name: value for name, value in _read(changes).items() if value != getattr(before, name)}
    if not read:
        return before
    after = replace(before, **read)
    if "parent_id" in read:
        _check_parent(bounds, after)
        _check_heads_above(uow, bounds, after)
    if "head_id" in read:
        _check_head(uow, bounds, after, bounds.people.below(id))
    if _key(after.name) != _key(before.name):
        _claim_name(uow, after)
        uow.free(DEPARTMENT_NAME, _key(before.name), id)
    after = uow.put(DEPARTMENTS, before, **read)
    tell_department(uow, "updated", after)
    return after


def delete_department(uow: UnitOfWork, bounds: Bounds, id: str, *, expected: int | None = None) -> None:
    """Raises ``StateConflict`` (in_use) while it has members, departments below it, or open conversations."""
    bounds.need("departments.write")
    department = the_department(uow, id)
    require_version(department.version, expected)
    people = len(members(uow, id))
    below = len([each for each in bounds.people.departments() if each.parent_id == id])
    open_ones = (Where("department_id", "eq", id), Where("status", "in", OPEN))
    work = len(uow.find(Query(CONVERSATIONS, open_ones, sort="department_id", limit=MAX_MEMBERS)))
    if people or below or work:
        used = {"members": people, "departments": below, "conversations": work}
        said = ", ".join(f"{count} {name}" for name, count in used.items() if count)
        raise StateConflict(f"{department.name} still has {said}.", code="in_use", extra=used)
    uow.free(DEPARTMENT_NAME, _key(department.name), id)
    uow.remove(DEPARTMENTS, department)
    tell_department(uow, "deleted", department)


def set_members(
    uow: UnitOfWork, bounds: Bounds, id: str, user_ids: Iterable[str], *, expected: int | None = None
) -> list[str]:
    """Let these be the members, and nobody else. The ids of those who are, in order."""
    bounds.need("departments.write")
    require_version(the_department(uow, id).version, expected)
    given = list(dict.fromkeys(user_ids))
    if len(given) > MAX_MEMBERS:
        raise wrong("/user_ids", f"{MAX_MEMBERS} members at most.", "length")
    found = uow.get_all(USERS, given)
    for place, user_id in enumerate(given):
        if user_id not in found or found[user_id].status == "deleted":
            raise wrong(f"/user_ids/{place}", f"There is no user {user_id!r}.", "not_found")
    present = {user.id: user for user in members(uow, id)}
    coming = [found[user_id] for user_id in given if user_id not in present]
    going = [user for user in present.values() if user.id not in found]
    for user in (*coming, *going):
        _move(uow, bounds, user, id)
    if coming or going:
        follow(uow, [id])
    return sorted(given)


def add_member(uow: UnitOfWork, bounds: Bounds, id: str, user_id: str, *, expected: int | None = None) -> list[str]:
    """The ids of the members with this one."""
    bounds.need("departments.write")
    require_version(the_department(uow, id).version, expected)
    user = the_user(uow, user_id)
    if user.status == "deleted":
        raise NotFound(f"There is no user {user_id!r}.")
    if id not in user.department_ids:
        _move(uow, bounds, user, id)
        follow(uow, [id])
    return sorted(each.id for each in members(uow, id))


def remove_member(uow: UnitOfWork, bounds: Bounds, id: str, user_id: str, *, expected: int | None = None) -> None:
    """Raises ``NotFound`` for somebody who is no member."""
    bounds.need("departments.write")
    require_version(the_department(uow, id).version, expected)
    user = the_user(uow, user_id)
    if id not in user.department_ids:
        raise NotFound(f"{user.name} is no member of this department.")
    _move(uow, bounds, user, id)
    follow(uow, [id])


def the_department(uow: UnitOfWork, id: str) -> Department:
    """Raises ``NotFound``."""
    department = uow.get(DEPARTMENTS, id)
    if department is None:
        raise NotFound(f"There is no department {id!r}.")
    return department


def _move(uow: UnitOfWork, bounds: Bounds, user: User, id: str) -> None:
    """Into the department, or out of it."""
    bounds.touch(user)
    left = tuple(each for each in user.department_ids if each != id)
    department_ids = left if id in user.department_ids else (*left, id)
    bounds.give(user, replace(user, department_ids=department_ids))
    tell_user(uow, "updated", uow.put(USERS, user, department_ids=department_ids))


def _read(given: Mapping[str, Any]) -> dict[str, Any]:
    read = dict(given)
    if "name" in read:
        read["name"] = name_of(read["name"])
    if "time_zone" in read:
        read["time_zone"] = time_zone_of(read["time_zone"])
    return read


def _check_parent(bounds: Bounds, department: Department) -> None:
    parent_id = department.parent_id
    if parent_id is None:
        return
    if bounds.people.department(parent_id) is None:
        raise wrong("/parent_id", f"There is no department {parent_id!r}.", "not_found")
    if parent_id in bounds.people.below(department.id):
        raise wrong("/parent_id", "A department cannot stand below itself.", "circle")


def _check_head(uow: UnitOfWork, bounds: Bounds, department: Department, gained: Iterable[str]) -> None:
    if department.head_id is None:
        return
    head = uow.get(USERS, department.head_id)
    if head is None or head.status == "deleted":
        raise wrong("/head_id", f"There is no user {department.head_id!r}.", "not_found")
    bounds.touch(head)
    bounds.head(head, gained)


def _check_heads_above(uow: UnitOfWork, bounds: Bounds, department: Department) -> None:
    """The heads of what is above from now on reach this department and all below it."""
    gained = bounds.people.below(department.id)
    above, seen = department.parent_id, set[str]()
    while above is not None and above not in seen:
        seen.add(above)
        parent = bounds.people.department(above)
        head = None if parent is None or parent.head_id is None else uow.get(USERS, parent.head_id)
        if head is not None:
            bounds.head(head, gained)
        above = None if parent is None else parent.parent_id


def _key(name: str) -> str:
    return name.casefold()


def _claim_name(uow: UnitOfWork, department: Department) -> None:
    key = _key(department.name)
    holder = uow.ref(DEPARTMENT_NAME, key)
    if holder is not None and holder != department.id:
        message = f"There is a department {department.name!r} already."
        raise StateConflict(message, code="already_exists", extra={"id": holder})
    uow.claim(DEPARTMENT_NAME, key, department.id)
