"""A second factor, from its seed to its end: pure commands on a unit of work. No IO."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from patchbay.errors import Forbidden, StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay_rbac.credentials import totp
from patchbay_rbac.documents import SESSIONS, USERS, Session, TwoFactor, User
from patchbay_rbac.proofs import wrong_code
from patchbay_rbac.second_factor import has_one, is_needed
from patchbay_rbac.sessions import Sessions
from patchbay_rbac.settings import RbacSettings


def set_up(uow: UnitOfWork, user_id: str, sealed: str) -> User:
    """A seed that counts for nothing until a code proves that somebody's app holds it. Raises ``StateConflict``."""
    user = uow.need(USERS, user_id)
    if has_one(user):
        raise StateConflict("You have a second factor already; disable it before you set up another.")
    return uow.put(USERS, user, two_factor=TwoFactor(seed=sealed))


def confirm(
    uow: UnitOfWork, sessions: Sessions, session: Session, step: int, seed: str, digests: tuple[str, ...]
) -> User:
    """The factor counts from now on, in this session too; all others of the user end. ``step`` is of the code that
    proved it, which can be used for nothing else; ``seed`` is what it was compared with.

    Raises ``Unauthenticated`` where that is another seed by now, ``StateConflict`` where there is nothing to confirm.
    """
    user = uow.need(USERS, session.user_id)
    factor = unconfirmed(user)
    if factor.seed != seed or (factor.last_step is not None and step <= factor.last_step):
        raise wrong_code(user)
    confirmed = replace(factor, confirmed_at=uow.now, last_step=step, recovery_hashes=digests)
    uow.put(SESSIONS, session, two_factor=True)
    sessions.end_all(uow, user.id, "a second factor was set up", but=session.id)
    return uow.put(USERS, user, two_factor=confirmed, two_factor_due_at=None)


def unconfirmed(user: User) -> TwoFactor:
    """The factor that waits for its first code. Raises ``StateConflict``."""
    if user.two_factor is None:
        raise StateConflict("There is no second factor to verify; set one up first.")
    if user.two_factor.confirmed_at is not None:
        raise StateConflict("Your second factor is verified already.")
    return user.two_factor


def confirmed(user: User) -> TwoFactor:
    """The factor that counts. Raises ``StateConflict``."""
    if user.two_factor is None or user.two_factor.confirmed_at is None:
        raise StateConflict("You have no second factor; set one up first.")
    return user.two_factor


def accepted(seed: str, code: str, user: User, now: datetime, window: int) -> int:
    """The step of a code that proves a seed. Raises ``Unauthenticated``."""
    last = None if user.two_factor is None else user.two_factor.last_step
    step = totp.accept(seed, code, now, last, window)
    if step is None:
        raise wrong_code(user)
    return step


def disable(uow: UnitOfWork, sessions: Sessions, session: Session, settings: RbacSettings) -> User:
    """No second factor any more; all other sessions end. Raises ``Forbidden`` where the settings ask for one."""
    user = uow.need(USERS, session.user_id)
    refuse_needed(user, settings)
    confirmed(user)
    uow.put(SESSIONS, session, two_factor=False)
    sessions.end_all(uow, user.id, "the second factor was disabled", but=session.id)
    return uow.put(USERS, user, two_factor=None)


def refuse_needed(user: User, settings: RbacSettings) -> None:
    """Raises ``Forbidden`` for whom the settings ask for a second factor."""
    if is_needed(user, settings):
        raise Forbidden("The settings ask for a second factor of everybody with your roles; it cannot be disabled.")


def renew(uow: UnitOfWork, user_id: str, digests: tuple[str, ...]) -> User:
    """Other recovery codes; those from before mean nothing any more. Raises ``StateConflict``."""
    user = uow.need(USERS, user_id)
    return uow.put(USERS, user, two_factor=replace(confirmed(user), recovery_hashes=digests))
