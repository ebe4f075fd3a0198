"""Errors, as every operation answers them."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields


class FieldProblemSchema(Schema):
    """What is wrong with one field."""

    pointer = fields.String(
        required=True,
        metadata={"description": 'A JSON pointer into the body; "?name" for the query, "#Name" for a header.'},
    )
    code = fields.String(required=True)
    message = fields.String(required=True)


class ProviderProblemSchema(Schema):
    """What the provider said, as it gave it."""

    code = fields.String(required=True)
    subcode = fields.String(allow_none=True)
    message = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457. ``code`` is stable; ``detail`` is for a person; some codes bring members of their own."""

    class Meta:
        unknown = INCLUDE  # extension members, such as "missed" of "conversation_moved"

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblemSchema))
    hint = fields.String()
    provider = fields.Nested(ProviderProblemSchema)
    retryable = fields.Boolean()
    current_version = fields.Integer(metadata={"description": "With `version_conflict`: the version it has now."})
