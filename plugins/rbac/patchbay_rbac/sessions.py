"""Sign-ins as they are kept: a browser's cookie, a family of refresh tokens, or both, in one session."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from patchbay.inbox.unit import UnitOfWork
from patchbay.model.document import Document
from patchbay.ports import Query, Where
from patchbay_rbac.credentials import opaque, refresh
from patchbay_rbac.documents import SESSIONS, Session, User
from patchbay_rbac.settings import RbacSettings

if TYPE_CHECKING:
    from patchbay.ports import Host

REMEMBERED: Final = 20_000  # sessions kept at hand; those not asked for lately go first
FRESH_S: Final = 1.0  # how old what is at hand may be: another gateway may have ended the session (E17)
SEEN_EVERY: Final = timedelta(seconds=60)  # how exactly the last sight of a browser is kept
SWEEP_EVERY_S: Final = 60.0
SWEPT: Final = 200  # rows removed at a time
KEPT: Final = timedelta(days=30)  # an ended session is listed and known as stolen for so long


class Sessions:
    """Finds sessions by what people bring, and begins and ends them in units of work."""

    def __init__(self, settings: RbacSettings) -> None:
        self._idle = timedelta(minutes=settings.session_idle_minutes)
        self._absolute = timedelta(hours=settings.session_absolute_hours)
        self._at_hand: OrderedDict[str, tuple[float, Session]] = OrderedDict()
        self._by_cookie: dict[str, str] = {}
        self._seen: dict[str, datetime] = {}
        self._swept_at: float | None = None
        self._host: Host

    def open(self, host: Host) -> None:
        self._host = host
        host.watch(SESSIONS, self._committed)

    # finding

    async def standing(self, id: str, user_id: str) -> Session | None:
        """The session of this user, while it was not ended."""
        session = await self._by_id(id)
        if session is None or session.revoked_at is not None or session.user_id != user_id:
            return None
        return session

    async def of_cookie(self, token: str) -> Session | None:
        """The browser session that this cookie names, while it may be used."""
        if not opaque.is_token(token):
            return None
        hashed = opaque.digest("session", token)
        id = self._by_cookie.get(hashed)
        session = await self._by_id(id) if id is not None else await self._find("cookie_hash", hashed)
        if session is None or session.cookie_hash != hashed:  # it goes by another name now
            return None
        return session if self.is_current(session) else None

    def is_current(self, session: Session) -> bool:
        """Whether a browser's session may be used: not ended, not idle for too long, within its absolute limit."""
        now = self._host.clock.now()
        return (
            session.revoked_at is None
            and session.cookie_until is not None
            and now < session.cookie_until
            and now - self.seen_at(session) < self._idle
        )

    async def of_refresh(self, presented: refresh.Presented) -> Session | None:
        """The session whose family of refresh tokens this one claims to be of."""
        return await self._find("refresh_key", presented.family)

    async def of_user(self, user_id: str) -> list[Session]:
        """All that were not ended, the newest first."""
        where = (Where("user_id", "eq", user_id), Where("revoked_at", "exists", False))
        found = await self._host.find_all(Query(SESSIONS, where, sort="-created_at", limit=200))
        return [session for session in found if self.is_refreshable(session) or self.is_current(session)]

    def is_refreshable(self, session: Session) -> bool:
        """Whether its refresh token may be used."""
        until = session.refresh_until
        return session.revoked_at is None and until is not None and self._host.clock.now() < until

    def seen_at(self, session: Session) -> datetime:
        """When it was last used; the store learns of it a little later."""
        return max(session.last_seen_at, self._seen.get(session.id, session.last_seen_at))

    def seen(self, session: Session) -> None:
        """It was used just now."""
        now = self._host.clock.now()
        if now - self.seen_at(session) < SEEN_EVERY:
            return
        self._seen[session.id] = now
        self._host.spawn(self._keep_seen(session.id, now), "session seen")

    async def _keep_seen(self, id: str, at: datetime) -> None:
        def command(uow: UnitOfWork) -> None:
            session = uow.get(SESSIONS, id)
            if session is not None and session.revoked_at is None and session.last_seen_at < at:
                uow.put(SESSIONS, session, last_seen_at=at)

        await self._host.run(command)

    def sweep(self) -> None:
        """Remove, now and then, some of those that ended long ago."""
        now = self._host.clock.monotonic()
        if self._swept_at is None or now - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = now
            self._host.spawn(self._remove_old(), "sweep of sessions")

    async def _remove_old(self) -> None:
        def command(uow: UnitOfWork) -> None:
            past = Where("expires_at", "lt", uow.now)
            for session in uow.find(Query(SESSIONS, (past,), sort="expires_at", limit=SWEPT)):
                uow.remove(SESSIONS, session)

        await self._host.run(command)

    # beginning and ending

    def begin(
        self,
        uow: UnitOfWork,
        user: User,
        *,
        cookie: str | None,
        family: refresh.Family | None,
        two_factor: bool,
        address: str | None,
        user_agent: str | None,
    ) -> Session:
        """A new session of a user, with a cookie, a family of refresh tokens, or both."""
        cookie_until = uow.now + self._absolute if cookie is not None else None
        ends = max(filter(None, (cookie_until, None if family is None else family.expires_at)), default=uow.now)
        session = Session(
            id=uow.ids.new("ses"),
            created_at=uow.now,
            updated_at=uow.now,
            user_id=user.id,
            cookie_hash=None if cookie is None else opaque.digest("session", cookie),
            cookie_until=cookie_until,
            last_seen_at=uow.now,
            two_factor=two_factor,
            address=address,
            user_agent=user_agent,
            expires_at=ends + KEPT,
        )
        return uow.add(SESSIONS, session if family is None else _with(session, family))

    @staticmethod
    def end(uow: UnitOfWork, session: Session, because: str) -> Session:
        """Nothing of it can be used from now on; ended ones stay ended."""
        if session.revoked_at is not None:
            return session
        return uow.put(SESSIONS, session, revoked_at=uow.now, revoked_because=because)

    def end_all(self, uow: UnitOfWork, user_id: str, because: str, *, but: str | None = None) -> int:
        """End every session of a user; how many were ended."""
        where = (Where("user_id", "eq", user_id), Where("revoked_at", "exists", False))
        ended = 0
        for session in uow.find(Query(SESSIONS, where, sort="-created_at", limit=1_000)):
            if session.id != but:
                self.end(uow, session, because)
                ended += 1
        return ended

    @staticmethod
    def rotated(uow: UnitOfWork, session: Session, family: refresh.Family, retry: str | None) -> Session:
        """The session with its family as it is after a rotation; ``retry`` is a hash of what it was asked with."""
        changed = _with(session, family)
        fields = ("refresh_current", "refresh_previous", "refresh_salt", "refresh_rotated_at", "refresh_rotations")
        moved = {name: getattr(changed, name) for name in fields}
        return uow.put(SESSIONS, session, last_seen_at=uow.now, refresh_retry=retry, **moved)

    @staticmethod
    def renamed(uow: UnitOfWork, session: Session, cookie: str) -> Session:
        """The session under another browser's id: the one before means nothing from now on (E6)."""
        return uow.put(SESSIONS, session, cookie_hash=opaque.digest("session", cookie))

    # at hand

    async def _by_id(self, id: str) -> Session | None:
        now = self._host.clock.monotonic()
        found = self._at_hand.get(id)
        if found is not None and now - found[0] < FRESH_S:
            return found[1]
        session = await self._host.store.get(SESSIONS, id)
        if session is None:
            self._forget(id)
        else:
            self._keep(session)
        return session

    async def _find(self, field: str, value: str) -> Session | None:
        page = await self._host.store.find(Query(SESSIONS, (Where(field, "eq", value),), sort=field, limit=1))
        for session in page.items:
            self._keep(session)
            return session
        return None

    def _keep(self, session: Session) -> None:
        known = self._at_hand.pop(session.id, None)
        if known is not None and known[1].version > session.version:
            session = known[1]
        if known is not None and known[1].cookie_hash not in (None, session.cookie_hash):
            self._by_cookie.pop(known[1].cookie_hash or "", None)
        self._at_hand[session.id] = (self._host.clock.monotonic(), session)
        if session.cookie_hash is not None:
            self._by_cookie[session.cookie_hash] = session.id
        while len(self._at_hand) > REMEMBERED:
            self._forget(next(iter(self._at_hand)))

    def _forget(self, id: str) -> None:
        _, session = self._at_hand.pop(id, (0.0, None))
        self._seen.pop(id, None)
        if session is not None and session.cookie_hash is not None:
            self._by_cookie.pop(session.cookie_hash, None)

    def _committed(self, id: str, document: Document | None) -> None:
        if not isinstance(document, Session):
            self._forget(id)
            return
        self._keep(document)
        if document.revoked_at is not None:
            self._host.ask_again(document.user_id)


def family_of(session: Session) -> refresh.Family | None:
    """The family of refresh tokens that a session holds."""
    if session.refresh_key is None or session.refresh_current is None or session.refresh_until is None:
        return None
    return refresh.Family(
        key=session.refresh_key,
        current_hash=session.refresh_current,
        born_at=session.created_at,
        expires_at=session.refresh_until,
        previous_hash=session.refresh_previous,
        salt=session.refresh_salt,
        rotated_at=session.refresh_rotated_at,
        rotations=session.refresh_rotations,
        revoked_at=session.revoked_at,
    )


def _with(session: Session, family: refresh.Family) -> Session:
    return replace(
        session,
        refresh_key=family.key,
        refresh_current=family.current_hash,
        refresh_previous=family.previous_hash,
        refresh_salt=family.salt,
        refresh_rotated_at=family.rotated_at,
        refresh_rotations=family.rotations,
        refresh_until=family.expires_at,
    )
