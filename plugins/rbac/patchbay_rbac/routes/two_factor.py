"""Setting up a second factor, and doing without it again."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from patchbay.inbox.unit import UnitOfWork
from patchbay.web.call import Call
from patchbay.web.operations import Answer, Operations
from patchbay_rbac import enrolling
from patchbay_rbac.credentials import totp
from patchbay_rbac.documents import USERS, User
from patchbay_rbac.proofs import SEALED_AS
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.oneself import LOGIN_BYTES, SIGN_IN_S, TEXT, oneself, own_session

CODE = validate.Length(1, 16)
PAPER = validate.Length(1, 64)


class SetupSchema(Schema):
    """The password, again: whoever finds a screen unlocked must not be able to do this."""

    password = fields.String(required=True, validate=TEXT)


class SeedSchema(Schema):
    """`otpauth_uri` is what a QR code is made of; `secret` is the same for typing. Shown this once."""

    secret = fields.String(required=True)
    otpauth_uri = fields.String(required=True)


class CodeSchema(Schema):
    code = fields.String(required=True, validate=CODE)


class RecoveryCodesSchema(Schema):
    """Each works once, in the place of a code. Shown this once."""

    recovery_codes = fields.List(fields.String(), required=True)


class DisableSchema(Schema):
    """The password, and one of `code` and `recovery_code`."""

    password = fields.String(required=True, validate=TEXT)
    code = fields.String(validate=CODE, load_default=None)
    recovery_code = fields.String(validate=PAPER, load_default=None)

    @validates_schema
    def one_proof(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("code") is None) == (data.get("recovery_code") is None):
            raise ValidationError("Send one of code and recovery_code.", "code")


class RenewSchema(Schema):
    """One of `password` and `code`."""

    password = fields.String(validate=TEXT, load_default=None)
    code = fields.String(validate=CODE, load_default=None)

    @validates_schema
    def one_proof(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data.get("password") is None) == (data.get("code") is None):
            raise ValidationError("Send one of password and code.", "password")


class TwoFactorRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def set_up_two_factor(self, call: Call) -> Answer:
        """Begin to set up a second factor.

        Nothing is asked for at sign-in until a first code was verified; begun anew, the seed from before is forgotten.
        """
        rbac, user = self._rbac, oneself(self._rbac, call)
        await rbac.proofs.again(user, call.body["password"], call.cause.address)
        seed = totp.new_seed()
        sealed = rbac.host.seal(seed, user.id, SEALED_AS)

        def command(uow: UnitOfWork) -> User:
            own_session(uow, call)
            return enrolling.set_up(uow, user.id, sealed)

        await call.run(command)
        uri = totp.provisioning_uri(seed, user.email, rbac.settings.totp_issuer)
        return Answer({"secret": seed, "otpauth_uri": uri})

    async def verify_two_factor(self, call: Call) -> Answer:
        """Finish setting up a second factor, with a first code of it.

        From now on sign-ins ask for it; all other sessions of this person end. Answers with the recovery codes.
        """
        rbac, user = self._rbac, oneself(self._rbac, call)
        factor = enrolling.unconfirmed(user)
        await rbac.proofs.admit_code(user)
        seed = rbac.host.unseal(factor.seed, user.id, SEALED_AS)
        step = enrolling.accepted(seed, call.body["code"], user, rbac.host.clock.now(), rbac.settings.totp_window)
        codes = totp.new_recovery_codes()

        def command(uow: UnitOfWork) -> User:
            return enrolling.confirm(uow, rbac.sessions, own_session(uow, call), step, factor.seed, codes.digests)

        await call.run(command)
        await rbac.proofs.code_succeeded(user)
        return _told(codes)

    async def disable_two_factor(self, call: Call) -> Answer:
        """Do without a second factor, where the settings do not ask for one.

        All other sessions of this person end.
        """
        rbac, user, body = self._rbac, oneself(self._rbac, call), call.body
        enrolling.refuse_needed(user, rbac.settings)
        enrolling.confirmed(user)
        await rbac.proofs.again(user, body["password"], call.cause.address)
        await rbac.proofs.admit_code(user)

        def command(uow: UnitOfWork) -> User:
            session = own_session(uow, call)
            rbac.proofs.spent(uow.need(USERS, user.id), body["code"], body["recovery_code"])
            return enrolling.disable(uow, rbac.sessions, session, rbac.settings)

        await call.run(command)
        await rbac.proofs.code_succeeded(user)
        return Answer(status=204)

    async def renew_recovery_codes(self, call: Call) -> Answer:
        """Make new recovery codes; those from before mean nothing any more."""
        rbac, user, body = self._rbac, oneself(self._rbac, call), call.body
        enrolling.confirmed(user)
        code = body["code"]
        if code is None:
            await rbac.proofs.again(user, body["password"], call.cause.address)
        else:
            await rbac.proofs.admit_code(user)
        codes = totp.new_recovery_codes()

        def command(uow: UnitOfWork) -> User:
            own_session(uow, call)
            if code is not None:
                present = uow.need(USERS, user.id)
                uow.put(USERS, present, two_factor=rbac.proofs.spent(present, code, None))
            return enrolling.renew(uow, user.id, codes.digests)

        await call.run(command)
        if code is not None:
            await rbac.proofs.code_succeeded(user)
        return _told(codes)


def _told(codes: totp.RecoveryCodes) -> Answer:
    return Answer({"recovery_codes": list(codes.texts)})


def operations(rbac: Rbac) -> Operations:
    routes = TwoFactorRoutes(rbac)
    declared = Operations("Auth")
    again = ("invalid_credentials", "sign_in_unavailable", "conflict")
    declared.post(
        "/auth/2fa/setup",
        SELF,
        body=SetupSchema,
        answer=SeedSchema,
        errors=again,
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.set_up_two_factor)
    declared.post(
        "/auth/2fa/verify",
        SELF,
        body=CodeSchema,
        answer=RecoveryCodesSchema,
        errors=("invalid_code", "conflict"),
        max_bytes=LOGIN_BYTES,
    )(routes.verify_two_factor)
    declared.post(
        "/auth/2fa/disable",
        SELF,
        body=DisableSchema,
        status=204,
        errors=(*again, "invalid_code"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.disable_two_factor)
    declared.post(
        "/auth/2fa/recovery-codes",
        SELF,
        body=RenewSchema,
        answer=RecoveryCodesSchema,
        errors=(*again, "invalid_code"),
        max_bytes=LOGIN_BYTES,
        deadline_s=SIGN_IN_S,
    )(routes.renew_recovery_codes)
    return declared
