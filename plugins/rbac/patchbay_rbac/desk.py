"""What the command line asks for, of a gateway at rest or of one that runs: people made, listed, let in again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from patchbay.errors import PatchbayError, RequestError
from patchbay.model.cause import Cause
from patchbay.model.message import Actor
from patchbay_rbac.changing.bounds import unbounded
from patchbay_rbac.changing.users import NewUser, create_user
from patchbay_rbac.credentials import strength
from patchbay_rbac.documents import LetterPurpose, User, login_of
from patchbay_rbac.views import user_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork
    from patchbay_rbac.rbac import Rbac

OPERATOR: Final = Actor(type="system", name="command line")
CAUSE: Final = Cause(operation="cli")


class Refused(PatchbayError):
    """What was asked for is not done; the sentence says why."""

    code = "refused"


@dataclass(frozen=True)
class Wanted:
    """Somebody to be made. Roles and departments are named as people do: by name or by id."""

    email: str
    name: str
    password: str = field(repr=False)
    roles: tuple[str, ...] = ()
    departments: tuple[str, ...] = ()


class Desk(Protocol):
    """Where people are asked for. Each raises ``Refused`` with one sentence, and what the store raises."""

    async def create(self, wanted: Wanted) -> dict[str, Any]:
        """The person as the API shows them."""

    async def everybody(self) -> Sequence[dict[str, Any]]:
        """All who were not deleted, by name."""

    async def let_in_again(self, email: str) -> str:
        """What to tell of the letter with which they choose a password."""


class DeskAtRest:
    """Beside the data of a gateway that is stopped: whoever can read it may everything."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def create(self, wanted: Wanted) -> dict[str, Any]:
        people = self._rbac.people
        role_ids = ids_of("role", wanted.roles, [(role.id, role.name) for role in people.roles()])
        departments = [(department.id, department.name) for department in people.departments()]
        department_ids = ids_of("department", wanted.departments, departments)
        try:
            strength.check(wanted.password, about=(wanted.email, wanted.name))
            new = NewUser(
                wanted.email,
                wanted.name,
                password_hash=await self._rbac.hasher.hash(wanted.password),
                role_ids=role_ids,
                department_ids=department_ids,
            )
            user = await self._rbac.host.run(
                lambda uow: create_user(uow, unbounded(people), new), actor=OPERATOR, cause=CAUSE
            )
        except RequestError as error:
            raise Refused(told(error.detail, [each.message for each in error.errors])) from error
        return user_view(user)

    async def everybody(self) -> Sequence[dict[str, Any]]:
        users = [user for user in self._rbac.people.users() if user.status != "deleted"]
        return [user_view(user) for user in sorted(users, key=lambda user: (user.name, user.id))]

    async def let_in_again(self, email: str) -> str:
        user = self._rbac.people.by_login(login_of(email))
        if user is None:
            raise Refused(f"There is nobody with the e-mail address {email}.")
        if user.status == "suspended":
            raise Refused(f"{user.name} is suspended; activate them first.")
        purpose: LetterPurpose = "invite" if user.status == "invited" else "reset"
        token = await self._rbac.host.run(
            lambda uow: self._letter(uow, purpose, user), actor=OPERATOR, cause=CAUSE, about={"login": user.login}
        )
        within = "7 days" if purpose == "invite" else "30 minutes"
        link = self._rbac.letters.link(purpose, token)
        where = (
            "Link"
            if link
            else "Token, for POST /api/v1/auth/" + ("register" if purpose == "invite" else "password/reset")
        )
        return f"{where} for {user.name}; it works once, within {within}:\n{link or token}"

    def _letter(self, uow: UnitOfWork, purpose: LetterPurpose, user: User) -> str:
        self._rbac.letters.void(uow, user.id)
        return self._rbac.letters.write(uow, purpose, user.login, user)


def ids_of(kind: str, wanted: Iterable[str], known: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The ids of what was named by id or by name. Raises ``Refused`` naming what there is instead."""
    by_name = {name.casefold(): id for id, name in known}
    ids = {id for id, _ in known}
    found: list[str] = []
    for each in wanted:
        id = each if each in ids else by_name.get(each.casefold())
        if id is None:
            there = ", ".join(sorted(name for _, name in known)) or "none yet"
            raise Refused(f"There is no {kind} {each!r}; there is: {there}.")
        found.append(id)
    return tuple(found)


def told(detail: str, messages: Sequence[str]) -> str:
    """One sentence of a problem: its own, and what is wrong with the first field where it does not say."""
    first = messages[0] if messages else ""
    return detail if first in detail else f"{detail} {first}"
