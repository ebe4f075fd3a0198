"""Files that a provider holds already, by account: handed over once, sent again by the provider's id. No IO."""

from __future__ import annotations

from msgspec.structs import replace

from patchbay.channel import SendReceipt
from patchbay.collections import MESSAGES, UPLOADS
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.content import media_of
from patchbay.model.ids import derived_id
from patchbay.model.media import Upload
from patchbay.model.outbox import OutboxEntry


def keep_upload(uow: UnitOfWork, entry: OutboxEntry, receipt: SendReceipt) -> None:
    """Remember what the account's provider calls the file that this send handed over."""
    uploaded = receipt.uploaded
    if uploaded is None:
        return
    id = upload_id(uploaded.media_id, entry.account_id)
    fresh = Upload(
        id=id,
        created_at=uow.now,
        updated_at=uow.now,
        media_id=uploaded.media_id,
        account_id=entry.account_id,
        provider_media_id=uploaded.provider_media_id,
        expires_at=uow.now + uploaded.lifetime,
    )
    known = uow.get(UPLOADS, id)
    if known is None:
        uow.add(UPLOADS, fresh)
    else:
        uow.put(UPLOADS, replace(fresh, version=known.version, created_at=known.created_at))


def forget_upload(uow: UnitOfWork, entry: OutboxEntry) -> None:
    """The provider may have lost what we uploaded: the next send uploads it again."""
    message = uow.get(MESSAGES, entry.message_id)
    named = None if message is None else media_of(message.content)
    upload = None if named is None else uow.get(UPLOADS, upload_id(named.id, entry.account_id))
    if upload is not None:
        uow.remove(UPLOADS, upload)


def upload_id(media_id: str, account_id: str) -> str:
    """Where we remember what an account's provider calls a media of ours."""
    return derived_id("upl", media_id, account_id)
