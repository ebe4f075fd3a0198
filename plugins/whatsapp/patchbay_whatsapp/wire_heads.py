"""What all messages share, all statuses, and all files: the shapes that come all day. No IO.

A shape is stated once and read in two ways. Nearly every webhook is exactly of it, and msgspec reads that in a fifth of
the time; any other is read by the pydantic model of the same fields, which takes numbers for texts and says what is
wrong.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta, Struct
from pydantic import Field, create_model

from patchbay_whatsapp.wire import Wire

Id = Annotated[str, Meta(min_length=1), Field(min_length=1)]  # the same rule, for either reader


class WireHead(Struct, frozen=True, kw_only=True, gc=False):
    """The base of them. As in ``Wire``, unknown fields are ignored."""

    @classmethod
    def of(cls, raw: Any) -> Self:
        """Raises: pydantic's ``ValidationError``."""
        try:
            return msgspec.convert(raw, cls)
        except msgspec.ValidationError:
            return cls(**dict(lenient(cls).of(raw)))


@cache
def lenient(head: type[WireHead]) -> type[Wire]:
    """The pydantic model of the same fields."""
    fields: dict[str, Any] = {
        field.name: (field.type, Field(default=... if field.required else field.default, alias=field.encode_name))
        for field in msgspec.structs.fields(head)
    }
    return create_model(head.__name__, __base__=Wire, **fields)


class WireMessage(WireHead, frozen=True, kw_only=True):
    """What every message has in common, received or echoed; the rest is under the key that ``type`` names."""

    id: Id
    type: Id
    sender: str | None = msgspec.field(default=None, name="from")
    from_user_id: str | None = None
    from_parent_user_id: str | None = None
    group_id: str | None = None
    context: dict[str, Any] | None = None
    referral: dict[str, Any] | None = None


class WireStatus(WireHead, frozen=True, kw_only=True):
    """``parent_recipient_user_id`` and ``participant_recipient_id`` are older spellings."""

    id: Id
    status: Id
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    recipient_parent_user_id: str | None = None
    parent_recipient_user_id: str | None = None
    recipient_type: str | None = None
    recipient_participant_id: str | None = None
    participant_recipient_id: str | None = None
    recipient_participant_user_id: str | None = None
    recipient_participant_parent_user_id: str | None = None
    recipient_identity_key_hash: str | None = None
    biz_opaque_callback_data: str | None = None
    pricing: dict[str, Any] | None = None
    conversation: dict[str, Any] | None = None


class WireMedia(WireHead, frozen=True, kw_only=True):
    """image, video, document, audio, voice, sticker."""

    id: str | None = None
    url: str | None = None
    link: str | None = None
    mime_type: str | None = None
    sha256: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool | None = None
    animated: bool | None = None
