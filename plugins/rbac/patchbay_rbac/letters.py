"""Letters with a link that works once: an invitation, a new password, the proof of a mail address (E22).

A letter is a row, written in the commit that asks for it; the token is in nobody's hands but of whoever reads the
mail. Sending comes after the commit and may fail: what was asked for stays on record either way. The link is made of
the setting ``http.public_url``, never of what a request says about its host.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from limits import RateLimitItemPerMinute

from patchbay.errors import StateConflict, Unauthenticated
from patchbay.inbox.unit import UnitOfWork
from patchbay.ports import Query, Where
from patchbay.web.addresses import limiting_key
from patchbay_rbac.credentials import opaque
from patchbay_rbac.credentials.throttling import MAX_KEYS, Window, account_key
from patchbay_rbac.documents import LETTERS, USERS, Letter, LetterPurpose, User

if TYPE_CHECKING:
    from patchbay.ports import Host

log = structlog.get_logger(__name__)

LIFETIMES: Final[dict[LetterPurpose, timedelta]] = {
    "invite": opaque.INVITE_LIFETIME,
    "reset": opaque.RESET_LIFETIME,
    "register": opaque.RESET_LIFETIME,
}
PER_ADDRESS: Final = 30  # askings a minute, as of sign-ins; section 7, "Login"
PER_ACCOUNT: Final = 3  # in ACCOUNT_MINUTES: nobody's mailbox is filled by strangers
ACCOUNT_MINUTES: Final = 15
KEPT: Final = timedelta(days=30)  # a letter that can no longer be used is on record for so long
SWEPT: Final = 100  # old letters removed at a time

_PAGES: Final[dict[LetterPurpose, str]] = {
    "invite": "invitation",
    "reset": "reset-password",
    "register": "registration",
}
_WORDS: Final[dict[LetterPurpose, tuple[str, str, str]]] = {
    "invite": ("You are invited to Patchbay", "You are invited to Patchbay. Choose a password with this", "7 days"),
    "reset": ("A new password for Patchbay", "A new password was asked for. Set it with this", "30 minutes"),
    "register": ("Your registration at Patchbay", "Go on with your registration with this", "30 minutes"),
}
_ALREADY: Final = (
    "Somebody, perhaps you, asked to register this address. You are registered already: sign in, or ask for a new "
    "password."
)


class Letters:
    """Writes letters in units of work, sends them, and takes their tokens once."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = None if public_url is None else public_url.rstrip("/")
        self._host: Host
        self._addresses: Window
        self._accounts: Window
        self._warned = False

    def open(self, host: Host) -> None:
        self._host = host
        address, account = (
            RateLimitItemPerMinute(PER_ADDRESS, namespace="LETTER"),
            RateLimitItemPerMinute(PER_ACCOUNT, ACCOUNT_MINUTES, namespace="LETTER"),
        )
        self._addresses = Window(address, host.clock, max_keys=MAX_KEYS)
        self._accounts = Window(account, host.clock, max_keys=MAX_KEYS)

    async def admit(self, login: str, address: str) -> None:
        """Count an asking for a letter to this login, whether it is somebody's or not. Raises ``TooMany``."""
        await self._addresses.take(limiting_key(address))
        await self._accounts.take(account_key(login).hex())

    # writing

    def invite(self, uow: UnitOfWork, user_id: str) -> str:
        """The token of an invitation; those from before mean nothing any more. Raises ``NotFound``; ``StateConflict``
        for somebody who is not waiting for one."""
        user = uow.need(USERS, user_id)
        if user.status != "invited":
            raise StateConflict(f"Only who is invited can be sent an invitation; this person is {user.status}.")
        self.void(uow, user_id)
        return self.write(uow, "invite", user.login, user)

    def write(self, uow: UnitOfWork, purpose: LetterPurpose, login: str, user: User | None) -> str:
        """The token of a new letter. Without a user it is one that nobody gets: it was asked for all the same."""
        token = opaque.new_token()
        letter = Letter(
            id=uow.ids.new("let"),
            created_at=uow.now,
            updated_at=uow.now,
            purpose=purpose,
            user_id=None if user is None else user.id,
            login=login,
            token_hash=opaque.digest(_bound(purpose), token),
            expires_at=uow.now + LIFETIMES[purpose],
        )
        uow.add(LETTERS, letter)
        return token

    @staticmethod
    def void(uow: UnitOfWork, user_id: str) -> None:
        """What was sent to this user means nothing from now on."""
        for letter in uow.find(Query(LETTERS, (Where("user_id", "eq", user_id),), sort="-user_id", limit=200)):
            if letter.used_at is None:
                uow.put(LETTERS, letter, used_at=uow.now)

    # taking

    async def standing(self, purpose: LetterPurpose, token: str) -> Letter | None:
        """The letter of this token while it can be used: a look before anything is hashed."""
        if not opaque.is_token(token):
            return None
        page = await self._host.store.find(_found_by(purpose, token))
        now = self._host.clock.now()
        return next((letter for letter in page.items if letter.used_at is None and now < letter.expires_at), None)

    @staticmethod
    def take(uow: UnitOfWork, purpose: LetterPurpose, token: str) -> Letter:
        """Use the letter, which works once. Raises ``Unauthenticated``, the same whatever is wrong with it."""
        for letter in uow.find(_found_by(purpose, token)):
            kept = opaque.OneUse(letter.token_hash, _bound(purpose), letter.expires_at, letter.used_at)
            if opaque.redeem(kept, token, uow.now) is not None:
                return uow.put(LETTERS, letter, used_at=uow.now)
        raise wrong_letter()

    # sending

    def link(self, purpose: LetterPurpose, token: str) -> str | None:
        """Where the token is to be used; None where nobody said at which address this gateway is reached. The token
        stands behind the ``#``, which browsers send to no server."""
        if self._public_url is None:
            return None
        return f"{self._public_url}/{_PAGES[purpose]}#token={token}"

    async def send(self, purpose: LetterPurpose, recipient: str, token: str) -> bool:
        """Whether a notifier took the letter."""
        subject, words, time = _WORDS[purpose]
        link = self.link(purpose, token)
        what = "token" if link is None else "link"
        end = f"It works once, within {time}. Whoever did not ask for it may ignore it."
        text = f"{words} {what}:\n\n{link or token}\n\n{end}\n"
        return await self._told(recipient, subject, text)

    async def send_already(self, recipient: str) -> bool:
        """Tell somebody who is registered that they need not register."""
        return await self._told(recipient, _WORDS["register"][0], f"{_ALREADY}\n")

    async def sweep(self) -> None:
        """Remove some of the letters that are long past."""

        def command(uow: UnitOfWork) -> None:
            past = Where("expires_at", "lt", uow.now - KEPT)
            for letter in uow.find(Query(LETTERS, (past,), sort="expires_at", limit=SWEPT)):
                uow.remove(LETTERS, letter)

        await self._host.run(command)

    async def _told(self, recipient: str, subject: str, text: str) -> bool:
        taken = await self._host.notify(recipient, subject, text)
        if not taken and not self._warned:
            self._warned = True
            log.warning("rbac.letter_not_sent", told="no notifier took a letter; set one up, such as the plugin email")
        return taken


def wrong_letter() -> Unauthenticated:
    """What is said of each token that does not work."""
    return Unauthenticated("This link is wrong, too old, or was used already; ask for a new one.", code="invalid_code")


def _bound(purpose: LetterPurpose) -> opaque.Purpose:
    """Who proves a new address and who is invited use the same operation; their tokens are of one kind."""
    return "reset" if purpose == "reset" else "invite"


def _found_by(purpose: LetterPurpose, token: str) -> Query[Letter]:
    digest = opaque.digest(_bound(purpose), token)
    return Query(LETTERS, (Where("token_hash", "eq", digest),), sort="token_hash", limit=1)
