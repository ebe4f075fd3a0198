"""Everybody and everything that rights depend on, in memory: what each request and each event asks for.

Loaded when the plugin starts, and kept up by the commits that change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from patchbay.model.document import Document
from patchbay.model.rows import ALL_ROWS, NO_ROWS, Rows
from patchbay.ports import Query
from patchbay_rbac.documents import DEPARTMENTS, ROLES, USERS, ApiKey, Department, Role, Scope, User
from patchbay_rbac.roles import ADMINS, SELF, SUPER_ADMIN, WIDTH, builtin_roles, together

if TYPE_CHECKING:
    from patchbay.ports import Host

PAGE = 200


class People:
    """Users, roles and departments as last committed, and the rights that follow from them."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}
        self._by_login: dict[str, str] = {}
        self._admins: set[str] = set()
        self._roles: dict[str, Role] = {}
        self._builtin: dict[str, Role] | None = None
        self._departments: dict[str, Department] = {}
        self._grants: dict[str, Mapping[str, Scope]] = {}
        self._rows: dict[tuple[str, str], Rows] = {}
        self._keys: dict[str, ApiKey] = {}
        self._host: Host | None = None

    async def open(self, host: Host) -> None:
        """Load everybody, and hear of every change from now on. Raises ``StoreUnavailable``."""
        self._host = host
        host.watch(USERS, self._user_committed)
        host.watch(ROLES, self._role_committed)
        host.watch(DEPARTMENTS, self._department_committed)
        for user in await host.find_all(Query(USERS, limit=PAGE)):
            self._user_committed(user.id, user)
        for role in await host.find_all(Query(ROLES, limit=PAGE)):
            self._role_committed(role.id, role)
        for department in await host.find_all(Query(DEPARTMENTS, limit=PAGE)):
            self._department_committed(department.id, department)

    # who there is

    def user(self, id: str) -> User | None:
        return self._users.get(id)

    def by_login(self, login: str) -> User | None:
        return self._users.get(self._by_login.get(login, ""))

    def users(self) -> list[User]:
        return list(self._users.values())

    def department(self, id: str) -> Department | None:
        return self._departments.get(id)

    def departments(self) -> list[Department]:
        return list(self._departments.values())

    def role(self, id: str) -> Role | None:
        return self._built_in().get(id) or self._roles.get(id)

    def roles(self) -> list[Role]:
        """The roles that are there from the start, then one's own by name."""
        return [*self._built_in().values(), *sorted(self._roles.values(), key=lambda role: (role.name, role.id))]

    def members(self, department_id: str) -> list[User]:
        return [user for user in self._users.values() if department_id in user.department_ids]

    def below(self, department_id: str) -> set[str]:
        """The department and all that have it above them; a circle of parents ends."""
        found, wave = {department_id}, {department_id}
        while wave:
            wave = {each.id for each in self._departments.values() if each.parent_id in wave} - found
            found |= wave
        return found

    @property
    def has_admin(self) -> bool:
        """Whether somebody can administrate: from then on the administrator's token means nothing."""
        return bool(self._admins)

    def super_admins(self) -> list[User]:
        """Those who may still do everything."""
        return [user for user in self._users.values() if user.status == "active" and SUPER_ADMIN in user.role_ids]

    # what they may

    def grants(self, user_id: str) -> Mapping[str, Scope]:
        """What a user may now; nothing for whoever is not active."""
        found = self._grants.get(user_id)
        if found is None:
            user = self._users.get(user_id)
            found = {} if user is None or user.status != "active" else self.granted(user)
            self._grants[user_id] = found
        return found

    def granted(self, user: User) -> dict[str, Scope]:
        """What the roles of a user give."""
        roles = [role for id in user.role_ids if (role := self.role(id)) is not None]
        return {**together(role.grants for role in roles), SELF: "all"}

    def key_scope(self, key_id: str, permission: str) -> Scope | None:
        """For which rows a key has a permission now: never more than its owner, and nothing that concerns a person."""
        key = self._keys.get(key_id)
        if key is None or permission == SELF or permission not in key.grants:
            return None
        owned = self.grants(key.owner_id).get(permission)
        given = key.grants[permission]
        return owned if owned is None or WIDTH[owned] <= WIDTH[given] else given

    def learn_key(self, key: ApiKey) -> None:
        """A key that is in use."""
        self._keys[key.id] = key

    def forget_key(self, id: str) -> None:
        self._keys.pop(id, None)

    def is_scoped(self, permission: str) -> bool:
        return self._host is not None and self._host.is_scoped(permission)

    def rows(self, user_id: str, scope: Scope | None) -> Rows:
        """The rows of a user within a scope."""
        if scope == "all":
            return ALL_ROWS
        user = self._users.get(user_id)
        if user is None or scope is None:
            return NO_ROWS
        if scope == "own":
            return Rows(user_id=user_id)
        known = self._rows.get((user_id, scope))
        if known is None:
            reached = set(user.department_ids)
            for department in self._departments.values():
                if department.head_id == user_id:
                    reached |= self.below(department.id)
            known = self._rows[user_id, scope] = Rows(department_ids=tuple(sorted(reached)), user_id=user_id)
        return known

    # what changed

    def _user_committed(self, id: str, document: Document | None) -> None:
        before = self._users.pop(id, None)
        if before is not None and self._by_login.get(before.login) == id:
            del self._by_login[before.login]
        self._admins.discard(id)
        if isinstance(document, User):
            self._users[id] = document
            if document.status == "active" and not ADMINS.isdisjoint(document.role_ids):
                self._admins.add(id)
            if document.status != "deleted":
                self._by_login[document.login] = id
        self._grants.pop(id, None)
        self._rows.pop((id, "department"), None)
        if self._host is not None:
            self._host.ask_again(id)
            for key in self._keys.values():
                if key.owner_id == id:
                    self._host.ask_again(key.id)
            if self.has_admin:
                self._host.retire_bootstrap()

    def _role_committed(self, id: str, document: Document | None) -> None:
        if isinstance(document, Role):
            self._roles[id] = document
        else:
            self._roles.pop(id, None)
        self._forget()
        if self._host is not None:
            for user in self._users.values():
                if id in user.role_ids:
                    self._host.ask_again(user.id)

    def _department_committed(self, id: str, document: Document | None) -> None:
        if isinstance(document, Department):
            self._departments[id] = document
        else:
            self._departments.pop(id, None)
        self._forget()

    def _forget(self) -> None:
        self._grants.clear()
        self._rows.clear()

    def _built_in(self) -> dict[str, Role]:
        if self._builtin is None:
            if self._host is None:
                return {}
            self._builtin = builtin_roles(self._host.permissions())
        return self._builtin
