"""Where somebody is signed in, and signing out there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from marshmallow import Schema, fields

from patchbay.errors import NotFound
from patchbay.inbox.unit import UnitOfWork
from patchbay.web.call import Call
from patchbay.web.endpoint import respond
from patchbay.web.lists import items_answer
from patchbay.web.operations import Answer, Listing, Operations
from patchbay.web.schemas.fields import Time
from patchbay_rbac.changing.bounds import bounds_of
from patchbay_rbac.documents import SESSIONS, USERS, Session, User
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.oneself import oneself, own_session


class SessionSchema(Schema):
    """One sign-in. `kinds` says what it can be used by: `cookie`, `tokens`. `current` is the one that asks."""

    id = fields.String(required=True)
    current = fields.Boolean(required=True)
    kinds = fields.List(fields.String(), required=True)
    two_factor = fields.Boolean(required=True)
    address = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    last_seen_at = Time(required=True)


class SessionRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def list_my_sessions(self, call: Call) -> Answer:
        """List where one is signed in, the newest first."""
        user = oneself(self._rbac, call)
        return self._listed(call, await self._rbac.sessions.of_user(user.id))

    async def end_my_session(self, call: Call) -> web.StreamResponse:
        """Sign out somewhere: cookie and tokens of that session mean nothing from now on."""
        rbac, user, id = self._rbac, oneself(self._rbac, call), call.path["session_id"]

        def command(uow: UnitOfWork) -> None:
            session = uow.get(SESSIONS, id)
            if session is None or session.user_id != user.id or session.revoked_at is not None:
                raise _no_session(id)
            rbac.sessions.end(uow, session, "signed out")

        await call.run(command)
        response = respond(call.request, call.operation, Answer(status=204))
        if id == call.principal.session_id:
            await rbac.cookies.take_away(call.request, response)
        return response

    async def end_my_other_sessions(self, call: Call) -> Answer:
        """Sign out everywhere but here."""
        rbac, user = self._rbac, oneself(self._rbac, call)

        def command(uow: UnitOfWork) -> int:
            return rbac.sessions.end_all(uow, user.id, "signed out", but=own_session(uow, call).id)

        await call.run(command)
        return Answer(status=204)

    async def list_sessions_of_user(self, call: Call) -> Answer:
        """List where a person is signed in, the newest first."""
        user = self._person(call)
        bounds_of(self._rbac.people, call.principal).touch(user)
        return self._listed(call, await self._rbac.sessions.of_user(user.id))

    async def end_sessions_of_user(self, call: Call) -> Answer:
        """Sign a person out everywhere, at once. They may sign in again: suspend them to prevent that."""
        rbac, id = self._rbac, self._person(call).id

        def command(uow: UnitOfWork) -> int:
            bounds = bounds_of(rbac.people, call.principal)
            bounds.need("users.suspend")
            bounds.touch(uow.need(USERS, id))
            return rbac.sessions.end_all(uow, id, "ended by an administrator")

        await call.run(command)
        return Answer(status=204)

    def _person(self, call: Call) -> User:
        id = call.path["user_id"]
        user = self._rbac.people.user(id)
        if user is None or user.status == "deleted":
            raise NotFound(f"There is no user {id!r}.")
        return user

    def _listed(self, call: Call, sessions: Sequence[Session]) -> Answer:
        return items_answer(call, [self._view(session, call) for session in sessions], None)

    def _view(self, session: Session, call: Call) -> dict[str, Any]:
        rbac = self._rbac
        usable = {"cookie": rbac.sessions.is_current(session), "tokens": rbac.sessions.is_refreshable(session)}
        return {
            "id": session.id,
            "current": session.id == call.principal.session_id,
            "kinds": [kind for kind, can_be_used in usable.items() if can_be_used],
            "two_factor": session.two_factor,
            "address": session.address,
            "user_agent": session.user_agent,
            "created_at": Time().serialize("at", {"at": session.created_at}),
            "last_seen_at": Time().serialize("at", {"at": rbac.sessions.seen_at(session)}),
        }


def _no_session(id: str) -> NotFound:
    return NotFound(f"There is no session {id!r}.")


def operations(rbac: Rbac) -> Operations:
    routes = SessionRoutes(rbac)
    declared = Operations("Auth")
    declared.get("/auth/sessions", SELF, answer=Listing(SessionSchema))(routes.list_my_sessions)
    declared.delete("/auth/sessions", SELF)(routes.end_my_other_sessions)
    declared.delete("/auth/sessions/{session_id}", SELF)(routes.end_my_session)
    of_user = "/users/{user_id}/sessions"
    declared.get(of_user, "users.suspend", answer=Listing(SessionSchema))(routes.list_sessions_of_user)
    declared.delete(of_user, "users.suspend")(routes.end_sessions_of_user)
    return declared
