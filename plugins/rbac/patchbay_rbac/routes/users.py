"""People over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, get_args

from marshmallow import fields

from patchbay.errors import NotFound
from patchbay.ports import Where
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay.web.schemas.fields import Listed, OneOf
from patchbay_rbac.changing.bounds import Bounds
from patchbay_rbac.changing.naming import wrong
from patchbay_rbac.changing.users import (
    NewUser,
    activate_user,
    change_user,
    create_user,
    delete_user,
    set_availability,
    suspend_user,
)
from patchbay_rbac.credentials import strength
from patchbay_rbac.documents import USERS, User, UserStatus
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.changing import Changing, Command
from patchbay_rbac.routes.schemas import (
    ID,
    AvailabilitySchema,
    NewUserSchema,
    UserPatchSchema,
    UserPutSchema,
    UserSchema,
)
from patchbay_rbac.views import user_view

if TYPE_CHECKING:
    from patchbay.inbox.unit import UnitOfWork

LISTED: tuple[UserStatus, ...] = ("invited", "active", "suspended")  # unless others are asked for
HASHING_S = 15.0  # a hash may wait for others before it
CONFLICTS = ("conflict", "last_admin")
_one = "/users/{user_id}"


class UserRoutes(Changing):
    """The handlers, over one plugin."""

    async def list_users(self, call: Call) -> Answer:
        """List people; those who were deleted only when `status` asks for them.

        `q` finds beginnings of names and e-mail addresses.
        """
        where = [Where("status", "in", tuple(call.query.get("status", LISTED)))]
        if "role" in call.query:
            where.append(Where("role_ids", "has", call.query["role"]))
        if "department" in call.query:
            where.append(Where("department_ids", "has", call.query["department"]))
        page = await self._rbac.host.store.find(query_of(call, USERS, where=where))
        return page_answer(call, page, user_view)

    async def show_user(self, call: Call) -> Answer:
        """Show a person."""
        id = call.path["user_id"]
        user = self._rbac.people.user(id)
        if user is None:
            raise NotFound(f"There is no user {id!r}.")
        return _answer(user)

    async def create_a_user(self, call: Call) -> Answer:
        """Create a person, or invite one.

        With a password they are active. Without one they are `invited`, and a letter with a link to choose one is sent,
        unless `invite` is false; `POST /users/{id}/invite` sends another one. Nobody gives roles or departments beyond
        their own.
        """
        body, password = dict(call.body), call.body["password"]
        invite = body.pop("invite")
        body.pop("password")
        if password is not None and invite:
            raise wrong("/invite", "Whoever has a password needs no invitation; send one of them.")
        if password is None and self._rbac.settings.registration == "closed":
            raise wrong("/password", "Invitations are closed by the setting rbac.registration; give a password.")
        kept = None if password is None else await self._hashed(password, body)
        new = NewUser(**body, password_hash=kept)
        tokens: list[str] = []

        def command(uow: UnitOfWork, bounds: Bounds) -> User:
            user = create_user(uow, bounds, new)
            if user.status == "invited" and invite is not False:
                tokens[:] = [self._rbac.letters.write(uow, "invite", user.login, user)]
            return user

        respond = created(f"{API_ROOT}/users", user_view)
        answer = await self._perform(call, command, respond, fingerprint=self._fingerprint(call))
        for token in () if "Idempotency-Replayed" in answer.headers else tokens:
            self._rbac.host.spawn(self._send_invitation(new.email, token), "invitation")
        return answer

    def _fingerprint(self, call: Call) -> str:
        """What tells one body from another, to whoever has the key: a plain hash would let others try passwords."""
        body = json.dumps(call.body, sort_keys=True).encode()
        return hmac.new(self._rbac.host.key("idempotency"), body, hashlib.sha256).hexdigest()

    async def _send_invitation(self, email: str, token: str) -> None:
        await self._rbac.letters.send("invite", email.strip(), token)

    async def _hashed(self, password: str, body: dict[str, Any]) -> str:
        strength.check(password, about=(body["email"], body["name"]))
        return await self._rbac.hasher.hash(password)

    async def replace_user(self, call: Call) -> Answer:
        """Replace what is kept of a person: what is left out is empty."""
        return await self._changed(call)

    async def change_a_user(self, call: Call) -> Answer:
        """Change a person.

        Roles need `roles.write` besides, departments `departments.write`. Nobody gives more than they have, nor
        changes somebody who may do more; 409 `last_admin` where nobody could administrate after.
        """
        return await self._changed(call)

    async def _changed(self, call: Call) -> Answer:
        id, expected = call.path["user_id"], call.expected_version
        return await self._to_user(call, lambda uow, by: change_user(uow, by, id, call.body, expected=expected))

    async def delete_a_user(self, call: Call) -> Answer:
        """Delete a person: sessions and keys end, the address can be used anew, the name stays in what they did."""
        id, expected, sessions = call.path["user_id"], call.expected_version, self._rbac.sessions
        await self._do(call, lambda uow, by: delete_user(uow, by, sessions, id, expected=expected))
        return Answer()

    async def activate_a_user(self, call: Call) -> Answer:
        """Let somebody who was suspended in again."""
        id, expected = call.path["user_id"], call.expected_version
        return await self._to_user(call, lambda uow, by: activate_user(uow, by, id, expected=expected))

    async def suspend_a_user(self, call: Call) -> Answer:
        """Let somebody in no more: all their sessions end at once, and their keys open nothing."""
        id, expected, sessions = call.path["user_id"], call.expected_version, self._rbac.sessions
        return await self._to_user(call, lambda uow, by: suspend_user(uow, by, sessions, id, expected=expected))

    async def set_user_availability(self, call: Call) -> Answer:
        """Say whether somebody takes work now: oneself, or others with `users.write`."""
        id, expected, availability = call.path["user_id"], call.expected_version, call.body["availability"]
        return await self._to_user(call, lambda uow, by: set_availability(uow, by, id, availability, expected=expected))

    async def _to_user(self, call: Call, command: Command[User]) -> Answer:
        return _answer(await self._do(call, command))


def _answer(user: User) -> Answer:
    return Answer(user_view(user), version=user.version)


def operations(rbac: Rbac) -> Operations:
    routes, declared = UserRoutes(rbac), Operations("Users")
    query = listing(
        sorts=("name", "created_at"),
        text=True,
        status=Listed(OneOf(get_args(UserStatus)), most=4),
        role=fields.String(validate=ID, metadata={"description": "Those who have this role."}),
        department=fields.String(validate=ID, metadata={"description": "Members of this department."}),
    )
    declared.get("/users", "users.read", answer=Listing(UserSchema), query=query)(routes.list_users)
    declared.post(
        "/users",
        "users.write",
        body=NewUserSchema,
        answer=UserSchema,
        creates=True,
        errors=("already_exists", "sign_in_unavailable"),
        deadline_s=HASHING_S,
    )(routes.create_a_user)
    declared.get(_one, "users.read", answer=UserSchema)(routes.show_user)
    changes: dict[str, Any] = {"answer": UserSchema, "versioned": True}
    errors = (*CONFLICTS, "already_exists")
    declared.put(_one, "users.write", body=UserPutSchema, errors=errors, **changes)(routes.replace_user)
    declared.patch(_one, "users.write", body=UserPatchSchema, errors=errors, **changes)(routes.change_a_user)
    declared.delete(_one, "users.delete", versioned=True, errors=CONFLICTS)(routes.delete_a_user)
    declared.post(f"{_one}/activate", "users.suspend", errors=CONFLICTS, **changes)(routes.activate_a_user)
    declared.post(f"{_one}/suspend", "users.suspend", errors=CONFLICTS, **changes)(routes.suspend_a_user)
    declared.put(f"{_one}/availability", SELF, body=AvailabilitySchema, errors=("conflict",), **changes)(
        routes.set_user_availability
    )
    return declared
