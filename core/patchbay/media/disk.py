"""Media on disk: one file per content, named by its SHA-256."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from patchbay.errors import ConfigError, NotFound, StoreUnavailable, TooLarge
from patchbay.ports import StoredBlob

T = TypeVar("T")
CHUNK = 64 * 1024
HEAD = 8 * 1024  # kept for sniffing
_READ_AHEAD = 4  # chunks per trip to a thread
_DIGEST = re.compile(r"[0-9a-f]{64}")


class DiskMediaStore:
    """``patchbay.ports.MediaStore`` as ``{folder}/{aa}/{sha256}``.

    A file appears under its name only once it is whole and on disk; what a kill leaves half-written lies in
    ``{folder}/incoming`` and is removed at the next ``open``, unless another process still writes it.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._incoming = self._folder / "incoming"

    async def open(self) -> None:
        """Raises ``ConfigError`` when the folder cannot be used."""
        try:
            await asyncio.to_thread(self._prepare)
        except OSError as error:
            raise ConfigError(f"The media folder {self._folder} cannot be used: {error.strerror or error}.") from error

    async def close(self) -> None:
        """Nothing is held between calls."""

    async def write(self, chunks: AsyncIterator[bytes], *, max_bytes: int) -> StoredBlob:
        """Raises ``StoreUnavailable`` when the disk does not take it."""
        incoming = await self._disk(_Incoming, self._incoming)
        try:
            async for chunk in chunks:
                if incoming.size + len(chunk) > max_bytes:
                    raise TooLarge(f"A file may have at most {max_bytes} bytes.")
                await self._disk(incoming.add, chunk)
            return await self._disk(incoming.keep, self._folder)
        finally:
            incoming.drop()

    async def size(self, sha256: str) -> int | None:
        path = self._path(sha256)
        if path is None:
            return None
        try:
            return (await asyncio.to_thread(path.stat)).st_size
        except FileNotFoundError:
            return None

    async def read(self, sha256: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes in chunks of at most 64 KiB. Raises ``NotFound``."""
        path = self._path(sha256)
        try:
            if path is None:
                raise FileNotFoundError
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise NotFound("The file is not kept any more.") from None
        with file:
            file.seek(max(start, 0))
            left = length
            while left is None or left > 0:
                block = await asyncio.to_thread(_read, file, left)
                if not block:
                    return
                if left is not None:
                    left -= len(block)
                for place in range(0, len(block), CHUNK):
                    yield block[place : place + CHUNK]

    async def delete(self, sha256: str) -> None:
        path = self._path(sha256)
        if path is not None:
            await asyncio.to_thread(path.unlink, True)

    async def _disk(self, call: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.to_thread(call, *arguments)
        except OSError as error:
            raise StoreUnavailable(f"The media folder cannot be written: {error.strerror or error}.") from error

    def _path(self, digest: str) -> Path | None:
        """Where a content lies; None for what is no digest, so that no name can lead elsewhere."""
        return self._folder / digest[:2] / digest if _DIGEST.fullmatch(digest) else None

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incoming.mkdir(mode=0o700, exist_ok=True)
        for path in self._incoming.iterdir():
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while a writer is at it
                path.unlink()


class _Incoming:
    """A file that is being written. Its methods block."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder)  # mode 0600
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._path = Path(name)
        self._digest = sha256()
        self._head = b""
        self.size = 0
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def add(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._digest.update(chunk)
        self.size += len(chunk)
        if len(self._head) < HEAD:
            self._head += chunk[: HEAD - len(self._head)]

    def keep(self, folder: Path) -> StoredBlob:
        """Make it durable under its name; the same content again keeps the file that is there."""
        digest = self._digest.hexdigest()
        target = folder / digest[:2] / digest
        if not target.exists():
            os.fsync(self._file.fileno())
            if not target.parent.exists():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(folder)
            self._path.replace(target)
        _sync_folder(target.parent)  # the name must be as durable as the bytes, whoever gave it
        return StoredBlob(sha256=digest, size=self.size, head=self._head)

    def drop(self) -> None:
        """Let go; what was not kept is gone."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _read(file: BinaryIO, left: int | None) -> bytes:
    most = CHUNK * _READ_AHEAD
    return file.read(most if left is None else min(left, most))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
