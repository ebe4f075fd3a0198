"""Media: the reference that a message holds, and where its bytes are."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from patchbay.model.content import MediaState
from patchbay.model.document import Document, Value

MediaKind = Literal["image", "video", "audio", "document", "sticker"]


class ProviderMedia(Value, frozen=True, kw_only=True):
    """Where the provider keeps it, for as long as it does."""

    media_id: str | None = None
    unique_id: str | None = None
    url: str | None = None
    expires_at: datetime | None = None
    sha256: str | None = None


class Media(Document, frozen=True, kw_only=True):
    """One file. ``mime_type`` is sniffed from the bytes, ``declared_mime_type`` is what the sender said.

    The bytes are stored once per content: ``sha256`` (hex) is the storage key, and several media may share it.
    """

    kind: MediaKind
    state: MediaState = "pending"
    mime_type: str | None = None
    declared_mime_type: str | None = None
    size: int | None = None
    sha256: str | None = None
    filename: str | None = None
    account_id: str | None = None
    message_id: str | None = None
    thread_id: str | None = None
    conversation_id: str | None = None
    provider: ProviderMedia = ProviderMedia()
    attempts: int = 0
    next_attempt_at: datetime | None = None
    error: str | None = None


class Upload(Document, frozen=True, kw_only=True):
    """A media already handed to one account's provider, so that the next send need not upload it again."""

    media_id: str
    account_id: str
    provider_media_id: str
    expires_at: datetime
