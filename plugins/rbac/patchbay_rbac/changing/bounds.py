"""How far somebody may go with people and roles: nobody gives, or touches, more than they have themselves. No IO.

Whoever could change the address of somebody more powerful would set a new password for them; whoever could put people
into any department would show them rows that they never saw themselves. So a person is compared as a whole, with what
their roles give and the departments they reach, as they are now and as they would be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from patchbay.errors import Forbidden
from patchbay.model.principal import Principal
from patchbay_rbac.authorizer import LIMITED, OWNER
from patchbay_rbac.documents import Role, Scope, User
from patchbay_rbac.people import People
from patchbay_rbac.roles import SELF, SUPER_ADMIN, WIDTH, beyond, together


@dataclass(frozen=True)
class Bounds:
    """What somebody may at the moment of asking; made anew for each try of a command, so that a right withdrawn
    meanwhile is missed. ``user_id`` is who acts, None for what is no person; ``grants`` None is everything.

    A key stands for its owner where nobody may do a thing to themselves, but it does not own them.
    """

    people: People
    user_id: str | None = None
    grants: Mapping[str, Scope] | None = None
    reach: frozenset[str] = frozenset()
    is_super: bool = False
    is_key: bool = False

    def is_self(self, user: User) -> bool:
        return self.user_id == user.id

    def need(self, permission: str) -> None:
        """Raises ``Forbidden`` unless the permission is there, now."""
        if self.grants is not None and permission not in self.grants:
            raise Forbidden(f"This needs the permission {permission}.", extra={"permission": permission})

    def touch(self, user: User) -> None:
        """Raises ``Forbidden`` for somebody who may do more."""
        if self.is_self(user) and not self.is_key:
            return
        if SUPER_ADMIN in user.role_ids and not self.is_super:
            raise Forbidden("Only super admins may do this to a super admin.")
        self._hold(user, "This person may do more than you")

    def give(self, before: User | None, after: User) -> None:
        """Raises ``Forbidden`` where a super admin would be made, or unmade, by somebody who is none, or somebody would
        have more than the giver."""
        changed = set(after.role_ids) ^ set(() if before is None else before.role_ids)
        if SUPER_ADMIN in changed and not self.is_super:
            raise Forbidden("Only super admins make and unmake super admins.")
        self._hold(after, "Nobody gives more than they have")

    def grant(self, grants: Mapping[str, Scope]) -> None:
        """Raises ``Forbidden`` for a role that gives more than its maker has."""
        self._refuse(self._missing(grants), "Nobody gives more than they have")

    def narrows(self, grants: Mapping[str, Scope]) -> bool:
        """Whether some of it reaches only part of the rows here, so that it matters who would get it."""
        held = self.grants
        return held is not None and any(
            self.people.is_scoped(permission) and held.get(permission) != "all" for permission in grants
        )

    def hold(self, user: User, role: Role) -> None:
        """Raises ``Forbidden`` where a person, with this role as it would be, would reach rows that one does not."""
        others = (self.people.role(id) for id in user.role_ids if id != role.id)
        granted = together([role.grants, *(each.grants for each in others if each is not None)])
        self._refuse(self._unreached(user, granted), "Nobody gives more than they have")

    def head(self, user: User, department_ids: Iterable[str]) -> None:
        """Raises ``Forbidden`` where somebody, as the head of these too, would reach rows that one does not."""
        self._hold(user, "Nobody gives more than they have", heads=department_ids)

    def _hold(self, user: User, told: str, *, heads: Iterable[str] = ()) -> None:
        granted = self.people.granted(user)
        self._refuse([*self._missing(granted), *self._unreached(user, granted, heads)], told)

    def _unreached(self, user: User, granted: Mapping[str, Scope], heads: Iterable[str] = ()) -> list[str]:
        if self.grants is None or self._reached(user, heads) <= self.reach:
            return []
        return [
            permission
            for permission, scope in granted.items()
            if scope == "department"
            and self.people.is_scoped(permission)
            and self.grants.get(permission) == "department"
        ]

    def _missing(self, grants: Mapping[str, Scope]) -> list[str]:
        if self.grants is None:
            return []
        wanted = {permission: scope for permission, scope in grants.items() if permission != SELF}
        return beyond(wanted, self.grants, self.people.is_scoped)

    def _reached(self, user: User, heads: Iterable[str]) -> set[str]:
        headed = {each.id for each in self.people.departments() if each.head_id == user.id} | set(heads)
        return set(user.department_ids).union(*(self.people.below(id) for id in headed))

    @staticmethod
    def _refuse(over: Iterable[str], told: str) -> None:
        named = sorted(set(over))
        if named:
            shown = ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
            raise Forbidden(f"{told}: {shown}.", extra={"permissions": named})


def bounds_of(people: People, principal: Principal) -> Bounds:
    """How far a principal may go now. The administrator's token may everything; a key is never a super admin."""
    if principal.type not in ("user", "api_key"):
        return unbounded(people)
    if LIMITED in principal.claims:
        return Bounds(people, principal.id, {SELF: "all"})
    if principal.type == "api_key":
        owner_id = principal.claims.get(OWNER, "")
        held = {
            permission: scope
            for permission in people.grants(owner_id)
            if (scope := people.key_scope(principal.id, permission)) is not None
        }
        return Bounds(people, owner_id, held, _reach(people, owner_id), is_key=True)
    user = people.user(principal.id)
    if user is not None and user.status == "active" and SUPER_ADMIN in user.role_ids:
        return Bounds(people, principal.id, is_super=True)
    return Bounds(people, principal.id, people.grants(principal.id), _reach(people, principal.id))


def unbounded(people: People) -> Bounds:
    """For whoever runs the gateway: the administrator's token, and the command line beside its data."""
    return Bounds(people, is_super=True)


def widened(before: Mapping[str, Scope], after: Mapping[str, Scope]) -> dict[str, Scope]:
    """What a role gives after a change and did not before, or not for as many rows."""
    return {
        permission: scope
        for permission, scope in after.items()
        if permission not in before or WIDTH[scope] > WIDTH[before[permission]]
    }


def _reach(people: People, user_id: str) -> frozenset[str]:
    return frozenset(people.rows(user_id, "department").department_ids)
