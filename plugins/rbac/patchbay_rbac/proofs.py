"""Whether somebody is who they say: passwords and second factors, counted before they are looked at (E18, E19)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from patchbay.errors import SignInUnavailable, Unauthenticated
from patchbay.inbox.unit import UnitOfWork
from patchbay_rbac.credentials import totp
from patchbay_rbac.credentials.passwords import Hasher
from patchbay_rbac.credentials.throttling import CodeTries, SignIns
from patchbay_rbac.documents import USERS, TwoFactor, User, login_of
from patchbay_rbac.people import People
from patchbay_rbac.settings import RbacSettings

if TYPE_CHECKING:
    from patchbay.ports import Host

REFUSED: Final = "This address and password do not belong together, or this person may not sign in."
SEALED_AS: Final = "totp"


class Proofs:
    """Every refusal says the same, whatever is wrong, and takes as long."""

    def __init__(self, people: People, hasher: Hasher, settings: RbacSettings) -> None:
        self._people = people
        self._hasher = hasher
        self._settings = settings
        self._host: Host
        self._tries: SignIns
        self._code_tries: CodeTries

    def open(self, host: Host) -> None:
        self._host = host
        self._tries = SignIns(host.clock)
        self._code_tries = CodeTries(host.clock)

    async def password(self, login: str, password: str, address: str | None) -> User:
        """The active user with this login and password; the try counts as a failure until ``succeeded`` is told.

        Raises ``Unauthenticated``; ``TooMany`` after too many tries; ``SignInUnavailable`` when too many are hashed.
        """
        login = login_of(login)
        await self._tries.admit(login, address or "")
        try:
            return await self._proven(login, password)
        except SignInUnavailable:
            self._tries.not_looked_at(login)
            raise

    def succeeded(self, user: User) -> None:
        """All that was asked of this user was right: failures are forgotten."""
        self._tries.succeeded(user.login)

    async def again(self, user: User, password: str, address: str | None) -> None:
        """The password of somebody who is signed in already, before something that matters. Raises as ``password``."""
        await self.password(user.login, password, address)
        self.succeeded(user)

    async def admit_code(self, user: User) -> None:
        """Count a try with a code; ``spent`` tells inside the unit of work whether it was right. Raises ``TooMany``."""
        await self._code_tries.admit(user.id)

    async def code_succeeded(self, user: User) -> None:
        await self._code_tries.succeeded(user.id)

    def spent(self, user: User, code: str | None, recovery_code: str | None) -> TwoFactor:
        """The second factor after this code was used: it is taken once, if the answer is committed with the user's
        version compared. Raises ``Unauthenticated``."""
        factor = user.two_factor
        if factor is not None and recovery_code is not None:
            left = totp.spend(factor.recovery_hashes, recovery_code)
            if left is not None:
                return replace(factor, recovery_hashes=left)
        elif factor is not None and code is not None:
            seed = self._host.unseal(factor.seed, user.id, SEALED_AS)
            step = totp.accept(seed, code, self._host.clock.now(), factor.last_step, self._settings.totp_window)
            if step is not None:
                return replace(factor, last_step=step)
        raise wrong_code(user)

    async def _proven(self, login: str, password: str) -> User:
        user = self._people.by_login(login)
        usable = user is not None and user.status == "active" and user.password_hash is not None
        if user is None or not usable or user.password_hash is None:
            await self._hasher.verify_nobody(password)
            raise refused("there is no such person" if user is None else f"the person is {user.status}", login)
        verdict = await self._hasher.verify(user.password_hash, password)
        if not verdict.ok:
            raise refused("the password is wrong", login)
        if verdict.needs_rehash:
            fresh = await self._hasher.hash(password)
            await self._host.run(lambda uow: _rehashed(uow, user.id, user.password_hash, fresh))
        return user


def refused(reason: str, login: str) -> Unauthenticated:
    """What whoever could not sign in is told; the reason is for the trail."""
    # what is no address may be a password in the wrong field, and the trail never forgets
    tried = login[:320] if "@" in login else f"<{len(login)} characters>"
    about: dict[str, Any] = {"login": tried, "reason": reason}
    return Unauthenticated(REFUSED, code="invalid_credentials", about=about)


def wrong_code(user: User) -> Unauthenticated:
    """What is said of each code that does not work."""
    detail = "This code is wrong, too old, or was used already."
    return Unauthenticated(detail, code="invalid_code", about={"login": user.login})


def _rehashed(uow: UnitOfWork, user_id: str, was: str | None, fresh: str) -> None:
    user = uow.need(USERS, user_id)
    if user.password_hash == was:
        uow.put(USERS, user, password_hash=fresh)
