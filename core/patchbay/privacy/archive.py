"""A zip that is made while it is written away: never whole in memory, nor in a file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

PRIVATE = 0o600 << 16  # the mode of an entry, as zip keeps it


class _Tap:
    """What ``ZipFile`` writes to: it cannot go back, so entries carry their sizes behind them."""

    def __init__(self) -> None:
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        self._held += data
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


class Archive:
    """Entries one after the other; each call gives the bytes that are ready by then."""

    def __init__(self, made_at: datetime) -> None:
        self._tap = _Tap()
        self._zip = ZipFile(cast("object", self._tap), "w")  # type: ignore[call-overload]
        self._made_at = made_at
        self.names: list[str] = []

    async def add(self, name: str, chunks: AsyncIterator[bytes], *, packed: bool = True) -> AsyncIterator[bytes]:
        """An entry, its bytes as they come. What is packed already (a picture) is only stored."""
        info = ZipInfo(name, self._made_at.timetuple()[:6])
        info.compress_type = ZIP_DEFLATED if packed else ZIP_STORED
        info.external_attr = PRIVATE
        self.names.append(name)
        with self._zip.open(info, "w", force_zip64=True) as entry:
            async for chunk in chunks:
                entry.write(chunk)
                if ready := self._tap.take():
                    yield ready
        yield self._tap.take()

    def close(self) -> bytes:
        """The table of contents, which ends it."""
        self._zip.close()
        return self._tap.take()
