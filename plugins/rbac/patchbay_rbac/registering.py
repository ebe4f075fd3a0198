"""Becoming a person here: by an invitation or, where the settings let anybody, by a proven mail address. No IO."""

from __future__ import annotations

from patchbay.errors import Forbidden, StateConflict
from patchbay.inbox.unit import UnitOfWork
from patchbay_rbac.documents import LOGIN, USERS, Letter, User
from patchbay_rbac.letters import Letters, wrong_letter
from patchbay_rbac.settings import RbacSettings, Registration


def refuse_closed(policy: Registration) -> None:
    """Raises ``Forbidden`` where nobody may register."""
    if policy == "closed":
        raise Forbidden("Registration is closed here (rbac.registration); an administrator makes people.")


def refuse_uninvited(policy: Registration) -> None:
    """Raises ``Forbidden`` where it takes an invitation."""
    refuse_closed(policy)
    if policy != "open":
        raise Forbidden("Registration takes an invitation here (rbac.registration); ask an administrator for one.")


def register(
    uow: UnitOfWork, token: str, *, name: str, password_hash: str, settings: RbacSettings, open_role: bool
) -> User:
    """The person who holds this token, active from now on. ``open_role`` is whether the role for those who come by
    themselves exists.

    Raises ``Unauthenticated`` for a token that does not work, ``StateConflict`` where the address is taken meanwhile.
    """
    letter = Letters.take(uow, "invite", token)
    if letter.purpose == "register":
        refuse_uninvited(settings.registration)
        return _came(uow, letter, name, password_hash, (settings.open_role,) if open_role else ())
    user = uow.get(USERS, letter.user_id or "")
    if user is None or user.status != "invited" or user.login != letter.login:
        raise wrong_letter()
    Letters.void(uow, user.id)
    return uow.put(USERS, user, status="active", name=name, password_hash=password_hash, password_changed_at=uow.now)


def _came(uow: UnitOfWork, letter: Letter, name: str, password_hash: str, role_ids: tuple[str, ...]) -> User:
    if uow.ref(LOGIN, letter.login) is not None:
        raise StateConflict("This address is registered already; sign in, or ask for a new password.")
    user = User(
        id=uow.ids.new("usr"),
        created_at=uow.now,
        updated_at=uow.now,
        login=letter.login,
        email=letter.login,
        name=name,
        status="active",
        password_hash=password_hash,
        password_changed_at=uow.now,
        role_ids=role_ids,
    )
    uow.claim(LOGIN, letter.login, user.id)
    return uow.add(USERS, user)
