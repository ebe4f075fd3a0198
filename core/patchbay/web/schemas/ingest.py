"""The ingest journal and templates."""

from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from patchbay.model.raw import ItemOutcome, RawState
from patchbay.web.schemas.fields import OneOf, Time, derived


class RawItemSchema(Schema):
    """One update of a webhook, and what became of it."""

    index = fields.Integer(required=True)
    key = fields.String(required=True)
    kind = fields.String(required=True)
    outcome = OneOf(get_args(ItemOutcome), required=True)
    ref = fields.String(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)


class RawEventSchema(Schema):
    """A webhook as it was journalled, without its body."""

    id = fields.String(required=True)
    channel = fields.String(required=True)
    received_at = Time(required=True)
    state = OneOf(get_args(RawState), required=True)
    sha256 = fields.String(required=True)
    size = derived(fields.Integer(required=True), lambda raw: len(raw.body))
    attempts = fields.Integer(required=True)
    error = fields.String(required=True, allow_none=True)
    items = fields.List(fields.Nested(RawItemSchema), required=True)
    settled_at = Time(required=True, allow_none=True)


class ReplaySchema(Schema):
    """How many webhooks are applied again."""

    replayed = fields.Integer(required=True)


class TemplateSchema(Schema):
    """One template in one language, as last synced or reported. ``components`` are in the provider's own form."""

    id = fields.String(required=True)
    account_id = fields.String(required=True)
    channel = fields.String(required=True)
    external_id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    language = fields.String(required=True)
    category = fields.String(required=True, allow_none=True)
    status = fields.String(required=True)
    quality = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    components = fields.List(fields.Dict(), required=True)
    synced_at = Time(required=True, allow_none=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class TemplateSyncSchema(Schema):
    """What a sync did, by what happened to the templates."""

    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
