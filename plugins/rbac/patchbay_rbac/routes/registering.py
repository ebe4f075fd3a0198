"""Registering, and sending invitations again."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from patchbay.errors import FieldError, Invalid, NotFound
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.message import Actor
from patchbay.web.call import Call
from patchbay.web.endpoint import NOBODY
from patchbay.web.operations import API_ROOT, Answer, Operations, Public
from patchbay.web.schemas.fields import OneOf, Time
from patchbay_rbac import registering
from patchbay_rbac.changing.bounds import bounds_of
from patchbay_rbac.credentials import strength
from patchbay_rbac.documents import USERS, User, login_of
from patchbay_rbac.letters import LIFETIMES, wrong_letter
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.routes.oneself import LOGIN_BYTES, SIGN_IN_S, TEXT
from patchbay_rbac.routes.passwords import SENT, AcceptedSchema

SENDING_S = 45.0  # one notifier has 30 s
ADDRESS = validate.Regexp(r"[^@\s]{1,64}@[^@\s]{1,255}\Z", error="Not a mail address.")


class AskSchema(Schema):
    email = fields.String(required=True, validate=[validate.Length(3, 320), ADDRESS])


class RegisterSchema(Schema):
    """`token` is of an invitation or, where anybody may register, of the letter that was asked for before. It says
    whose address it is; an `email` beside it must be the same."""

    token = fields.String(validate=TEXT, load_default=None)
    email = fields.String(validate=validate.Length(3, 320), load_default=None)
    name = fields.String(required=True, validate=validate.Length(1, 200))
    password = fields.String(required=True, validate=TEXT)


class RegisteredSchema(Schema):
    """Who can sign in from now on."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)


class InvitationSchema(Schema):
    """`delivery` is `sent` where a notifier took the letter. Where none could it is `by_hand`: `token` is shown this
    once, to be handed over, and `link` where `http.public_url` is set."""

    user_id = fields.String(required=True)
    delivery = OneOf(("sent", "by_hand"), required=True)
    token = fields.String(required=True, allow_none=True)
    link = fields.String(required=True, allow_none=True)
    expires_at = Time(required=True)


class RegisteringRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def ask_to_register(self, call: Call) -> Answer:
        """Ask for a letter to register with, where anybody may.

        The answer is the same for addresses that are registered already. The letter's token is good for 30 minutes.
        """
        rbac, login = self._rbac, login_of(call.body["email"])
        registering.refuse_uninvited(rbac.settings.registration)
        await rbac.letters.admit(login, call.cause.address or "")
        token = await rbac.host.run(
            lambda uow: rbac.letters.write(uow, "register", login, None),
            actor=NOBODY,
            cause=call.cause,
            about={"login": login},
        )
        rbac.host.spawn(self._send(login, token), "letter")
        return Answer(SENT)

    async def _send(self, login: str, token: str) -> None:
        """Off the request's path, which takes as long for everybody."""
        if self._rbac.people.by_login(login) is None:
            await self._rbac.letters.send("register", login, token)
        else:
            await self._rbac.letters.send_already(login)
        await self._rbac.letters.sweep()

    async def register(self, call: Call) -> Answer:
        """Register with the token of an invitation or a letter; it works once.

        Without one it is 403 where an invitation is needed, and always where registration is closed.
        """
        rbac, body = self._rbac, call.body
        registering.refuse_closed(rbac.settings.registration)
        token, name, password = body["token"], body["name"], body["password"]
        if token is None:
            registering.refuse_uninvited(rbac.settings.registration)
            told = f"Prove the address first: {API_ROOT}/auth/register/letter sends a token to it."
            raise Invalid(f"/token: {told}", errors=[FieldError("/token", "required", told)])
        letter = await rbac.letters.standing("invite", token)
        if letter is None or login_of(body["email"] or letter.login) != letter.login:
            raise wrong_letter()
        strength.check(password, about=(letter.login, name))
        hashed = await rbac.hasher.hash(password)
        open_role = rbac.people.role(rbac.settings.open_role) is not None

        def command(uow: UnitOfWork) -> User:
            return registering.register(
                uow, token, name=name, password_hash=hashed, settings=rbac.settings, open_role=open_role
            )

        actor = NOBODY if letter.user_id is None else Actor(type="agent", id=letter.user_id, name=name)
        user = await rbac.host.run(command, actor=actor, cause=call.cause, about={"login": letter.login})
        return Answer({"id": user.id, "email": user.email, "name": user.name}, status=201)

    async def invite_again(self, call: Call) -> Answer:
        """Send somebody an invitation again; those from before mean nothing any more. It lasts for seven days."""
        rbac, id = self._rbac, call.path["user_id"]

        def command(uow: UnitOfWork) -> tuple[User, str]:
            user = uow.get(USERS, id)
            if user is None or user.status == "deleted":
                raise NotFound(f"There is no user {id!r}.")
            bounds = bounds_of(rbac.people, call.principal)
            bounds.need("users.write")
            bounds.touch(user)
            return user, rbac.letters.invite(uow, id)

        user, token = await call.run(command)
        return Answer(await invitation(rbac, user, token))


async def invitation(rbac: Rbac, user: User, token: str) -> dict[str, Any]:
    """Send an invitation that was just written, and what to tell whoever asked for it (``InvitationSchema``)."""
    sent = await rbac.letters.send("invite", user.email, token)
    return {
        "user_id": user.id,
        "delivery": "sent" if sent else "by_hand",
        "token": None if sent else token,
        "link": None if sent else rbac.letters.link("invite", token),
        "expires_at": Time().serialize("at", {"at": rbac.host.clock.now() + LIFETIMES["invite"]}),
    }


def operations(rbac: Rbac) -> Operations:
    routes = RegisteringRoutes(rbac)
    declared = Operations("Auth")
    declared.post(
        "/auth/register/letter",
        Public("whoever registers is nobody yet; askings are counted by address"),
        body=AskSchema,
        answer=AcceptedSchema,
        status=202,
        errors=("forbidden",),
        max_bytes=LOGIN_BYTES,
    )(routes.ask_to_register)
    declared.post(
        "/auth/register",
        Public("whoever registers is nobody yet; the setting rbac.registration says who may"),
        body=RegisterSchema,
        answer=RegisteredSchema,
        status=201,
        errors=("forbidden", "invalid_code", "conflict", "sign_in_unavailable"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.register)
    declared.post(
        "/users/{user_id}/invite",
        "users.write",
        answer=InvitationSchema,
        errors=("conflict",),
        deadline_s=SENDING_S,
    )(routes.invite_again)
    return declared
