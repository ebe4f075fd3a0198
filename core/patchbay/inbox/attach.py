"""Binding a file at the provider to a media document of ours. No IO."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from patchbay.channel import RemoteMedia
from patchbay.collections import MEDIA
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import MediaRef, media_of, type_of, with_media
from patchbay.model.ids import media_id
from patchbay.model.media import Media, MediaKind, ProviderMedia
from patchbay.model.message import Message

KINDS: dict[str, MediaKind] = {
    "image": "image",
    "video": "video",
    "audio": "audio",
    "document": "document",
    "sticker": "sticker",
}


def attached(uow: UnitOfWork, message: Message, remote: RemoteMedia | None, *, revision: int = 0) -> Message:
    """The message with its media reference bound to a media document, which waits to be fetched.

    A message never waits for its media: it is shown as ``pending`` until a worker has the bytes.
    """
    placeholder = media_of(message.content)
    if placeholder is None or placeholder.id or placeholder.url is not None:
        return message
    if remote is None:
        remote = RemoteMedia(error="the provider named no file")
    id = media_id(message.id, remote.unique_id or revision)
    media = Media(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        kind=KINDS.get(type_of(message.content), "document"),
        state="failed" if remote.error else "pending",
        declared_mime_type=remote.mime_type,
        size=remote.size,
        filename=remote.filename or placeholder.filename,
        account_id=message.account_id,
        message_id=message.id,
        thread_id=message.thread_id,
        conversation_id=message.conversation_id,
        provider=ProviderMedia(
            media_id=remote.provider_id,
            unique_id=remote.unique_id,
            url=remote.url,
            sha256=remote.sha256,
            expires_at=None
            if remote.lifetime_s is None
            else message.occurred_at + timedelta(seconds=remote.lifetime_s),
        ),
        next_attempt_at=None if remote.error else uow.now,
        error=remote.error,
    )
    known = uow.get(MEDIA, id)
    if known is None:
        uow.add(MEDIA, media)
    held = known or media
    reference = MediaRef(
        id=id,
        mime_type=held.mime_type or held.declared_mime_type,
        size=held.size,
        filename=held.filename,
        state=held.state,
    )
    return replace(message, content=with_media(message.content, reference))
