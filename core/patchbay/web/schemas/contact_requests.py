"""What is asked about contacts, identities and tags."""

from __future__ import annotations

import re
from typing import get_args

from marshmallow import Schema, fields, validate

from patchbay.inbox.contacts import CHOICES
from patchbay.model.contact import IdentityKind
from patchbay.web.schemas.fields import Attributes, OneOf

SHORT = validate.Length(1, 64)  # of ids, mostly
_NAME = validate.Length(max=200)
_COLOR = validate.Regexp(re.compile(r"#[0-9a-fA-F]{6}\Z"), error="A colour like #3366cc.")


class ContactPatchSchema(Schema):
    """What of a contact to change. Attributes and consent are merged; null removes one of them."""

    display_name = fields.String(validate=_NAME)
    locale = fields.String(allow_none=True, validate=SHORT)
    time_zone = fields.String(allow_none=True, validate=SHORT)
    attributes = Attributes()
    tags = fields.List(fields.String(validate=SHORT))
    consent = fields.Dict(
        keys=fields.String(validate=SHORT), values=fields.String(allow_none=True, validate=validate.OneOf(CHOICES))
    )


class NewContactSchema(Schema):
    """A contact to make; identities are added to it afterwards."""

    display_name = fields.String(load_default="", validate=_NAME)
    locale = fields.String(load_default=None, allow_none=True, validate=SHORT)
    time_zone = fields.String(load_default=None, allow_none=True, validate=SHORT)
    attributes = Attributes(load_default=dict)
    tags = fields.List(fields.String(validate=SHORT), load_default=list)
    consent = fields.Dict(
        keys=fields.String(validate=SHORT),
        values=fields.String(validate=validate.OneOf(CHOICES)),
        load_default=dict,
    )


class NewIdentitySchema(Schema):
    """A key to add on an agent's word. Kinds other than phone and e-mail are known to one account: name it."""

    kind = OneOf(get_args(IdentityKind), required=True)
    value = fields.String(required=True, validate=validate.Length(1, 256))
    channel = fields.String(load_default=None, validate=SHORT)
    account_id = fields.String(load_default=None, validate=SHORT)
    username = fields.String(load_default=None, validate=validate.Length(1, 128))


class MergeSchema(Schema):
    """Which contact to become part of."""

    target_contact_id = fields.String(required=True, validate=SHORT)


class NewTagSchema(Schema):
    """A tag to offer; its id is made of the name."""

    name = fields.String(required=True, validate=validate.Length(1, 64))
    color = fields.String(load_default=None, allow_none=True, validate=_COLOR)
    description = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=500))


class TagPatchSchema(Schema):
    """What of a tag to change; its id stays."""

    name = fields.String(validate=validate.Length(1, 64))
    color = fields.String(allow_none=True, validate=_COLOR)
    description = fields.String(allow_none=True, validate=validate.Length(max=500))
