"""What every ``patchbay.ports.MediaStore`` has to do, as tests to inherit."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from patchbay.errors import NotFound, TooLarge
from patchbay.ports import MediaStore

MANY = 10**9


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def content(store: MediaStore, digest: str, *, start: int = 0, length: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in store.read(digest, start=start, length=length)])


class MediaStoreContract:
    """Inherit, name the class ``Test...`` and give ``make_media_store``."""

    def make_media_store(self, folder: Path) -> MediaStore:
        raise NotImplementedError

    @pytest.fixture
    async def media(self, tmp_path: Path) -> AsyncIterator[MediaStore]:
        store = self.make_media_store(tmp_path / "media")
        await store.open()
        yield store
        await store.close()

    async def test_what_was_written_is_read_back(self, media: MediaStore) -> None:
        blob = await media.write(pieces(b"one ", b"", b"two"), max_bytes=MANY)
        assert (blob.sha256, blob.size, blob.head) == (hashlib.sha256(b"one two").hexdigest(), 7, b"one two")
        assert await content(media, blob.sha256) == b"one two"
        assert await media.size(blob.sha256) == 7

    async def test_the_same_content_twice_is_kept_once(self, media: MediaStore) -> None:
        first = await media.write(pieces(b"same"), max_bytes=MANY)
        second = await media.write(pieces(b"sa", b"me"), max_bytes=MANY)
        assert first == second
        await media.delete(first.sha256)
        assert await media.size(first.sha256) is None

    async def test_the_same_content_by_many_at_once(self, media: MediaStore) -> None:
        blobs = await asyncio.gather(*[media.write(pieces(b"x" * 100_000), max_bytes=MANY) for _ in range(8)])
        assert len(set(blobs)) == 1
        assert await content(media, blobs[0].sha256) == b"x" * 100_000

    async def test_nothing_can_be_kept(self, media: MediaStore) -> None:
        blob = await media.write(pieces(), max_bytes=0)
        assert blob.size == 0
        assert await content(media, blob.sha256) == b""

    async def test_the_bound_itself_is_allowed(self, media: MediaStore) -> None:
        assert (await media.write(pieces(b"12", b"34"), max_bytes=4)).size == 4

    async def test_past_the_bound_nothing_is_kept(self, media: MediaStore) -> None:
        with pytest.raises(TooLarge):
            await media.write(pieces(b"12", b"345"), max_bytes=4)
        assert await media.size(hashlib.sha256(b"12345").hexdigest()) is None
        assert await media.size(hashlib.sha256(b"12").hexdigest()) is None

    async def test_a_source_that_breaks_leaves_nothing(self, media: MediaStore) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            raise ConnectionError("gone")

        with pytest.raises(ConnectionError):
            await media.write(broken(), max_bytes=MANY)
        assert await media.size(hashlib.sha256(b"half").hexdigest()) is None

    async def test_the_head_is_the_first_eight_kibibytes(self, media: MediaStore) -> None:
        body = bytes(range(256)) * 100
        blob = await media.write(pieces(body[:5_000], body[5_000:]), max_bytes=MANY)
        assert blob.head == body[: 8 * 1024]

    @pytest.mark.parametrize(
        ("start", "length"),
        [(0, None), (1, None), (0, 1), (70_000, 70_000), (199_999, None), (199_999, 10), (200_000, None), (10**7, 5)],
    )
    async def test_a_range_of_it_can_be_read(self, media: MediaStore, start: int, length: int | None) -> None:
        body = bytes(range(250)) * 800
        blob = await media.write(pieces(body), max_bytes=MANY)
        end = None if length is None else start + length
        assert await content(media, blob.sha256, start=start, length=length) == body[start:end]

    async def test_it_comes_in_chunks(self, media: MediaStore) -> None:
        blob = await media.write(pieces(b"z" * 300_000), max_bytes=MANY)
        assert max([len(chunk) async for chunk in media.read(blob.sha256)]) <= 64 * 1024

    async def test_a_reader_that_stops_early_is_fine(self, media: MediaStore) -> None:
        blob = await media.write(pieces(b"z" * 1_000_000), max_bytes=MANY)
        reader = media.read(blob.sha256)
        assert await anext(reader)
        await reader.aclose()  # type: ignore[attr-defined]
        await media.delete(blob.sha256)

    async def test_what_was_deleted_is_not_found(self, media: MediaStore) -> None:
        blob = await media.write(pieces(b"short life"), max_bytes=MANY)
        await media.delete(blob.sha256)
        await media.delete(blob.sha256)
        with pytest.raises(NotFound):
            await content(media, blob.sha256)

    @pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "g" * 64, "/" * 64, "a" * 64])
    async def test_no_other_name_leads_anywhere(self, media: MediaStore, name: str) -> None:
        assert await media.size(name) is None
        await media.delete(name)
        with pytest.raises(NotFound):
            await content(media, name)

    async def test_it_outlives_a_restart(self, tmp_path: Path) -> None:
        first = self.make_media_store(tmp_path / "media")
        await first.open()
        blob = await first.write(pieces(b"kept"), max_bytes=MANY)
        await first.close()
        second = self.make_media_store(tmp_path / "media")
        await second.open()
        assert await content(second, blob.sha256) == b"kept"
        await second.close()
