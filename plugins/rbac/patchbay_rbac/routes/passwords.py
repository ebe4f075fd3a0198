"""Passwords: asking for a new one, setting it by a letter, and changing one's own."""

from __future__ import annotations

from aiohttp import web
from marshmallow import Schema, fields, validate

from patchbay.inbox.unit import UnitOfWork
from patchbay.model.message import Actor
from patchbay.web.call import Call
from patchbay.web.endpoint import NOBODY, respond
from patchbay.web.operations import Answer, Operations, Public
from patchbay_rbac.credentials import opaque, strength
from patchbay_rbac.documents import SESSIONS, USERS, User, login_of
from patchbay_rbac.letters import wrong_letter
from patchbay_rbac.proofs import refused
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.oneself import LOGIN_BYTES, SIGN_IN_S, TEXT, oneself, own_session


class ForgotSchema(Schema):
    email = fields.String(required=True, validate=validate.Length(1, 320))


class ResetSchema(Schema):
    """`token` is what follows `#token=` in the letter's link."""

    token = fields.String(required=True, validate=TEXT)
    password = fields.String(required=True, validate=TEXT)


class ChangeSchema(Schema):
    current_password = fields.String(required=True, validate=TEXT)
    password = fields.String(required=True, validate=TEXT)


class AcceptedSchema(Schema):
    """The same whether there is such a person or not."""

    detail = fields.String(required=True)


SENT = {"detail": "If this address can be written to, a letter is on its way."}


class PasswordRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def ask_for_new_password(self, call: Call) -> Answer:
        """Ask for a letter with which a new password can be set, within 30 minutes.

        The answer is the same for people and for addresses that are nobody's.
        """
        rbac, login = self._rbac, login_of(call.body["email"])
        await rbac.letters.admit(login, call.cause.address or "")

        def command(uow: UnitOfWork) -> str:
            user = rbac.people.by_login(login)
            able = user is not None and user.status == "active"
            return rbac.letters.write(uow, "reset", login, user if able else None)

        token = await rbac.host.run(command, actor=NOBODY, cause=call.cause, about={"login": login})
        rbac.host.spawn(self._send(login, token), "letter")
        return Answer(SENT)

    async def _send(self, login: str, token: str) -> None:
        """Off the request's path, which takes as long for everybody."""
        letters = self._rbac.letters
        user = self._rbac.people.by_login(login)
        letter = await letters.standing("reset", token)
        if user is not None and letter is not None and letter.user_id == user.id:
            await letters.send("reset", user.email, token)
        await letters.sweep()

    async def reset_password(self, call: Call) -> Answer:
        """Set a new password with the token of a letter; it works once.

        All sessions of the person end. A second factor stays as it is.
        """
        rbac, token, password = self._rbac, call.body["token"], call.body["password"]
        letter = await rbac.letters.standing("reset", token)
        user = None if letter is None else rbac.people.user(letter.user_id or "")
        if letter is None or user is None:
            raise wrong_letter()
        strength.check(password, about=(user.login, user.email, user.name))
        hashed = await rbac.hasher.hash(password)

        def command(uow: UnitOfWork) -> User:
            taken = rbac.letters.take(uow, "reset", token)
            present = uow.get(USERS, taken.user_id or "")
            if present is None or present.status != "active" or present.login != taken.login:
                raise wrong_letter()
            rbac.letters.void(uow, present.id)
            rbac.sessions.end_all(uow, present.id, "a new password was set")
            return uow.put(USERS, present, password_hash=hashed, password_changed_at=uow.now)

        await rbac.host.run(command, actor=actor_of(user), cause=call.cause)
        return Answer(status=204)

    async def change_password(self, call: Call) -> web.StreamResponse:
        """Change one's own password. All other sessions end; a cookie is given a new value."""
        rbac, user, password = self._rbac, oneself(self._rbac, call), call.body["password"]
        await rbac.proofs.again(user, call.body["current_password"], call.cause.address)
        strength.check(password, about=(user.login, user.email, user.name))
        hashed = await rbac.hasher.hash(password)
        cookie = opaque.new_token()

        def command(uow: UnitOfWork) -> bool:
            session = own_session(uow, call)
            present = uow.need(USERS, user.id)
            if present.password_changed_at != user.password_changed_at:
                raise refused("the password was changed just now", user.login)
            rbac.letters.void(uow, user.id)
            rbac.sessions.end_all(uow, user.id, "the password was changed", but=session.id)
            uow.put(USERS, present, password_hash=hashed, password_changed_at=uow.now)
            if session.cookie_hash is None:
                return False
            rbac.sessions.renamed(uow, uow.need(SESSIONS, session.id), cookie)
            return True

        has_cookie = await call.run(command)
        response = respond(call.request, call.operation, Answer(status=204))
        if has_cookie:
            await rbac.cookies.give(call.request, response, call.principal.session_id or "", cookie)
        return response


def actor_of(user: User) -> Actor:
    """A person who is not signed in and proved by a letter who they are."""
    return Actor(type="agent", id=user.id, name=user.name)


def operations(rbac: Rbac) -> Operations:
    routes = PasswordRoutes(rbac)
    declared = Operations("Auth")
    declared.post(
        "/auth/password/forgot",
        Public("whoever forgot a password cannot sign in; askings are counted by person and by address"),
        body=ForgotSchema,
        answer=AcceptedSchema,
        status=202,
        max_bytes=LOGIN_BYTES,
    )(routes.ask_for_new_password)
    declared.post(
        "/auth/password/reset",
        Public("the token of the letter is the credential"),
        body=ResetSchema,
        status=204,
        errors=("invalid_code", "sign_in_unavailable"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.reset_password)
    declared.post(
        "/auth/password/change",
        SELF,
        body=ChangeSchema,
        status=204,
        errors=("invalid_credentials", "sign_in_unavailable"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.change_password)
    return declared
