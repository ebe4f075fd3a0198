"""How often one may guess: tries per account, per address, and per user for codes. Counted before anything is hashed.

An account is a login as it was typed, normalised, whether there is such a user or not: nothing in an answer tells. The
first five failures cost nothing; then each doubles the wait, up to 15 minutes, so that a day has room for about a
hundred guesses. A try that comes too early is refused, is not looked at and prolongs nothing. An account's wait ends
with its owner's success or after a quiet day; the count of an address is cleared by nobody, or an attacker could do so
with an account of his own.

The price: whoever guesses at an account at the very end of each wait keeps its owner from signing in anew, as long as
it goes on. Sessions, refresh tokens and API keys that the owner has are not touched by it.

Everything is in memory and bounded: the key that was counted longest ago goes first.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter

from patchbay.errors import TooMany
from patchbay.web.addresses import limiting_key
from patchbay.web.ratelimit import WindowStorage

if TYPE_CHECKING:
    from patchbay.ports import Clock

FREE_FAILURES: Final = 5  # section 7, "Login"
FIRST_DELAY_S: Final = 30.0
LONGEST_DELAY_S: Final = 15 * 60.0
FORGOTTEN_AFTER_S: Final = 24 * 3600.0
PER_ADDRESS: Final = 30  # a minute
CODES: Final = 5  # in CODES_MINUTES, per user; section 7, "TOTP"
CODES_MINUTES: Final = 15
MAX_KEYS: Final = 50_000  # accounts, addresses and users remembered, each


@dataclass(frozen=True)
class Tries:
    """The failures of one account since its last success, and the moment (monotonic seconds) the next may come."""

    failures: int = 0
    counted_at: float = 0.0
    next_at: float = 0.0


def delay_s(failures: int) -> float:
    """How long to wait after so many failures: nothing before the fifth, then 30 s, doubling up to 15 minutes."""
    if failures < FREE_FAILURES:
        return 0.0
    doublings = min(failures - FREE_FAILURES, 10)  # past that it is the longest anyway, and floats stay small
    return min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0**doublings)


def counted(tries: Tries, now: float) -> Tries:
    """The account after one more try, taken for a failure until it succeeds."""
    failures = 1 if now - tries.counted_at >= FORGOTTEN_AFTER_S else tries.failures + 1
    return Tries(failures, now, now + delay_s(failures))


class Accounts:
    """The tries of each account, at most ``max_keys`` of them."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._clock = clock
        self._max_keys = max_keys
        self._tries: OrderedDict[bytes, Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def take(self, login: str) -> None:
        """Count a try. Raises ``TooMany`` when it comes too early; that one is not counted."""
        now = self._clock.monotonic()
        key = account_key(login)
        tries = self._tries.get(key, Tries(counted_at=now))
        if now < tries.next_at:
            raise too_many(tries.next_at - now)
        self._tries[key] = counted(tries, now)
        self._tries.move_to_end(key)
        if len(self._tries) > self._max_keys:
            self._tries.popitem(last=False)

    def succeeded(self, login: str) -> None:
        """The try was right: forget the account's failures."""
        self._tries.pop(account_key(login), None)

    def not_looked_at(self, login: str) -> None:
        """The try was counted, and then nobody had time to hash it: it was no failure. Buys no guess, for none was."""
        key = account_key(login)
        tries = self._tries.get(key)
        if tries is None:
            return
        if tries.failures <= 1:
            del self._tries[key]
        else:
            failures = tries.failures - 1
            self._tries[key] = Tries(failures, tries.counted_at, tries.counted_at + delay_s(failures))


class SignIns:
    """Both limits of sign-in: ask ``admit`` before the user is looked up, tell ``succeeded`` after."""

    def __init__(self, clock: Clock, *, per_address: int = PER_ADDRESS, max_keys: int = MAX_KEYS) -> None:
        self.accounts = Accounts(clock, max_keys=max_keys)
        self._addresses = Window(RateLimitItemPerMinute(per_address, namespace="SIGN-IN"), clock, max_keys=max_keys)

    async def admit(self, login: str, address: str) -> None:
        """Count a try of this address at this account. Raises ``TooMany`` with Retry-After."""
        await self._addresses.take(limiting_key(address))
        self.accounts.take(login)

    def succeeded(self, login: str) -> None:
        """The password was right. With a second factor to come, say so only when that was right too."""
        self.accounts.succeeded(login)

    def not_looked_at(self, login: str) -> None:
        """The hasher refused (``SignInUnavailable``): give the account its try back, the address not."""
        self.accounts.not_looked_at(login)


class CodeTries:
    """Five codes in a quarter of an hour per user, from authenticator app and paper together."""

    def __init__(self, clock: Clock, *, max_keys: int = MAX_KEYS) -> None:
        self._window = Window(RateLimitItemPerMinute(CODES, CODES_MINUTES, namespace="CODE"), clock, max_keys=max_keys)

    async def admit(self, user_id: str) -> None:
        """Count a try. Raises ``TooMany`` with Retry-After."""
        await self._window.take(user_id)

    async def succeeded(self, user_id: str) -> None:
        """The code was right: the user's next sign-ins count anew."""
        await self._window.clear(user_id)


class Window:
    """So many in a fixed window, by the ``limits`` library; the window of a key begins with its first try."""

    def __init__(self, item: RateLimitItem, clock: Clock, *, max_keys: int) -> None:
        self._item = item
        self._clock = clock
        self._storage = WindowStorage(clock=clock, max_keys=max_keys)
        self._strategy = FixedWindowRateLimiter(self._storage)

    async def take(self, key: str) -> None:
        """Count one. Raises ``TooMany``."""
        if await self._strategy.hit(self._item, key):
            return
        window = await self._strategy.get_window_stats(self._item, key)
        raise too_many(window.reset_time - self._clock.now().timestamp())

    async def clear(self, key: str) -> None:
        await self._strategy.clear(self._item, key)


def account_key(login: str) -> bytes:
    """One key for every spelling of a login, of one size whatever was typed: memory is bounded in bytes too."""
    spelled = unicodedata.normalize("NFKC", login).casefold().strip()
    return hashlib.blake2b(spelled.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def too_many(wait_s: float) -> TooMany:
    """The refusal. It says how long to wait, and not which limit it was."""
    seconds = max(1, ceil(wait_s))
    return TooMany(
        f"Too many tries; wait {seconds} s.", headers={"Retry-After": str(seconds)}, extra={"retryable": True}
    )
