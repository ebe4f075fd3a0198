"""Taking uploads: bounded by what they turn out to be, kept once, told in the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from patchbay.collections import MEDIA
from patchbay.errors import StateConflict, TooLarge
from patchbay.media.service import MediaService
from patchbay.ports import Query
from patchbay.settings import HttpSettings
from tests.core.plain_post import Stage, stage

PNG = b"\x89PNG\r\n\x1a\n"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def service(on: Stage) -> MediaService:
    return MediaService(on.inbox, on.media, HttpSettings(image_max_bytes=2000, document_max_bytes=5000))


async def test_an_upload_is_what_its_bytes_say_and_the_log_tells_of_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        media = await service(on).upload(chunks(PNG, b"\0" * 100), "a.html", "text/html")
        assert (media.kind, media.mime_type, media.declared_mime_type) == ("image", "image/png", "text/html")
        assert (media.size, media.filename, media.state) == (108, "a.html", "stored")
        told = await on.inbox.store.read(0, 10)
        assert [event.type for event in told] == ["media.stored"]
        assert b"".join([part async for part in service(on).open(media, 4, 4)]) == b"\r\n\x1a\n"


async def test_the_same_bytes_are_two_documents_and_one_file(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        first, second = [await service(on).upload(chunks(b"same"), name, "text/plain") for name in ("a.txt", "b.txt")]
        assert first.id != second.id
        assert first.sha256 == second.sha256
        assert len([path for path in (tmp_path / "media").rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(("head", "size"), [(PNG, 2500), (b"", 5001)])
async def test_what_is_too_large_for_what_it_is_leaves_no_document(tmp_path: Path, head: bytes, size: int) -> None:
    async with stage(tmp_path) as on:
        with pytest.raises(TooLarge):
            await service(on).upload(chunks(head, b"x" * (size - len(head))), None, "application/pdf")
        assert await on.inbox.store.count(Query(MEDIA)) == 0


async def test_what_is_not_here_is_not_given_out(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        media = await service(on).upload(chunks(b"x"), None, "text/plain")
        gone = await on.inbox.run(lambda uow: uow.put(MEDIA, uow.need(MEDIA, media.id), state="purged"))
        with pytest.raises(StateConflict):
            service(on).open(gone)
