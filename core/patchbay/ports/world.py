"""Time, chance and files, injected so that tests own them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, injected so that tests own it."""

    def now(self) -> datetime:
        """Aware, UTC, whole milliseconds."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    async def sleep(self, seconds: float) -> None: ...


class Ids(Protocol):
    """New ids and tokens, injected so that tests can foretell them."""

    def new(self, prefix: str) -> str:
        """A new id that sorts after those made before it: ``{prefix}_`` and 32 hex digits."""

    def token(self) -> str:
        """256 random bits, URL-safe."""

    def jitter(self) -> float:
        """A random number from 0 up to 1."""


class MediaStore(Protocol):
    """Bytes by their SHA-256. Writing the same content twice keeps one copy."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        """Keep the bytes durably. Raises ``TooLarge`` past ``max_bytes``; nothing is kept then."""

    async def size(self, sha256: str) -> int | None:
        """How many bytes, None when there are none by that key."""

    def read(self, sha256: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, from ``start`` on, in chunks. Raises ``NotFound``."""

    async def delete(self, sha256: str) -> None: ...


@dataclass(frozen=True)
class StoredBlob:
    """What was written: hex digest, bytes in all, and the first 8 KiB for sniffing."""

    sha256: str
    size: int
    head: bytes
