"""Signing in and out, and who one is."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from patchbay.errors import FieldError, Invalid
from patchbay.web.call import Call
from patchbay.web.endpoint import respond
from patchbay.web.operations import Answer, Operations, Public
from patchbay.web.schemas.fields import OneOf, Time
from patchbay_rbac.cookies import SESSION_ID
from patchbay_rbac.credentials.access_tokens import LIFETIME
from patchbay_rbac.documents import SESSIONS, User
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.oneself import LOGIN_BYTES, SIGN_IN_S, TEXT, oneself
from patchbay_rbac.second_factor import has_one
from patchbay_rbac.signing_in import Offered, SignedIn

WAYS = ("both", "cookie", "token")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class LoginSchema(Schema):
    """`email` names the person (`username` and `login` are the same field). `code` is of the authenticator, where a
    second factor is set up, or `recovery_code` instead. `session` says what is given out: a browser's cookie, tokens,
    or both."""

    email = fields.String(validate=validate.Length(1, 320))
    username = fields.String(validate=validate.Length(1, 320))
    login = fields.String(validate=validate.Length(1, 320))
    password = fields.String(required=True, validate=TEXT)
    code = fields.String(validate=validate.Length(1, 16), load_default=None)
    recovery_code = fields.String(validate=validate.Length(1, 64), load_default=None)
    session = OneOf(WAYS, load_default="both")

    @validates_schema
    def one_name(self, data: dict[str, Any], **kwargs: Any) -> None:
        if sum(name in data for name in ("email", "username", "login")) != 1:
            raise ValidationError("Missing data for required field.", "email")


class RefreshSchema(Schema):
    refresh_token = fields.String(required=True, validate=TEXT)


class SelfSchema(Schema):
    """Who one is, and what one may: `permissions` says for which rows (`own`, `department`, `all`)."""

    id = fields.String(required=True)
    type = fields.String(required=True)
    email = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    department_ids = fields.List(fields.String(), required=True)
    availability = fields.String(required=True, allow_none=True)
    permissions = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    two_factor = fields.Boolean(required=True)
    two_factor_due_at = Time(required=True, allow_none=True)
    session_id = fields.String(required=True, allow_none=True)


class SessionTokensSchema(Schema):
    """`expires_in` are seconds. The tokens are null where only a cookie was asked for."""

    access_token = fields.String(required=True, allow_none=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True)
    refresh_token = fields.String(required=True, allow_none=True)
    session_id = fields.String(required=True)
    user = fields.Nested(SelfSchema, required=True)


class AuthRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def login(self, call: Call) -> web.StreamResponse:
        """Sign in.

        401 `invalid_credentials` says the same whether the person exists or not; `two_factor_required` asks for a code.
        """
        body, rbac = call.body, self._rbac
        offered = Offered(
            body.get("email") or body.get("username") or body["login"],
            body["password"],
            body["code"],
            body["recovery_code"],
        )
        before = await self._session_before(call)
        signed_in = await rbac.signing_in.sign_in(
            offered,
            call.cause,
            cookie=body["session"] != "token",
            tokens=body["session"] != "cookie",
            before=before,
        )
        response = respond(call.request, call.operation, Answer(self._tokens(signed_in)))
        if signed_in.cookie is not None:
            await rbac.cookies.give(call.request, response, signed_in.session.id, signed_in.cookie)
        return response

    async def refresh(self, call: Call) -> Answer:
        """Go on with a session: a new access token and a new refresh token.

        A refresh token works once. One that comes back ends its whole session, for one of two who hold it stole it. So
        that a lost answer costs nothing, send an `Idempotency-Key`: the very same request again within 30 s, with the
        same key, is answered again. Without one, or with another, it counts as a token that came back.
        """
        key = call.request.headers.get("Idempotency-Key")
        if key is not None and not _KEY.fullmatch(key):
            problem = FieldError("#Idempotency-Key", "invalid", "1 to 255 visible ASCII characters.")
            raise Invalid("The Idempotency-Key must be 1 to 255 visible ASCII characters.", errors=[problem])
        return Answer(self._tokens(await self._rbac.signing_in.refresh(call.body["refresh_token"], key, call.cause)))

    async def logout(self, call: Call) -> web.StreamResponse:
        """Sign out: cookie, access token and refresh token of this session mean nothing from now on."""
        rbac, principal = self._rbac, call.principal
        if principal.type == "user" and principal.session_id is not None:
            await rbac.signing_in.sign_out(principal.session_id, principal.actor, call.cause)
        response = respond(call.request, call.operation, Answer(status=204))
        await rbac.cookies.take_away(call.request, response)
        return response

    async def me(self, call: Call) -> Answer:
        """Show who one is and what one may."""
        return Answer(self.self_view(oneself(self._rbac, call), call.principal.session_id))

    def self_view(self, user: User, session_id: str | None) -> dict[str, Any]:
        people = self._rbac.people
        return {
            "id": user.id,
            "type": "user",
            "email": user.email,
            "name": user.name,
            "roles": list(user.role_ids),
            "department_ids": list(user.department_ids),
            "availability": user.availability,
            "permissions": dict(sorted(people.grants(user.id).items())),
            "two_factor": has_one(user),
            "two_factor_due_at": Time().serialize("at", {"at": user.two_factor_due_at}),
            "session_id": session_id,
        }

    def _tokens(self, signed_in: SignedIn) -> dict[str, Any]:
        access = None
        if signed_in.refresh_token is not None:
            access, _ = self._rbac.tokens.issue(signed_in.user.id, signed_in.session.id, self._rbac.host.clock.now())
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": int(LIFETIME.total_seconds()),
            "refresh_token": signed_in.refresh_token,
            "session_id": signed_in.session.id,
            "user": self.self_view(signed_in.user, signed_in.session.id),
        }

    async def _session_before(self, call: Call) -> Any:
        """The session that the browser's cookie names: whoever signs in anew does not keep an id from before."""
        cookie = await self._rbac.cookies.load_session(call.request)
        return None if cookie.new else await self._rbac.host.store.get(SESSIONS, cookie[SESSION_ID])


def operations(rbac: Rbac) -> Operations:
    routes = AuthRoutes(rbac)
    declared = Operations("Auth")
    signing_in = Public("whoever signs in is not signed in yet; tries are counted by person and by address")
    declared.post(
        "/auth/login",
        signing_in,
        body=LoginSchema,
        answer=SessionTokensSchema,
        errors=("invalid_credentials", "two_factor_required", "invalid_code", "sign_in_unavailable"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.login)
    declared.post(
        "/auth/refresh",
        Public("the refresh token in the body is the credential"),
        body=RefreshSchema,
        answer=SessionTokensSchema,
        errors=("unauthenticated",),
        max_bytes=LOGIN_BYTES,
    )(routes.refresh)
    declared.post("/auth/logout", SELF, status=204)(routes.logout)
    declared.get("/auth/me", SELF, answer=SelfSchema)(routes.me)
    return declared
