"""How the trail looks on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from patchbay.web.schemas.fields import OneOf, Time


def filters() -> dict[str, fields.Field[Any]]:
    """What lists and exports can be narrowed by."""
    return {
        "actor": _text("Who did it, by id."),
        "action": _text("What was done: the operation's name, as in `close_conversation` or `auth.login`."),
        "outcome": _text("`done`, or the code of the refusal."),
        "subject": _text("What was changed, by id."),
        "address": _text("The client's address."),
        "request_id": _text("The request, by its `X-Request-Id`."),
        "after": Time(metadata={"description": "Not before this moment."}),
        "before": Time(metadata={"description": "Before this moment."}),
    }


def _text(description: str) -> fields.String:
    return fields.String(validate=validate.Length(1, 200), metadata={"description": description})


class AuditActorSchema(Schema):
    type = fields.String(required=True)
    id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True, allow_none=True)


class AuditSubjectSchema(Schema):
    type = fields.String(required=True)
    id = fields.String(required=True)


class AuditChangeSchema(Schema):
    """A document that was changed: its fields by name, each with what it was `before` and `after`."""

    collection = fields.String(required=True)
    id = fields.String(required=True)
    fields_ = fields.Dict(
        keys=fields.String(), values=fields.Dict(keys=fields.String()), required=True, data_key="fields"
    )


class AuditEntrySchema(Schema):
    """One entry. `outcome` is `done` or the code of the refusal; `about` is what is known beside the changes.

    `hash` is the SHA-256 of the entry's canonical JSON without `id` and `hash`; `previous_hash` is that of the entry
    before. Secrets are `***`, texts that people wrote `<n characters>`.
    """

    id = fields.String(required=True)
    seq = fields.Integer(required=True)
    at = fields.String(required=True)
    actor = fields.Nested(AuditActorSchema, required=True)
    action = fields.String(required=True)
    outcome = fields.String(required=True)
    status = fields.Integer(required=True, allow_none=True)
    address = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    session_id = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    permission = fields.String(required=True, allow_none=True)
    subjects = fields.List(fields.Nested(AuditSubjectSchema), required=True)
    changes = fields.List(fields.Nested(AuditChangeSchema), required=True)
    changes_left_out = fields.Integer(required=True)
    about = fields.Dict(required=True)
    form = fields.Integer(required=True)
    previous_hash = fields.String(required=True)
    hash = fields.String(required=True)


class AuditProblemSchema(Schema):
    """Something that is not as it was written; `seq` is the entry's, null where it is about none."""

    seq = fields.Integer(required=True, allow_none=True)
    kind = fields.String(required=True)
    detail = fields.String(required=True)


class AuditAnchorsSchema(Schema):
    """What is known of the anchors.

    `entries_since` is how many entries no anchor vouches for yet, `unreadable_lines` how many lines of the file are no
    anchors: a power failure may cut one short.
    """

    stored = fields.Integer(required=True)
    in_file = fields.Integer(required=True)
    unreadable_lines = fields.Integer(required=True)
    last_seq = fields.Integer(required=True, allow_none=True)
    last_at = fields.String(required=True, allow_none=True)
    cut_seq = fields.Integer(required=True, allow_none=True)
    entries_since = fields.Integer(required=True)


class AuditVerdictSchema(Schema):
    """What a verification of the whole trail found; at most 100 of the `problem_count` problems are told."""

    valid = fields.Boolean(required=True)
    entries = fields.Integer(required=True)
    from_seq = fields.Integer(required=True, allow_none=True)
    to_seq = fields.Integer(required=True, allow_none=True)
    head_hash = fields.String(required=True, allow_none=True)
    first_problem = fields.Nested(AuditProblemSchema, required=True, allow_none=True)
    problems = fields.List(fields.Nested(AuditProblemSchema), required=True)
    problem_count = fields.Integer(required=True)
    anchors = fields.Nested(AuditAnchorsSchema, required=True)


class RetentionBody(Schema):
    dry_run = fields.Boolean(
        load_default=True, metadata={"description": "Only tell what would be removed; so by default."}
    )


class RetentionSchema(Schema):
    """What the retention removes, or would: `entries` from `from_seq` up to and with `to_seq`."""

    dry_run = fields.Boolean(required=True)
    retention_days = fields.Float(required=True)
    before = fields.String(required=True, allow_none=True)
    entries = fields.Integer(required=True)
    from_seq = fields.Integer(required=True, allow_none=True)
    to_seq = fields.Integer(required=True, allow_none=True)


EXPORT_FORMAT = OneOf(("csv", "ndjson"), load_default="ndjson", metadata={"description": "How the file is written."})
