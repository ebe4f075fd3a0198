"""Values for tests of the way out: an account, people, a stored file, a message about to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from patchbay.channel import Outgoing, Recipient
from patchbay.model.account import ChannelAccount
from patchbay.model.contact import Identity, IdentityKind, IdentityStatus
from patchbay.model.content import AnyContent
from patchbay.model.conversation import Window
from patchbay.model.media import Media, MediaKind, ProviderMedia

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPEN = Window(kind="service", opened_by="msg_0", expires_at=NOON + timedelta(hours=24))


def account(channel: str, external_id: str, parent_external_id: str | None = None, **settings: Any) -> ChannelAccount:
    """An active account; ``settings`` are its own."""
    return ChannelAccount(
        id="acc_1",
        created_at=NOON,
        updated_at=NOON,
        channel=channel,
        name="Support",
        external_id=external_id,
        parent_external_id=parent_external_id,
        settings=settings,
    )


def identity(kind: IdentityKind, value: str, *, channel: str, status: IdentityStatus = "active") -> Identity:
    """One key of a person."""
    return Identity(
        id=f"idn_{kind}_{value}",
        created_at=NOON,
        updated_at=NOON,
        contact_id="con_1",
        line_id="idn_1",
        channel=channel,
        kind=kind,
        scope="global",
        value=value,
        status=status,
        first_seen_at=NOON,
        last_seen_at=NOON,
    )


def recipient(*identities: Identity, window: Window = OPEN) -> Recipient:
    """A person with these keys, in an open window."""
    return Recipient(identities=identities, window=window)


def stored_file(
    kind: MediaKind,
    mime_type: str | None,
    size: int | None = 1000,
    *,
    filename: str | None = None,
    provider: ProviderMedia | None = None,
) -> Media:
    """A file whose bytes are kept."""
    return Media(
        id="med_1",
        created_at=NOON,
        updated_at=NOON,
        kind=kind,
        state="stored",
        mime_type=mime_type,
        size=size,
        sha256="0" * 64,
        filename=filename,
        provider=provider or ProviderMedia(),
    )


def outgoing(
    content: AnyContent,
    to: Recipient,
    *,
    reply_to: str | None = None,
    media: Media | None = None,
    provider_media_id: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Outgoing:
    """The message ``msg_1``, whose reference is ``ref_1``."""
    return Outgoing(
        message_id="msg_1",
        reference="ref_1",
        content=content,
        recipient=to,
        reply_to=reply_to,
        media=media,
        provider_media_id=provider_media_id,
        options=options or {},
    )
