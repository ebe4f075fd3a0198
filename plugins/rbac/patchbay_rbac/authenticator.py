"""Who a request is from: an access token, an API key, a browser's cookie, or a socket's ticket."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from patchbay.errors import Unauthenticated
from patchbay.model.principal import Principal
from patchbay.ports import Credentials
from patchbay.web.operations import API_ROOT
from patchbay_rbac.authorizer import LIMITED
from patchbay_rbac.cookies import SESSION_ID, USER_ID, HashedStorage
from patchbay_rbac.credentials import api_keys
from patchbay_rbac.credentials.access_tokens import LEEWAY, AccessTokens, Claims
from patchbay_rbac.credentials.tickets import Tickets
from patchbay_rbac.documents import Session, User
from patchbay_rbac.keys import Keys
from patchbay_rbac.people import People
from patchbay_rbac.second_factor import is_overdue
from patchbay_rbac.sessions import Sessions
from patchbay_rbac.settings import RbacSettings

if TYPE_CHECKING:
    from patchbay.ports import Clock

SOCKET: Final = f"{API_ROOT}/ws"
REMEMBERED: Final = 10_000  # access tokens that were read; the one that was read longest ago goes first


class UserAuthenticator:
    """Tells users and API keys. What is not of its making is left to others."""

    name = "rbac"

    def __init__(
        self,
        people: People,
        sessions: Sessions,
        keys: Keys,
        *,
        cookies: HashedStorage,
        tokens: Callable[[], AccessTokens],
        tickets: Tickets[Principal],
        clock: Clock,
        settings: RbacSettings,
    ) -> None:
        self._people = people
        self._sessions = sessions
        self._keys = keys
        self._cookies = cookies
        self._tokens = tokens
        self._tickets = tickets
        self._clock = clock
        self._settings = settings
        self._reader: AccessTokens | None = None
        self._read: OrderedDict[bytes, Claims] = OrderedDict()  # by the digest of the token

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """Raises ``Unauthenticated`` for what has the form of ours and does not stand."""
        token = credentials.bearer or credentials.api_key
        if token is not None:
            presented = api_keys.parse(token)
            if presented is not None:
                return await self._keys.principal(presented)
            if credentials.bearer is None:
                return None
            if token.count(".") == 2:
                return await self._by_access_token(token)
            return await self._by_ticket(token, credentials)
        if credentials.request is None or self._cookies.cookie_name not in credentials.cookies:
            return None
        return await self._by_cookie(credentials)

    async def still_valid(self, principal: Principal) -> bool:
        """Whether the session or the key stands, and its person may still come in."""
        if principal.type == "api_key":
            return await self._keys.stands(principal.id)
        if principal.type != "user":
            return True
        user = self._people.user(principal.id)
        session = await self._sessions.standing(principal.session_id or "", principal.id)
        return user is not None and user.status == "active" and session is not None

    async def _by_access_token(self, token: str) -> Principal:
        claims = self._claims(token)
        session = await self._sessions.standing(claims.session, claims.subject)
        if session is None:
            raise Unauthenticated("The token is not valid, or no longer.", about={"reason": "the session ended"})
        return self._principal(session)

    def _claims(self, token: str) -> Claims:
        """What the token says now. By the same keys the same bytes are verified once, for that costs as much as a fifth
        of a short request; whether it has expired is looked at every time. Raises ``WrongToken``.
        """
        tokens, now = self._tokens(), self._clock.now()
        if tokens is not self._reader:  # the keys are others
            self._reader = tokens
            self._read.clear()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        claims = self._read.get(digest)
        if claims is None or not claims.issued_at - LEEWAY <= now < claims.expires_at + LEEWAY:
            self._read.pop(digest, None)
            claims = self._read[digest] = tokens.read(token, now)
            if len(self._read) > REMEMBERED:
                self._read.popitem(last=False)
        return claims

    async def _by_cookie(self, credentials: Credentials) -> Principal:
        request = credentials.request
        if request is None:
            raise Unauthenticated("A session cookie works for requests only.")
        cookie = await self._cookies.load_session(request)
        session = None if cookie.new else await self._sessions.standing(cookie[SESSION_ID], cookie[USER_ID])
        if session is None:
            raise Unauthenticated("You are signed out. Sign in again.", about={"reason": "the session ended"})
        principal = self._principal(session)
        self._sessions.seen(session)
        return principal

    async def _by_ticket(self, token: str, credentials: Credentials) -> Principal | None:
        """A ticket opens a socket and nothing else, for somebody who may still come in."""
        request = credentials.request
        if request is None or request.path != SOCKET:
            return None
        holder = self._tickets.spend(token)
        if holder is None:
            return None
        retired = holder.type == "bootstrap" and self._people.has_admin
        if retired or not await self.still_valid(holder):
            raise Unauthenticated("The token is not valid, or no longer.", about={"reason": "the session ended"})
        if holder.type != "user":
            return holder
        session = await self._sessions.standing(holder.session_id or "", holder.id)
        return holder if session is None else self._principal(session)

    def _principal(self, session: Session) -> Principal:
        user = self._people.user(session.user_id)
        if user is None or user.status != "active":
            raise Unauthenticated("The token is not valid, or no longer.", about={"reason": "the person is not active"})
        return principal_of(user, session, limited=is_overdue(user, session, self._clock.now()))


def principal_of(user: User, session: Session, *, limited: bool) -> Principal:
    """A signed-in user."""
    claims = {"sid": session.id, **({LIMITED: True} if limited else {})}
    return Principal(type="user", id=user.id, name=user.name, department_ids=user.department_ids, claims=claims)
