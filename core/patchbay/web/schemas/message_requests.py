"""What is asked about messages, notes, timelines and media, and answered only there."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from patchbay.web.schemas.contact_requests import SHORT
from patchbay.web.schemas.conversation_requests import SEQ, TOKEN, RecipientSchema
from patchbay.web.schemas.fields import ContentField, OneOf, Time
from patchbay.web.schemas.messages import ActivitySchema, MessageSchema, NoteSchema

MAX_LINK_S = 7 * 86_400


class SayingSchema(Schema):
    """What to say: exactly one of a text and a whole content."""

    text_content = fields.String(validate=validate.Length(1, 65_536))
    content = ContentField()
    reply_to = fields.String(validate=SHORT, metadata={"description": "The message to quote."})
    options = fields.Dict(
        keys=fields.String(validate=SHORT),
        values=fields.String(validate=validate.Length(1, 500)),
        validate=validate.Length(max=20),
        metadata={"description": 'What only the channel knows, such as `{"tag": "HUMAN_AGENT"}` on Messenger.'},
    )
    client_ref = fields.String(
        validate=validate.Length(1, 200), metadata={"description": "The sender's own reference."}
    )
    expected_last_seq = fields.Integer(
        strict=True,
        validate=SEQ,
        metadata={"description": "409 `conversation_moved` with what was missed when somebody spoke after this."},
    )
    control_token = fields.String(
        validate=TOKEN, metadata={"description": "409 `control_lost` when it is not the present one."}
    )

    @validates_schema
    def one_content(self, data: dict[str, Any], **_: Any) -> None:
        if ("text_content" in data) == ("content" in data):
            raise ValidationError("Exactly one of text_content and content is needed.", "text_content")


class SendSchema(SayingSchema, RecipientSchema):
    """A message, and who it is for: exactly one of a conversation, a phone number and ``to``."""

    conversation_id = fields.String(validate=SHORT)

    @validates_schema
    def one_recipient(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in ("conversation_id", "customer_phone", "to") if name in data]
        if not named:
            raise ValidationError("One of conversation_id, customer_phone and to is needed.", "conversation_id")
        if len(named) > 1:
            raise ValidationError(f"Goes without {named[0]}.", named[1])
        if named == ["conversation_id"] and "account_id" in data:
            raise ValidationError("Goes without conversation_id.", "account_id")


class PreviewRequestSchema(SayingSchema):
    """A message that is not sent."""

    conversation_id = fields.String(required=True, validate=SHORT)


class ContactPreviewRequestSchema(SayingSchema):
    """A message to a contact that is not sent."""

    class Meta:
        exclude = ("reply_to", "client_ref", "expected_last_seq", "control_token")


class SentSchema(Schema):
    """A message that is durably queued; with `?wait=accepted` also what the provider said, where it did in time."""

    message = fields.Nested(MessageSchema, required=True)
    conversation_id = fields.String(required=True)
    whatsapp_response = fields.Dict(required=True, allow_none=True)
    channel_response = fields.Dict(required=True, allow_none=True)


class PreviewProblemSchema(Schema):
    """Why nothing would be sent."""

    code = fields.String(required=True)
    detail = fields.String(required=True)
    hint = fields.String(required=True, allow_none=True)
    pointer = fields.String(metadata={"description": "The part of the message that is to blame, where one is."})


class PreviewSchema(Schema):
    """The parts that would be sent, or why nothing would be."""

    channel = fields.String(required=True)
    account_id = fields.String(required=True)
    parts = fields.List(ContentField(), required=True)
    problem = fields.Nested(PreviewProblemSchema, required=True, allow_none=True)


class LinePreviewSchema(PreviewSchema):
    """The same on one line of a contact."""

    conversation_id = fields.String(
        required=True, allow_none=True, metadata={"description": "The one that is open there, if one is."}
    )


class ContactPreviewSchema(Schema):
    """What a message would be on each line of a contact, the one first that a send to the contact would take."""

    data = fields.List(fields.Nested(LinePreviewSchema), required=True)


class ReactionRequestSchema(Schema):
    """One emoji."""

    emoji = fields.String(required=True, validate=validate.Length(1, 64))


class RawMessageSchema(Schema):
    """The webhook that a message came in, as it was journalled. It may hold other messages too."""

    event_id = fields.String(required=True)
    channel = fields.String(required=True)
    received_at = Time(required=True)
    body = fields.Raw(required=True, metadata={"description": "The provider's JSON."})


class NewNoteSchema(Schema):
    """``attachments`` are media ids, ``mentions`` ids of people."""

    text = fields.String(required=True, validate=validate.Length(1, 20_000))
    mentions = fields.List(fields.String(validate=SHORT), load_default=list, validate=validate.Length(max=50))
    attachments = fields.List(fields.String(validate=SHORT), load_default=list, validate=validate.Length(max=20))


class NotePatchSchema(Schema):
    """What of a note to change."""

    text = fields.String(validate=validate.Length(1, 20_000))
    mentions = fields.List(fields.String(validate=SHORT), validate=validate.Length(max=50))
    attachments = fields.List(fields.String(validate=SHORT), validate=validate.Length(max=20))


class TimelineItemSchema(Schema):
    """A message, a note or an activity, by its place. Exactly the one that ``type`` names is there."""

    type = OneOf(("message", "note", "activity"), required=True)
    seq = fields.Integer(required=True)
    message = fields.Nested(MessageSchema)
    note = fields.Nested(NoteSchema)
    activity = fields.Nested(ActivitySchema)


class ContactTimelineItemSchema(TimelineItemSchema):
    """A message, a note or an activity of a contact, and the thread it belongs to."""

    thread_id = fields.String(required=True)
    account_id = fields.String(required=True)
    channel = fields.String(required=True)


class LinkRequestSchema(Schema):
    """For how long a link is to be good."""

    expires_in_s = fields.Integer(strict=True, load_default=3600, validate=validate.Range(60, MAX_LINK_S))


class LinkSchema(Schema):
    """A link that needs no token until it expires."""

    url = fields.String(required=True)
    expires_at = Time(required=True)
