"""Browser sessions over aiohttp-session, hardened.

The library's own storages set no Secure and no SameSite, let the old id live when a new one is given, and let a request
that is under way bring a session back that was signed out of. Here the cookie holds 256 random bits and nothing else;
what it means is a row of ours, found by a hash of it, and nothing is ever written back from a request.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp_session import AbstractStorage
from aiohttp_session import Session as CookieSession

from patchbay_rbac.sessions import Sessions
from patchbay_rbac.settings import RbacSettings

SESSION_ID: Final = "session_id"
USER_ID: Final = "user_id"


class HashedStorage(AbstractStorage):
    """Sessions that live in the store, by the hash of what the cookie holds."""

    def __init__(self, sessions: Sessions, settings: RbacSettings) -> None:
        super().__init__(
            cookie_name=settings.cookie_name,
            max_age=int(settings.session_absolute_hours * 3600),
            path="/",
            secure=settings.cookie_secure,
            httponly=True,
            samesite="Lax",
        )
        self._sessions = sessions

    async def load_session(self, request: web.Request) -> CookieSession:
        """Who the cookie is of; a new, empty session for whatever does not stand."""
        token = self.load_cookie(request)
        session = await self._sessions.of_cookie(token) if token else None
        if session is None or token is None:
            return await self.new_session()
        created = int(session.created_at.timestamp())
        data = {SESSION_ID: session.id, USER_ID: session.user_id}
        return CookieSession(token, data={"created": created, "session": data}, new=False)

    async def save_session(self, request: web.Request, response: web.StreamResponse, session: CookieSession) -> None:
        """Set the cookie to the session's id, or take it away where the session is empty.

        It is taken away with the flags it was set with: of a ``__Host-`` cookie browsers heed nothing else.
        """
        if session.empty:
            flags = self.cookie_params
            response.set_cookie(
                self.cookie_name,
                "",
                max_age=0,
                path=flags["path"],
                secure=flags["secure"],
                httponly=flags["httponly"],
                samesite=flags["samesite"],
            )
        else:
            self.save_cookie(response, str(session.identity))

    async def give(self, request: web.Request, response: web.StreamResponse, session_id: str, token: str) -> None:
        """Let the browser hold this session by this token."""
        cookie = await self.new_session()
        cookie.set_new_identity(token)
        cookie[SESSION_ID] = session_id
        await self.save_session(request, response, cookie)

    async def take_away(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the browser forget."""
        await self.save_session(request, response, await self.new_session())
