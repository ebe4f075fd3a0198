"""Taking uploads and giving files out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from patchbay.collections import MEDIA
from patchbay.errors import StateConflict, TooLarge
from patchbay.inbox.unit import UnitOfWork
from patchbay.media.sniff import kind_of, sniffed
from patchbay.model.media import Media
from patchbay.ports import MediaStore, StoredBlob
from patchbay.service import Inbox
from patchbay.settings import HttpSettings
from patchbay.views import media_view


class MediaService:
    """Files as documents: the bytes are content-addressed, the document says what they are."""

    def __init__(self, inbox: Inbox, store: MediaStore, limits: HttpSettings) -> None:
        self._inbox = inbox
        self.store = store
        self._limits = limits

    async def keep(self, chunks: AsyncIterator[bytes]) -> StoredBlob:
        """The bytes of an upload, durable. Raises ``TooLarge``."""
        return await self.store.write(chunks, max_bytes=self._limits.document_max_bytes)

    async def upload(self, chunks: AsyncIterator[bytes], filename: str | None, declared: str | None) -> Media:
        """Keep an upload and make its document. Raises ``TooLarge`` past the limit of what it turns out to be."""
        blob = await self.keep(chunks)
        return await self._inbox.run(partial(self.stage, blob=blob, filename=filename, declared=declared))

    def stage(self, uow: UnitOfWork, *, blob: StoredBlob, filename: str | None, declared: str | None) -> Media:
        """Stage the document of bytes that were kept. Raises ``TooLarge``."""
        mime_type = sniffed(blob.head, declared)
        kind = kind_of(mime_type)
        if kind == "image" and blob.size > self._limits.image_max_bytes:
            raise TooLarge(f"An image may have at most {self._limits.image_max_bytes} bytes; this one has {blob.size}.")
        media = Media(
            id=uow.ids.new("med"),
            created_at=uow.now,
            updated_at=uow.now,
            kind=kind,
            state="stored",
            mime_type=mime_type,
            declared_mime_type=declared,
            size=blob.size,
            sha256=blob.sha256,
            filename=filename,
        )
        uow.add(MEDIA, media)
        uow.emit("media.stored", "media", media.id, media_view(media))
        return media

    def open(self, media: Media, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a stored media. Raises ``StateConflict`` (media_not_stored) while they are not here."""
        if media.state != "stored" or media.sha256 is None:
            raise StateConflict(
                f"The media is {media.state}.",
                code="media_not_stored",
                extra={"state": media.state, "error": media.error},
            )
        return self.store.read(media.sha256, start=start, length=length)
