"""Messages, notes and activities: what a timeline is made of."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, fields
from msgspec import to_builtins

from patchbay.model.content import MediaState
from patchbay.model.media import MediaKind
from patchbay.model.message import ActorType, DeliveryState, Direction, Failure, Origin
from patchbay.web.schemas.fields import ContentField, OneOf, Time, derived


class ActorSchema(Schema):
    """Who did it."""

    type = OneOf(get_args(ActorType), required=True)
    id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class FailureProviderSchema(Schema):
    """What the provider said, as it gave it."""

    code = fields.String(required=True, attribute="provider_code")
    subcode = fields.String(required=True, allow_none=True, attribute="provider_subcode")
    message = derived(fields.String(required=True), lambda failure: failure.details or failure.message)


def _provider(failure: Failure) -> Failure | None:
    return None if failure.provider_code is None else failure


class FailureSchema(Schema):
    """Why a message did not arrive."""

    code = fields.String(required=True)
    message = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    hint = fields.String(required=True, allow_none=True)
    provider = derived(fields.Nested(FailureProviderSchema, required=True, allow_none=True), _provider)


class DeliverySchema(Schema):
    """How far an outbound message came; the first time of each step."""

    state = OneOf(get_args(DeliveryState), required=True)
    accepted_at = Time(required=True, allow_none=True)
    sent_at = Time(required=True, allow_none=True)
    delivered_at = Time(required=True, allow_none=True)
    read_at = Time(required=True, allow_none=True)
    played_at = Time(required=True, allow_none=True)
    failed_at = Time(required=True, allow_none=True)
    error = fields.Nested(FailureSchema, required=True, allow_none=True)


class ReplyToSchema(Schema):
    """The quoted message; `message_id` is null while it is not one we know."""

    message_id = fields.String(required=True, allow_none=True)
    external_id = fields.String(required=True, allow_none=True)


class ReferralSchema(Schema):
    """The advertisement or post that the person came from; what is not known is left out."""

    source_type = fields.String(allow_none=True)
    source_id = fields.String(allow_none=True)
    source_url = fields.String(allow_none=True)
    headline = fields.String(allow_none=True)
    body = fields.String(allow_none=True)
    click_id = fields.String(allow_none=True)
    extra = fields.Dict()


class ReferralField(fields.Nested):
    """Dumps without what is not known."""

    def _serialize(self, nested_obj: Any, attr: Any, obj: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        return None if nested_obj is None else to_builtins(nested_obj)


class ReactionSchema(Schema):
    actor = fields.Nested(ActorSchema, required=True)
    emoji = fields.String(required=True)
    occurred_at = Time(required=True)


class DeletedSchema(Schema):
    at = Time(required=True)
    by = OneOf(("contact", "agent", "native_app", "system"), required=True)


class MessageSchema(Schema):
    """One message on a thread."""

    id = fields.String(required=True)
    conversation_id = fields.String(required=True, allow_none=True)
    thread_id = fields.String(required=True)
    account_id = fields.String(required=True)
    seq = fields.Integer(required=True, metadata={"description": "Its place on the thread: dense, and never changes."})
    direction = OneOf(get_args(Direction), required=True)
    origin = OneOf(get_args(Origin), required=True)
    author = fields.Nested(ActorSchema, required=True)
    content = ContentField(required=True)
    text_content = fields.String(
        required=True, attribute="text", metadata={"description": 'The plain text of any content, "" when none.'}
    )
    reply_to = fields.Nested(ReplyToSchema, required=True, allow_none=True)
    forwarded = fields.Boolean(required=True)
    referral = ReferralField(ReferralSchema, required=True, allow_none=True)
    context = fields.Dict(required=True)
    reactions = derived(
        fields.List(fields.Nested(ReactionSchema), required=True),
        lambda message: [each for each in message.reactions if each.emoji is not None],
    )
    edited = derived(fields.Boolean(required=True), lambda message: bool(message.revisions))
    deleted = fields.Nested(DeletedSchema, required=True, allow_none=True)
    delivery = fields.Nested(DeliverySchema, required=True)
    external_ids = derived(
        fields.List(fields.String(), required=True),
        lambda message: [ref.external_id for ref in message.external_refs],
    )
    client_ref = fields.String(required=True, allow_none=True)
    pricing = derived(fields.Dict(required=True, allow_none=True), lambda message: message.pricing or None)
    occurred_at = Time(required=True, metadata={"description": "By the provider's clock."})
    recorded_at = Time(required=True, metadata={"description": "By ours."})
    version = fields.Integer(required=True)


class ReceiptSchema(Schema):
    """One report about an outbound message."""

    state = OneOf(get_args(DeliveryState), required=True)
    occurred_at = Time(required=True)
    external_id = fields.String(required=True)
    participant = fields.String(required=True, allow_none=True)
    late = fields.Boolean(required=True, metadata={"description": "It did not raise the state."})
    error = fields.Nested(FailureSchema, required=True, allow_none=True)


class RevisionSchema(Schema):
    """What the message said before an edit."""

    content = ContentField(required=True)
    replaced_at = Time(required=True)


class MediaRefSchema(Schema):
    """A reference to a media."""

    id = fields.String(required=True)
    mime_type = fields.String(required=True, allow_none=True)
    size = fields.Integer(required=True, allow_none=True)
    filename = fields.String(required=True, allow_none=True)
    state = OneOf(get_args(MediaState), required=True)


class NoteSchema(Schema):
    """What agents tell each other; it never leaves."""

    id = fields.String(required=True)
    conversation_id = fields.String(required=True, allow_none=True)
    contact_id = fields.String(required=True, allow_none=True)
    thread_id = fields.String(required=True, allow_none=True)
    seq = fields.Integer(required=True)
    author = fields.Nested(ActorSchema, required=True)
    text = fields.String(required=True)
    mentions = fields.List(fields.String(), required=True)
    attachments = fields.List(fields.Nested(MediaRefSchema), required=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


_ACTIVITY_VALUES = {
    "from": fields.Raw(required=True, allow_none=True, attribute="from_value"),
    "to": fields.Raw(required=True, allow_none=True, attribute="to_value"),
}


class _ActivitySchema(Schema):
    id = fields.String(required=True)
    conversation_id = fields.String(required=True)
    thread_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    verb = fields.String(required=True)
    actor = fields.Nested(ActorSchema, required=True)
    reason = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    version = fields.Integer(required=True)


# "from" is a word of Python's, so the class cannot spell it
ActivitySchema = type(
    "ActivitySchema",
    (_ActivitySchema,),
    {"__doc__": "Something that was done to a conversation, as one line of its timeline.", **_ACTIVITY_VALUES},
)


class MediaSchema(Schema):
    """One file. `mime_type` is sniffed from the bytes, `declared_mime_type` is what the sender said."""

    id = fields.String(required=True)
    kind = OneOf(get_args(MediaKind), required=True)
    state = OneOf(get_args(MediaState), required=True)
    mime_type = fields.String(required=True, allow_none=True)
    declared_mime_type = fields.String(required=True, allow_none=True)
    size = fields.Integer(required=True, allow_none=True)
    sha256 = fields.String(required=True, allow_none=True)
    filename = fields.String(required=True, allow_none=True)
    message_id = fields.String(required=True, allow_none=True)
    conversation_id = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)
