"""Password hashing: argon2id in two threads of its own, with a queue that has an end.

A hash takes a core and 64 MiB for a while. In the event loop it would stop everything, without a bound on the threads
many sign-ins at once would take the memory, and without one on the queue the last in it would wait for minutes.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from patchbay.errors import ConfigError, SignInUnavailable
from patchbay.secrets import Entropy

THREADS: Final = 2  # section 7, "Password"
WAITING: Final = 32  # hashes asked for and not begun; at 64 MiB, 3, 4 that is a few seconds of two cores
RETRY_AFTER_S: Final = 2.0
LONGEST: Final = 1024  # characters that are hashed at all; none of more than 256 was ever accepted
HASH_BYTES: Final = 32
SALT_BYTES: Final = 16
NICENESS: Final = 19  # the most: a hash may wait for a request, not a request for a hash
_STOPPING: Final = "The server is stopping; try again."

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """What one hash costs: memory in KiB, passes over it, lanes. It may be lowered to the floor, and no further.

    Source: section 7, "Password"; the floor is the OWASP Password Storage Cheat Sheet's smallest for argon2id.
    Raises ``ConfigError``.
    """

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        for name, value, least, most, unit in (
            ("MEMORY_KIB", self.memory_kib, FLOOR_MEMORY_KIB, 1024 * 1024, " KiB"),
            ("PASSES", self.passes, FLOOR_PASSES, 20, ""),
            ("LANES", self.lanes, FLOOR_LANES, 16, ""),
        ):
            if not least <= value <= most:
                setting = f"PATCHBAY_RBAC__PASSWORD_{name}"
                raise ConfigError(f"{setting} is {value}{unit}; set a number from {least} to {most}{unit}.")


FLOOR_MEMORY_KIB: Final = 19 * 1024
FLOOR_PASSES: Final = 2
FLOOR_LANES: Final = 1
FLOOR: Final = Cost(FLOOR_MEMORY_KIB, FLOOR_PASSES, FLOOR_LANES)


class Verdict(NamedTuple):
    """Whether the password is right, and then whether its hash should be made anew: the cost was changed."""

    ok: bool
    needs_rehash: bool


WRONG: Final = Verdict(ok=False, needs_rehash=False)


def normalised(password: str) -> str:
    """NFKC: the same password from every keyboard, however it composes its accents."""
    return unicodedata.normalize("NFKC", password)


class Hasher:
    """Hashes and verifies. Each method raises ``SignInUnavailable`` (503, Retry-After) when too many wait already."""

    def __init__(
        self, cost: Cost | None = None, *, waiting: int = WAITING, threads: int = THREADS, entropy: Entropy = os.urandom
    ) -> None:
        self.cost = cost or Cost()
        self._argon2 = PasswordHasher(
            time_cost=self.cost.passes,
            memory_cost=self.cost.memory_kib,
            parallelism=self.cost.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
        )
        self._entropy = entropy
        self._nobodys = _hash_of_no_password(self.cost, entropy)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="password", initializer=_step_back)
        self._most = waiting + threads
        self._asked_for = 0
        self._counting = threading.Lock()

    @property
    def asked_for(self) -> int:
        """How many hashes wait or are being made."""
        return self._asked_for

    async def hash(self, password: str) -> str:
        """What to keep of a password that ``strength.check`` accepted."""
        secret = normalised(password).encode()
        salt = self._entropy(SALT_BYTES)
        return await self._in_pool(lambda: self._argon2.hash(secret, salt=salt))

    async def verify(self, kept: str, password: str) -> Verdict:
        """Whether the password is the one that ``kept`` was made of. A wrong one is no error, nor is a broken hash."""
        secret = _secret(password)
        if secret is None:
            return await self.verify_nobody(password)
        return await self._in_pool(lambda: self._verdict(kept, secret))

    async def verify_nobody(self, password: str) -> Verdict:
        """Never right, and takes as long as ``verify``: for users that do not exist, or have no password (E18)."""
        secret = _secret(password) or b""
        await self._in_pool(lambda: self._verdict(self._nobodys, secret))
        return WRONG

    def close(self) -> None:
        """Begin no more hashes. Those that wait are cancelled; one that runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verdict(self, kept: str, secret: bytes) -> Verdict:
        try:
            self._argon2.verify(kept, secret)
        except VerificationError:
            return WRONG
        except (InvalidHashError, UnicodeEncodeError):  # a damaged store must not tell who is in it
            return self._verdict(self._nobodys, secret)
        return Verdict(ok=True, needs_rehash=self._argon2.check_needs_rehash(kept))

    async def _in_pool(self, work: Callable[[], Result]) -> Result:
        with self._counting:
            if self._asked_for >= self._most:
                raise SignInUnavailable("Many people sign in just now; try again.", retry_after_s=RETRY_AFTER_S)
            self._asked_for += 1
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # closed: the process stops
            self._ended()
            raise SignInUnavailable(_STOPPING, retry_after_s=RETRY_AFTER_S) from None
        future.add_done_callback(self._ended)  # done, failed, or cancelled with its request before it began
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise SignInUnavailable(_STOPPING, retry_after_s=RETRY_AFTER_S) from None

    def _ended(self, _: Future[Result] | None = None) -> None:
        with self._counting:
            self._asked_for -= 1


def _secret(password: str) -> bytes | None:
    """The bytes to verify, None when no kept password can have them."""
    if len(password) > LONGEST:
        return None
    try:
        return normalised(password).encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def _hash_of_no_password(cost: Cost, entropy: Entropy) -> str:
    """A hash with the present cost whose digest is random: no password fits, and it takes no time to make."""
    salt, digest = (base64.b64encode(entropy(size)).rstrip(b"=").decode("ascii") for size in (SALT_BYTES, HASH_BYTES))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"


def _step_back() -> None:
    """Let the loop go first where cores are few. Linux keeps niceness per thread; elsewhere it is the process's."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it; the hash is made all the same
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
