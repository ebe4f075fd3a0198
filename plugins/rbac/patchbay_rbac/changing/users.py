"""People: made, changed, suspended, activated, deleted. No IO.

A deleted person keeps id and name, for what they did names them, and nothing else; the address can be used anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from patchbay.errors import NotFound, StateConflict
from patchbay.inbox.versions import require_version
from patchbay.ports import Query, Where
from patchbay_rbac.changing.bounds import Bounds
from patchbay_rbac.changing.membership import follow, known_departments, tell_department, tell_user
from patchbay_rbac.changing.naming import email_of, locale_of, name_of, time_zone_of, wrong
from patchbay_rbac.documents import DEPARTMENTS, KEYS, LETTERS, LOGIN, USERS, Availability, User, login_of
from patchbay_rbac.roles import ADMINS, SUPER_ADMIN
from patchbay_rbac.sessions import Sessions

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

MAX_ROLES: Final = 50  # of one user
FOUND: Final = 1_000  # keys and letters of one user


@dataclass(frozen=True)
class NewUser:
    """Somebody to be made: with the hash of a password active, without one invited."""

    email: str
    name: str
    password_hash: str | None = field(default=None, repr=False)
    role_ids: tuple[str, ...] = ()
    department_ids: tuple[str, ...] = ()
    locale: str | None = None
    time_zone: str | None = None


def create_user(uow: UnitOfWork, bounds: Bounds, new: NewUser) -> User:
    """Raises ``Invalid`` naming the field, ``StateConflict`` (already_exists), ``Forbidden`` for more than one has."""
    bounds.need("users.write")
    email = email_of(new.email)
    user = User(
        id=uow.ids.new("usr"),
        created_at=uow.now,
        updated_at=uow.now,
        login=login_of(email),
        email=email,
        name=name_of(new.name),
        status="invited" if new.password_hash is None else "active",
        password_hash=new.password_hash,
        password_changed_at=None if new.password_hash is None else uow.now,
        role_ids=_known_roles(bounds, new.role_ids),
        department_ids=known_departments(uow, new.department_ids),
        locale=locale_of(new.locale),
        time_zone=time_zone_of(new.time_zone),
    )
    may_give(bounds, None, user)
    _claim_login(uow, user)
    uow.add(USERS, user)
    follow(uow, user.department_ids)
    tell_user(uow, "created", user)
    return user


def change_user(
    uow: UnitOfWork, bounds: Bounds, user_id: str, changes: Mapping[str, Any], *, expected: int | None = None
) -> User:
    """Change any of email, name, role_ids, department_ids, locale and time_zone. What was sent to an address means
    nothing once it is another. Raises as ``create_user``, and ``StateConflict`` (last_admin)."""
    bounds.need("users.write")
    before = _living(uow, user_id)
    require_version(before.version, expected)
    bounds.touch(before)
    read = _read(uow, bounds, changes)
    read = {name: value for name, value in read.items() if value != getattr(before, name)}
    if not read:
        return before
    after = replace(before, **read)
    may_give(bounds, before, after)
    keep_administrators(uow, before, after)
    if after.login != before.login:
        _claim_login(uow, after)
        uow.free(LOGIN, before.login, before.id)
        _void_letters(uow, before.id)
    after = uow.put(USERS, before, **read)
    follow(uow, set(before.department_ids) ^ set(after.department_ids))
    tell_user(uow, "updated", after)
    return after


def suspend_user(
    uow: UnitOfWork, bounds: Bounds, sessions: Sessions, user_id: str, *, expected: int | None = None
) -> User:
    """Let somebody in no more, from this moment on; their keys open nothing as long."""
    bounds.need("users.suspend")
    before = _living(uow, user_id)
    require_version(before.version, expected)
    bounds.touch(before)
    if before.status == "suspended":
        return before
    keep_administrators(uow, before, replace(before, status="suspended"))
    _not_oneself(bounds, before, "suspend")
    after = uow.put(USERS, before, status="suspended", availability="offline")
    sessions.end_all(uow, user_id, "the person was suspended")
    tell_user(uow, "suspended", after)
    return after


def activate_user(uow: UnitOfWork, bounds: Bounds, user_id: str, *, expected: int | None = None) -> User:
    """Let somebody who was suspended in again. Whoever never had a password waits for one as before."""
    bounds.need("users.suspend")
    before = _living(uow, user_id)
    require_version(before.version, expected)
    bounds.touch(before)
    if before.status == "invited":
        raise StateConflict("This person is invited and becomes active by choosing a password.")
    if before.status == "active":
        return before
    after = uow.put(USERS, before, status="invited" if before.password_hash is None else "active")
    tell_user(uow, "activated", after)
    return after


def delete_user(
    uow: UnitOfWork, bounds: Bounds, sessions: Sessions, user_id: str, *, expected: int | None = None
) -> None:
    """Take somebody away: no sign-in, no key, no role, no department. Deleting again changes nothing."""
    bounds.need("users.delete")
    before = the_user(uow, user_id)
    if before.status == "deleted":
        return
    require_version(before.version, expected)
    bounds.touch(before)
    keep_administrators(uow, before, replace(before, status="deleted"))
    _not_oneself(bounds, before, "delete")
    uow.free(LOGIN, before.login, user_id)
    sessions.end_all(uow, user_id, "the person was deleted")
    for key in uow.find(Query(KEYS, (Where("owner_id", "eq", user_id),), sort="owner_id", limit=FOUND)):
        if key.revoked_at is None:
            uow.put(KEYS, key, revoked_at=uow.now)
    _void_letters(uow, user_id)
    after = uow.put(
        USERS,
        before,
        status="deleted",
        deleted_at=uow.now,
        login="",
        email="",
        password_hash=None,
        two_factor=None,
        two_factor_due_at=None,
        role_ids=(),
        department_ids=(),
        availability="offline",
        locale=None,
        time_zone=None,
    )
    for department in bounds.people.departments():
        if department.head_id == user_id:
            current = uow.get(DEPARTMENTS, department.id)
            if current is not None and current.head_id == user_id:
                tell_department(uow, "updated", uow.put(DEPARTMENTS, current, head_id=None))
    follow(uow, before.department_ids)
    tell_user(uow, "deleted", after)


def set_availability(
    uow: UnitOfWork, bounds: Bounds, user_id: str, availability: Availability, *, expected: int | None = None
) -> User:
    """Say whether somebody takes work now. Raises ``Forbidden`` for others' without users.write."""
    if bounds.user_id != user_id or bounds.is_key:
        bounds.need("users.write")
    before = _living(uow, user_id)
    require_version(before.version, expected)
    bounds.touch(before)
    if before.status != "active":
        raise StateConflict(f"Only who is active can be available; this person is {before.status}.")
    if before.availability == availability:
        return before
    after = uow.put(USERS, before, availability=availability)
    tell_user(uow, "updated", after)
    return after


