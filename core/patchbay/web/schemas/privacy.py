"""Jobs, and what starts them: exports, erasures, retention runs, sealing again."""

from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields, validate

from patchbay.model.job import JobState
from patchbay.web.schemas.fields import OneOf, Time

_ID = validate.Length(1, 64)


class JobProgressSchema(Schema):
    done = fields.Integer(required=True)
    total = fields.Integer(required=True, allow_none=True, metadata={"description": "Null while nobody knows."})


class JobErrorSchema(Schema):
    """What could not be done of a job."""

    item = fields.String(required=True, allow_none=True, metadata={"description": "The part; null for all of it."})
    code = fields.String(required=True)
    message = fields.String(required=True)


class JobFileSchema(Schema):
    """A link to what the job made, good for a while; another look gives a fresh one."""

    url = fields.String(required=True)
    expires_at = Time(required=True)


class JobSchema(Schema):
    """Long work: what it is, how far it came, what it led to."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    state = OneOf(get_args(JobState), required=True)
    subject_id = fields.String(required=True, allow_none=True)
    progress = fields.Nested(JobProgressSchema, required=True)
    errors = fields.List(fields.Nested(JobErrorSchema), required=True)
    result = fields.Dict(keys=fields.String(), required=True)
    file = fields.Nested(JobFileSchema, required=True, allow_none=True)
    created_by = fields.String(required=True, allow_none=True)
    cancel_requested = fields.Boolean(required=True)
    created_at = Time(required=True)
    started_at = Time(required=True, allow_none=True)
    finished_at = Time(required=True, allow_none=True)
    expires_at = Time(required=True, allow_none=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class EraseSchema(Schema):
    """Says whom, so that nobody is erased by a slip."""

    confirm = fields.String(
        required=True,
        validate=validate.Length(1, 200),
        metadata={"description": "The contact's display name, or its id."},
    )


class RetentionRunSchema(Schema):
    dry_run = fields.Boolean(load_default=True, metadata={"description": "Count only, and change nothing."})


class ResealSchema(Schema):
    new_key = fields.Boolean(
        load_default=False,
        metadata={"description": "Make a new key first; only where keys are kept in the data folder."},
    )


class BlockSchema(Schema):
    """All of a contact, or one identity and whatever else is on its line."""

    identity_id = fields.String(load_default=None, allow_none=True, validate=_ID)
