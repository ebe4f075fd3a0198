"""What is asked about conversations."""

from __future__ import annotations

from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from patchbay.model.contact import IdentityKind
from patchbay.model.conversation import Priority
from patchbay.web.schemas.contact_requests import SHORT
from patchbay.web.schemas.conversations import ConversationSchema
from patchbay.web.schemas.fields import Attributes, OneOf, Time

SEQ = validate.Range(0, 2**53)  # places on a thread
TOKEN = validate.Length(1, 128)


class ToSchema(Schema):
    """A recipient: a contact, an identity, or a key of a channel (all three of channel, kind and value)."""

    contact_id = fields.String(validate=SHORT)
    identity_id = fields.String(validate=SHORT)
    channel = fields.String(validate=SHORT)
    kind = OneOf(get_args(IdentityKind))
    value = fields.String(validate=validate.Length(1, 256))

    @validates_schema
    def one_way(self, data: dict[str, Any], **_: Any) -> None:
        ways = [name for name in ("contact_id", "identity_id", "value") if name in data]
        if len(ways) != 1:
            raise ValidationError("Exactly one of contact_id, identity_id and value is needed.")
        for name in ("channel", "kind"):
            if ways == ["value"] and name not in data:
                raise ValidationError("Missing data for required field.", name)
            if ways != ["value"] and name in data:
                raise ValidationError("Goes with value only.", name)


class RecipientSchema(Schema):
    """Who it is for."""

    customer_phone = fields.String(
        validate=validate.Length(1, 64), metadata={"description": "E.164, with its plus.", "example": "+15550001111"}
    )
    to = fields.Nested(ToSchema)
    account_id = fields.String(validate=SHORT, metadata={"description": "Where several channel accounts could serve."})


class NewConversationSchema(RecipientSchema):
    """A conversation to start without sending anything: exactly one of a phone number and ``to``."""

    @validates_schema
    def one_recipient(self, data: dict[str, Any], **_: Any) -> None:
        if ("customer_phone" in data) == ("to" in data):
            raise ValidationError("Exactly one of customer_phone and to is needed.", "customer_phone")


class ConversationPatchSchema(Schema):
    """What of a conversation to change. Attributes are merged, null removes one; tags are replaced."""

    subject = fields.String(allow_none=True, validate=validate.Length(max=500))
    priority = OneOf(get_args(Priority))
    attributes = Attributes()
    tags = fields.List(fields.String(validate=SHORT))
    department_id = fields.String(allow_none=True, validate=SHORT)
    expected_last_seq = fields.Integer(strict=True, validate=SEQ)


class ActionSchema(Schema):
    """What every action takes: the last place that the caller has seen, and why."""

    expected_last_seq = fields.Integer(
        strict=True,
        validate=SEQ,
        metadata={"description": "409 `conversation_moved` with what was missed when somebody spoke after this."},
    )
    reason = fields.String(validate=validate.Length(1, 200))
    note = fields.String(validate=validate.Length(1, 4000))


class AssignSchema(ActionSchema):
    """Whom to give it to; null is nobody."""

    assignee_id = fields.String(required=True, allow_none=True, validate=SHORT)


class TransferSchema(ActionSchema):
    """A department, a person, or a person in a department."""

    department_id = fields.String(validate=SHORT)
    assignee_id = fields.String(validate=SHORT)
    restart_clocks = fields.Boolean(
        truthy={True},
        falsy={False},
        load_default=False,
        metadata={"description": "Whether the time that the person waits begins anew; else it goes on."},
    )


class SnoozeSchema(ActionSchema):
    """Until when, unless the person writes before."""

    until = Time(required=True)


class ReleaseControlSchema(ActionSchema):
    """The control to give up."""

    token = fields.String(validate=TOKEN, metadata={"description": "Refused when it is not the present one."})


class SeqSchema(Schema):
    """A place on the thread."""

    seq = fields.Integer(strict=True, validate=SEQ)


class ControlledConversationSchema(ConversationSchema):
    """A conversation, and the token of who answers in it now."""

    control_token = fields.String(
        required=True, metadata={"description": "To send with; it is void once somebody else takes over."}
    )