# what holds for all of them


def the_user(uow: UnitOfWork, user_id: str) -> User:
    """Raises ``NotFound``."""
    user = uow.get(USERS, user_id)
    if user is None:
        raise NotFound(f"There is no user {user_id!r}.")
    return user


def may_give(bounds: Bounds, before: User | None, after: User) -> None:
    """Whether this person may come to have these roles and departments. Raises ``Forbidden``."""
    had = ((), ()) if before is None else (before.role_ids, before.department_ids)
    if set(after.role_ids) != set(had[0]):
        bounds.need("roles.write")
    if set(after.department_ids) != set(had[1]):
        bounds.need("departments.write")
    bounds.give(before, after)


def keep_administrators(uow: UnitOfWork, before: User, after: User) -> None:
    """Raises ``StateConflict`` (last_admin) where nobody could administrate, or nobody could do everything, after."""
    for roles in (frozenset({SUPER_ADMIN}), ADMINS):
        if not _counts(before, roles) or _counts(after, roles):
            continue
        if not any(other.id != before.id for role in sorted(roles) for other in _holders(uow, role)):
            what = "super administrator" if roles == {SUPER_ADMIN} else "administrator"
            raise StateConflict(f"{before.name} is the last {what}; make somebody else one first.", code="last_admin")


def _counts(user: User, roles: Iterable[str]) -> bool:
    return user.status == "active" and not set(roles).isdisjoint(user.role_ids)


def _holders(uow: UnitOfWork, role: str) -> list[User]:
    where = (Where("role_ids", "has", role), Where("status", "eq", "active"))
    return uow.find(Query(USERS, where, sort="id", limit=2))


def _living(uow: UnitOfWork, user_id: str) -> User:
    user = the_user(uow, user_id)
    if user.status == "deleted":
        raise StateConflict(f"{user.name} was deleted and can be changed no more.")
    return user


def _not_oneself(bounds: Bounds, user: User, what: str) -> None:
    if bounds.is_self(user):
        raise StateConflict(f"Nobody can {what} themselves; ask somebody else to do it.")


def _read(uow: UnitOfWork, bounds: Bounds, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as they are kept."""
    read: dict[str, Any] = {}
    for name, value in changes.items():
        match name:
            case "email":
                read["email"] = email_of(value)
                read["login"] = login_of(read["email"])
            case "name":
                read["name"] = name_of(value)
            case "role_ids":
                read["role_ids"] = _known_roles(bounds, value)
            case "department_ids":
                read["department_ids"] = known_departments(uow, value)
            case "locale":
                read["locale"] = locale_of(value)
            case "time_zone":
                read["time_zone"] = time_zone_of(value)
            case _:
                raise wrong(f"/{name}", "Unknown field.", "unknown_field")
    return read


def _known_roles(bounds: Bounds, ids: Iterable[str]) -> tuple[str, ...]:
    given = list(ids)
    if len(given) > MAX_ROLES:
        raise wrong("/role_ids", f"{MAX_ROLES} roles at most.", "length")
    for place, id in enumerate(given):
        if bounds.people.role(id) is None:
            raise wrong(f"/role_ids/{place}", f"There is no role {id!r}.", "not_found")
    return tuple(dict.fromkeys(given))


def _claim_login(uow: UnitOfWork, user: User) -> None:
    holder = uow.ref(LOGIN, user.login)
    if holder is not None and holder != user.id:
        raise StateConflict("Somebody has this e-mail address already.", code="already_exists", extra={"id": holder})
    uow.claim(LOGIN, user.login, user.id)


def _void_letters(uow: UnitOfWork, user_id: str) -> None:
    for letter in uow.find(Query(LETTERS, (Where("user_id", "eq", user_id),), sort="user_id", limit=FOUND)):
        if letter.used_at is None:
            uow.put(LETTERS, letter, used_at=uow.now)
