"""Who is in which department: the users name their departments, and a department's version follows. No IO."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from patchbay.model.event import Audience
from patchbay.ports import Query, Where
from patchbay_rbac.changing.naming import wrong
from patchbay_rbac.documents import DEPARTMENTS, USERS, Department, User
from patchbay_rbac.views import department_view, user_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

MAX_MEMBERS: Final = 1_000  # of one department
MAX_DEPARTMENTS: Final = 100  # of one user


def members(uow: UnitOfWork, department_id: str) -> list[User]:
    """Those who name the department, as this unit would leave it."""
    where = (Where("department_ids", "has", department_id),)
    return uow.find(Query(USERS, where, sort="id", limit=MAX_MEMBERS + 1))


def known_departments(uow: UnitOfWork, ids: Iterable[str], pointer: str = "/department_ids") -> tuple[str, ...]:
    """The ids without repetitions. Raises ``Invalid`` naming the place of one that is no department."""
    given = list(ids)
    if len(given) > MAX_DEPARTMENTS:
        raise wrong(pointer, f"{MAX_DEPARTMENTS} departments at most.", "length")
    found = uow.get_all(DEPARTMENTS, given)
    for place, id in enumerate(given):
        if id not in found:
            raise wrong(f"{pointer}/{place}", f"There is no department {id!r}.", "not_found")
    return tuple(dict.fromkeys(given))


def follow(uow: UnitOfWork, changed: Iterable[str]) -> None:
    """Let departments whose members changed have a new version, and tell of it. Raises ``Invalid`` past the most."""
    for id in sorted(set(changed)):
        department = uow.get(DEPARTMENTS, id)
        if department is not None:
            if len(members(uow, id)) > MAX_MEMBERS:
                raise wrong(
                    "/department_ids", f"{department.name} would have more than {MAX_MEMBERS} members.", "length"
                )
            tell_department(uow, "updated", uow.put(DEPARTMENTS, department))


def tell_department(uow: UnitOfWork, what: str, department: Department) -> None:
    """Stage ``department.{what}``."""
    view = department_view(department, [user.id for user in members(uow, department.id)])
    uow.emit(f"department.{what}", "department", department.id, view)


def tell_user(uow: UnitOfWork, what: str, user: User) -> None:
    """Stage ``user.{what}``: for whoever may see people, and for the person."""
    uow.emit(f"user.{what}", "user", user.id, user_view(user), audience=Audience(user_id=user.id))
