"""Channel accounts, and what channels there are."""

from __future__ import annotations

import re
from typing import Any, get_args

from marshmallow import Schema, fields, validate

from patchbay.channel import FindingState
from patchbay.model.account import AccountStatus
from patchbay.web.schemas.fields import OneOf, Time

MAX_CREDENTIAL = 8192  # characters
_NAME = validate.Length(1, 200)
_EXTERNAL = validate.Regexp(re.compile(r"[\x21-\x7e]{1,128}"), error="1 to 128 visible ASCII characters.")


def _credentials(**kwargs: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(1, 64)),
        values=fields.String(validate=validate.Length(1, MAX_CREDENTIAL)),
        load_only=True,
        metadata={"description": "Sealed when they arrive and never returned."},
        **kwargs,
    )


class HealthSchema(Schema):
    """What the channel last told us about itself."""

    last_inbound_at = Time(required=True, allow_none=True)
    last_send_ok_at = Time(required=True, allow_none=True)
    token_expires_at = Time(required=True, allow_none=True)
    quality = fields.String(required=True, allow_none=True)
    last_error = fields.String(required=True, allow_none=True)
    last_error_at = Time(required=True, allow_none=True)


class PoliciesSchema(Schema):
    """Seconds; null means the deployment's default."""

    reopen_after_s = fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, 10**9))


class ChannelSchema(Schema):
    """One phone number, page or profile that Patchbay speaks for. Credentials are never shown."""

    id = fields.String(required=True)
    channel = fields.String(required=True)
    name = fields.String(required=True)
    external_id = fields.String(required=True)
    parent_external_id = fields.String(required=True, allow_none=True)
    status = OneOf(get_args(AccountStatus), required=True)
    health = fields.Nested(HealthSchema, required=True)
    settings = fields.Dict(required=True)
    policies = fields.Nested(PoliciesSchema, required=True)
    default_department_id = fields.String(required=True, allow_none=True)
    from_settings = fields.Boolean(
        required=True, metadata={"description": "Made from the plugin's settings, which win at every start."}
    )
    callback_path = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Where the provider posts webhooks, below the gateway's address; null while its plugin is "
            "not loaded. Events leave it out."
        },
    )
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class NewChannelSchema(Schema):
    """A channel account to connect."""

    channel = fields.String(required=True, validate=validate.Length(1, 64))
    name = fields.String(required=True, validate=_NAME)
    external_id = fields.String(required=True, validate=_EXTERNAL)
    parent_external_id = fields.String(allow_none=True, load_default=None, validate=_EXTERNAL)
    credentials = _credentials(required=True)
    settings = fields.Dict(keys=fields.String(), load_default=dict)
    policies = fields.Nested(PoliciesSchema, load_default=dict)
    default_department_id = fields.String(allow_none=True, load_default=None, validate=validate.Length(1, 64))


class ChannelPatchSchema(Schema):
    """What of an account to change; what is left out stays."""

    name = fields.String(validate=_NAME)
    parent_external_id = fields.String(allow_none=True, validate=_EXTERNAL)
    credentials = _credentials()
    settings = fields.Dict(keys=fields.String())
    policies = fields.Nested(PoliciesSchema)
    default_department_id = fields.String(allow_none=True, validate=validate.Length(1, 64))


class CredentialsSchema(Schema):
    """New credentials; those left out stay as they are."""

    credentials = _credentials(required=True)


class MediaRuleSchema(Schema):
    mime_types = fields.List(fields.String(), required=True)
    max_bytes = fields.Integer(required=True)


class CapabilitiesSchema(Schema):
    """What a channel can carry."""

    contents = fields.List(fields.String(), required=True)
    interactive = fields.List(fields.String(), required=True)
    reactions = fields.Boolean(required=True)
    replies = fields.Boolean(required=True)
    typing = fields.Boolean(required=True)
    read_receipts = fields.Boolean(required=True)
    templates = fields.Boolean(required=True)
    edits = fields.Boolean(required=True)
    text_limit = fields.Integer(required=True, allow_none=True)
    media = fields.Dict(keys=fields.String(), values=fields.Nested(MediaRuleSchema), required=True)
    fetches = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Kinds of media that the provider takes by a `url`, and downloads itself."},
    )
    options = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String(), allow_none=True),
        required=True,
        metadata={"description": "What a send may carry for this channel alone, and the values: null for any."},
    )


class FindingSchema(Schema):
    """One thing that was looked at."""

    check = fields.String(required=True, metadata={"description": "`token`, `scopes`, `subscription`, `callback` ..."})
    state = OneOf(get_args(FindingState), required=True)
    told = fields.String(required=True, metadata={"description": "What is so, as a sentence."})
    fix = fields.String(required=True, allow_none=True, metadata={"description": "What to do about it."})


class DiagnosisSchema(Schema):
    """What keeps an account from working; `state` is the worst of all."""

    id = fields.String(required=True)
    state = OneOf(get_args(FindingState), required=True)
    findings = fields.List(fields.Nested(FindingSchema), required=True)


class CredentialNameSchema(Schema):
    name = fields.String(required=True)
    required = fields.Boolean(required=True)


class ChannelTypeSchema(Schema):
    """A channel that an enabled plugin brought, and what an account of it takes."""

    name = fields.String(required=True)
    title = fields.String(required=True)
    capabilities = fields.Nested(CapabilitiesSchema, required=True)
    credentials = fields.List(fields.Nested(CredentialNameSchema), required=True)
    settings_schema = fields.Dict(required=True, metadata={"description": "The JSON Schema of an account's settings."})
    callback_path = fields.String(
        required=True, metadata={"description": "Where the provider posts; `{external_id}` is the account's."}
    )


class ChannelTypesSchema(Schema):
    data = fields.List(fields.Nested(ChannelTypeSchema), required=True)


class ChannelHealthSchema(Schema):
    """How an account is doing."""

    id = fields.String(required=True)
    status = OneOf(get_args(AccountStatus), required=True)
    health = fields.Nested(HealthSchema, required=True)
