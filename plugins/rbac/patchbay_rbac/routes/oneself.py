"""What the operations about oneself share."""

from __future__ import annotations

from typing import Final

from marshmallow import validate

from patchbay.errors import Unauthenticated
from patchbay.inbox.unit import UnitOfWork
from patchbay.web.call import Call
from patchbay_rbac.documents import SESSIONS, Session, User
from patchbay_rbac.rbac import Rbac

LOGIN_BYTES: Final = 8 * 2**10  # section 7, "Body: login"
SIGN_IN_S: Final = 15.0  # a hash may wait for others before it
TEXT: Final = validate.Length(1, 1024)


def oneself(rbac: Rbac, call: Call) -> User:
    """The user who asks. Raises ``Unauthenticated`` for keys and for the administrator's token."""
    user = rbac.people.user(call.principal.id) if call.principal.type == "user" else None
    if user is None:
        raise Unauthenticated("This needs somebody who signed in.")
    return user


def own_session(uow: UnitOfWork, call: Call) -> Session:
    """The session that this call came with. Raises ``Unauthenticated`` when it ended meanwhile."""
    session = uow.get(SESSIONS, call.principal.session_id or "")
    if session is None or session.revoked_at is not None or session.user_id != call.principal.id:
        raise Unauthenticated("You are signed out. Sign in again.", about={"reason": "the session ended"})
    return session
