"""Contacts and their identities."""

from __future__ import annotations

from typing import get_args

from marshmallow import Schema, fields

from patchbay.model.contact import ContactStatus, IdentityKind, IdentityStatus, Proof
from patchbay.web.schemas.fields import Attributes, OneOf, Time


class ContactSchema(Schema):
    """One person (or group) as the inbox knows them."""

    id = fields.String(required=True)
    display_name = fields.String(required=True)
    locale = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True, allow_none=True)
    attributes = Attributes(required=True)
    tags = fields.List(fields.String(), required=True)
    consent = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": 'A purpose ("marketing") to "stop" or "granted".'},
    )
    status = OneOf(get_args(ContactStatus), required=True)
    merged_into_id = fields.String(required=True, allow_none=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class ProfileSchema(Schema):
    name = fields.String(required=True, allow_none=True)
    avatar_media_id = fields.String(required=True, allow_none=True)


class IdentitySchema(Schema):
    """One key that a channel knows a person by."""

    id = fields.String(required=True)
    contact_id = fields.String(required=True)
    channel = fields.String(required=True)
    kind = OneOf(get_args(IdentityKind), required=True)
    scope = fields.String(required=True)
    value = fields.String(required=True)
    username = fields.String(required=True, allow_none=True)
    profile = fields.Nested(ProfileSchema, required=True)
    proof = OneOf(get_args(Proof), required=True)
    status = OneOf(get_args(IdentityStatus), required=True)
    superseded_by = fields.String(required=True, allow_none=True)
    conflicts = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Contacts that the platform also named by this key; never merged silently."},
    )
    first_seen_at = Time(required=True)
    last_seen_at = Time(required=True)
    version = fields.Integer(required=True)
