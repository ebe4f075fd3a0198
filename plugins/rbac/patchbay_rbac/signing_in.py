"""Coming in, staying in, going out: what each does to a session, in one commit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from patchbay.errors import Unauthenticated
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.cause import Cause
from patchbay.model.message import Actor
from patchbay_rbac.credentials import opaque, refresh
from patchbay_rbac.documents import SESSIONS, USERS, Session, User
from patchbay_rbac.people import People
from patchbay_rbac.proofs import Proofs, refused
from patchbay_rbac.second_factor import due_at, has_one
from patchbay_rbac.sessions import Sessions, family_of
from patchbay_rbac.settings import RbacSettings

if TYPE_CHECKING:
    from patchbay.ports import Host

ENDED: Final = "The token is not valid, or no longer."


@dataclass(frozen=True)
class Offered:
    """What somebody brought to sign in with."""

    login: str
    password: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    recovery_code: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class SignedIn:
    """A session that was begun or goes on, and what is told of it this once."""

    user: User
    session: Session
    cookie: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


class SigningIn:
    """Signs people in and out."""

    def __init__(self, people: People, sessions: Sessions, proofs: Proofs, settings: RbacSettings) -> None:
        self._people = people
        self._sessions = sessions
        self._proofs = proofs
        self._settings = settings
        self._host: Host

    def open(self, host: Host) -> None:
        self._host = host

    async def sign_in(
        self, offered: Offered, cause: Cause, *, cookie: bool, tokens: bool, before: Session | None
    ) -> SignedIn:
        """Begin a session. ``before`` is the one whose cookie the browser brought: it ends (fixation, E6).

        Raises ``Unauthenticated``; ``TooMany`` after too many tries, counted before anything is hashed (E18).
        """
        user = await self._proofs.password(offered.login, offered.password, cause.address)
        await self._admit_second_factor(user, offered)
        signed_in = await self._begun(user, offered, cause, cookie=cookie, tokens=tokens, before=before)
        self._proofs.succeeded(user)
        self._sessions.sweep()
        return signed_in

    async def _admit_second_factor(self, user: User, offered: Offered) -> None:
        if not has_one(user):
            return
        if offered.code is None and offered.recovery_code is None:
            raise Unauthenticated(
                "Send the code of your authenticator as code, or a recovery code as recovery_code.",
                code="two_factor_required",
                about={"login": user.login},
            )
        await self._proofs.admit_code(user)

    async def _begun(
        self, proven: User, offered: Offered, cause: Cause, *, cookie: bool, tokens: bool, before: Session | None
    ) -> SignedIn:
        token = opaque.new_token() if cookie else None
        family, refresh_token = refresh.start(self._host.clock.now()) if tokens else (None, None)

        def command(uow: UnitOfWork) -> tuple[User, Session]:
            user = uow.need(USERS, proven.id)
            if user.status != "active":
                raise refused(f"the person is {user.status}", user.login)
            if user.password_changed_at != proven.password_changed_at:  # while this one was looked at
                raise refused("the password was changed just now", user.login)
            factor = self._proofs.spent(user, offered.code, offered.recovery_code) if has_one(user) else None
            user = uow.put(
                USERS,
                user,
                last_sign_in_at=uow.now,
                two_factor=factor or user.two_factor,
                two_factor_due_at=due_at(user, self._settings, uow.now),
            )
            if before is not None and (ended := uow.get(SESSIONS, before.id)) is not None:
                self._sessions.end(uow, ended, "signed in anew")
            session = self._sessions.begin(
                uow,
                user,
                cookie=token,
                family=family,
                two_factor=factor is not None,
                address=cause.address,
                user_agent=cause.user_agent,
            )
            return user, session

        actor = Actor(type="agent", id=proven.id, name=proven.name)
        user, session = await self._host.run(command, actor=actor, cause=cause, about={"login": offered.login[:320]})
        if has_one(user):
            await self._proofs.code_succeeded(user)
        return SignedIn(user, session, token, refresh_token)

    async def refresh(self, text: str, retry: str | None, cause: Cause) -> SignedIn:
        """Go on with a session. A token that was used before ends all of its family, unless it comes within the grace
        (section 7, "Refresh") and with ``retry``, the Idempotency-Key of the request whose answer was lost.

        Raises ``Unauthenticated``.
        """
        presented = refresh.parse(text)
        session = None if presented is None else await self._sessions.of_refresh(presented)
        if presented is None or session is None:
            raise Unauthenticated(ENDED, about={"reason": "no such refresh token"})
        user = self._people.user(session.user_id)
        if user is None or user.status != "active":
            raise Unauthenticated(ENDED, about={"reason": "the person is not active", "session": session.id})
        salt = opaque.new_token()
        retry_hash = None if retry is None else _retry_hash(session.id, retry)

        def command(uow: UnitOfWork) -> tuple[Session, refresh.Outcome]:
            current = uow.need(SESSIONS, session.id)
            family = family_of(current)
            if family is None:
                raise Unauthenticated(ENDED)
            if (
                retry_hash is None
                or current.refresh_retry is None
                or not opaque.same(retry_hash, current.refresh_retry)
            ):
                family = replace(family, previous_hash=None)  # not the same request again: there is no grace
            outcome = refresh.rotate(family, presented, uow.now, salt.encode())
            match outcome:
                case refresh.Rotated():
                    current = self._sessions.rotated(uow, current, outcome.family, retry_hash)
                case refresh.Reused():
                    current = self._sessions.end(uow, current, "a spent refresh token came back")
                case _:
                    pass
            return current, outcome

        actor = Actor(type="agent", id=user.id, name=user.name)
        kept, outcome = await self._host.run(command, actor=actor, cause=cause)
        if isinstance(outcome, refresh.Rotated | refresh.Replayed):
            return SignedIn(user, kept, refresh_token=outcome.token)
        raise Unauthenticated(ENDED, about={"reason": type(outcome).__name__.lower(), "session": kept.id})

    async def sign_out(self, session_id: str, actor: Actor, cause: Cause) -> None:
        """End a session: what it gave out means nothing from now on."""

        def command(uow: UnitOfWork) -> None:
            session = uow.get(SESSIONS, session_id)
            if session is not None:
                self._sessions.end(uow, session, "signed out")

        await self._host.run(command, actor=actor, cause=cause)


def _retry_hash(session_id: str, key: str) -> str:
    return hashlib.sha256(f"refresh retry\0{session_id}\0{key}".encode()).hexdigest()
