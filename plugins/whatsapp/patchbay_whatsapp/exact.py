"""The webhooks that come all day, read in one step: a text from a person, and how far a message of ours came. No IO.

The bytes are decoded straight into the shapes below, which costs less than half of reading them part by part. A
webhook is read here only when it is exactly of them: one update, every field known, every text a text. Any other, be it
odd in the least, is left to the general reader (``parse.parse_any``); what comes of a webhook is the same by either.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field
from msgspec.json import Decoder

from patchbay.channel.inbound import AccountRef, InboundEvent, Item, MessageReceived, Person, ReceiptReceived
from patchbay.model.content import Text
from patchbay_meta.reading import moment_of
from patchbay_whatsapp.parse_statuses import pricing_of
from patchbay_whatsapp.people import keys_of, plain_username

Given = Annotated[str, Meta(min_length=1)]


class _Shape(Struct, gc=False, forbid_unknown_fields=True):
    """The base of the shapes: a field that is not named here may be one that the general reader heeds."""


class _Profile(_Shape):
    name: Given
    username: Given | None = None


class _Contact(_Shape):
    profile: _Profile
    wa_id: Given
    user_id: Given | None = None


class _Body(_Shape):
    body: str


class _Quoted(_Shape):
    id: Given
    sender: str | None = field(name="from", default=None)


class _Message(_Shape):
    id: Given
    timestamp: str
    type: Literal["text"]
    text: _Body
    phone: Given = field(name="from")
    user_id: Given | None = field(name="from_user_id", default=None)
    context: _Quoted | None = None

    def key(self) -> str:
        return f"message:{self.id}"

    def event(self, occurred_at: datetime, person: Person) -> InboundEvent:
        return MessageReceived(
            occurred_at=occurred_at,
            external_id=self.id,
            sender=person,
            content=Text(text=self.text.body),
            reply_to=self.context.id if self.context else None,
        )


class _Status(_Shape):
    id: Given
    status: Literal["sent", "delivered", "read"]
    timestamp: str
    phone: Given = field(name="recipient_id")
    user_id: Given | None = field(name="recipient_user_id", default=None)
    biz_opaque_callback_data: Given | None = None
    pricing: dict[str, Any] | None = None

    def key(self) -> str:
        return f"status:{self.id}:{self.status}:{self.phone}:"

    def event(self, occurred_at: datetime, person: Person) -> InboundEvent:
        return ReceiptReceived(
            occurred_at=occurred_at,
            external_id=self.id,
            state=self.status,
            reference=self.biz_opaque_callback_data,
            recipient=person,
            pricing=pricing_of(self.pricing or {}),
        )


class _Metadata(_Shape):
    phone_number_id: Given
    display_phone_number: Given


class _Value(_Shape):
    messaging_product: str
    metadata: _Metadata
    contacts: tuple[_Contact] | None = None
    messages: tuple[_Message] | None = None
    statuses: tuple[_Status] | None = None


class _Change(_Shape):
    field: Literal["messages"]
    value: _Value


class _Entry(_Shape):
    id: Given
    changes: tuple[_Change]


class _Webhook(_Shape):
    object: Literal["whatsapp_business_account"]
    entry: tuple[_Entry]


_decode = Decoder(_Webhook).decode


def exactly(body: bytes) -> Item | None:
    """The one update of a webhook that is exactly of the shapes; None for any other."""
    try:
        entry = _decode(body).entry[0]
    except (ValueError, RecursionError):  # what is wrong with it is the general reader's to say
        return None
    value = entry.changes[0].value
    updates = (*(value.messages or ()), *(value.statuses or ()))
    if len(updates) != 1:
        return None
    update = updates[0]
    person, occurred_at = _person(value, update.phone, update.user_id), moment_of(update.timestamp)
    if person is None or occurred_at is None:
        return None
    return Item(
        index=0,
        key=update.key(),
        account=AccountRef(
            external_id=value.metadata.phone_number_id,
            parent_external_id=entry.id,
            display=value.metadata.display_phone_number,
        ),
        event=update.event(occurred_at, person),
    )


def _person(value: _Value, phone: str, user_id: str | None) -> Person | None:
    """Who it is; None when there is no key, or when the contact beside is not, or not altogether, the same person."""
    keys = keys_of(phone, user_id, None)
    if not keys:
        return None
    if value.contacts is None:
        return Person(keys=keys)
    contact = value.contacts[0]
    if contact.wa_id != phone or contact.user_id != user_id:
        return None
    return Person(keys=keys, name=contact.profile.name, username=plain_username(contact.profile.username))
