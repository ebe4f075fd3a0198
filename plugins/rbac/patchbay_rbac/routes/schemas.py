"""What is asked and answered about people, roles and departments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, post_load, pre_load, validate

from patchbay.web.schemas.fields import Attributes, OneOf, Time
from patchbay_rbac.documents import Availability, Holiday, Hours, Scope, UserStatus

ID = validate.Length(1, 64)
NAME = validate.Length(1, 400)  # as sent; what is kept is shorter
DESCRIPTION = validate.Length(max=1_000)
SCOPES = get_args(Scope)


class Resource(Schema):
    """What every resource has."""

    id = fields.String(required=True)
    created_at = Time(required=True)
    updated_at = Time(required=True)
    version = fields.Integer(required=True)


class UserSchema(Resource):
    """A person. `roles` are the same as `role_ids`. Of one who was deleted only the name is left."""

    email = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    status = OneOf(get_args(UserStatus), required=True)
    role_ids = fields.List(fields.String(), required=True)
    roles = fields.List(fields.String(), required=True)
    department_ids = fields.List(fields.String(), required=True)
    availability = OneOf(get_args(Availability), required=True)
    locale = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True, allow_none=True)
    two_factor = fields.Boolean(required=True)
    last_sign_in_at = Time(required=True, allow_none=True)


def _ids(**more: Any) -> fields.List[Any]:
    return fields.List(fields.String(validate=ID), **more)


class WithRoles(Schema):
    """Takes `roles` for `role_ids`, as people write it."""

    @pre_load
    def one_name(self, data: Any, **kwargs: Any) -> Any:
        if not isinstance(data, Mapping) or "roles" not in data:
            return data
        if "role_ids" in data:
            raise ValidationError("role_ids says the same; send one of them.", "roles")
        return {"role_ids" if name == "roles" else name: value for name, value in data.items()}


class UserPatchSchema(WithRoles):
    """What of a person to change. `roles` is taken for `role_ids`."""

    email = fields.String(validate=validate.Length(1, 320))
    name = fields.String(validate=NAME)
    role_ids = _ids()
    department_ids = _ids()
    locale = fields.String(allow_none=True, validate=ID)
    time_zone = fields.String(allow_none=True, validate=ID)


class UserPutSchema(WithRoles):
    """A person as they shall be: what is left out is empty. `roles` is taken for `role_ids`."""

    email = fields.String(required=True, validate=validate.Length(1, 320))
    name = fields.String(required=True, validate=NAME)
    role_ids = _ids(load_default=list)
    department_ids = _ids(load_default=list)
    locale = fields.String(load_default=None, allow_none=True, validate=ID)
    time_zone = fields.String(load_default=None, allow_none=True, validate=ID)


class NewUserSchema(UserPutSchema):
    """A person to make. With a password they are active; without one they are invited, and the invitation is sent
    unless `invite` is false."""

    password = fields.String(load_default=None, allow_none=True, load_only=True, validate=validate.Length(1, 1024))
    invite = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})


class AvailabilitySchema(Schema):
    availability = OneOf(get_args(Availability), required=True)


class Granted(fields.Raw):
    """Permissions with the rows each is given for, or a list of names, which gives them for all."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Scope]:
        if isinstance(value, list):
            _each_text(value)
            return dict.fromkeys(value, "all")
        if not isinstance(value, Mapping):
            raise ValidationError("A mapping of permissions to own, department or all, or a list of permissions.")
        for name, scope in value.items():
            if scope not in SCOPES:
                raise ValidationError({name: [f"Must be one of: {', '.join(SCOPES)}."]})
        return dict(value)


def _each_text(names: list[Any]) -> None:
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise ValidationError({str(place): ["Not a valid string."]})


_GRANTED: dict[str, Any] = {
    "metadata": {
        "description": "`{permission: own|department|all}`, or a list of permissions, which are then given for all.",
        "oneOf": [
            {"type": "object", "additionalProperties": {"type": "string", "enum": list(SCOPES)}},
            {"type": "array", "items": {"type": "string"}},
        ],
    }
}


class RoleSchema(Resource):
    """A role. `permissions` says for which rows each is given: `own`, `department`, `all`. What is `builtin` is there
    from the start and cannot be changed."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    permissions = fields.Dict(keys=fields.String(), values=OneOf(SCOPES), required=True)
    builtin = fields.Boolean(required=True)


class RolePatchSchema(Schema):
    """What of a role to change; permissions are replaced."""

    name = fields.String(validate=NAME)
    description = fields.String(validate=DESCRIPTION)
    permissions = Granted(**_GRANTED)


class NewRoleSchema(Schema):
    """A role to make, or as it shall be."""

    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="", validate=DESCRIPTION)
    permissions = Granted(required=True, **_GRANTED)


class PermissionSchema(Schema):
    """What can be granted, and for which rows; one that is not about rows is given for `all`."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    scopes = fields.List(OneOf(SCOPES), required=True)


class DepartmentSchema(Resource):
    """A part of the organisation."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    parent_id = fields.String(required=True, allow_none=True)
    head_id = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    member_ids = fields.List(fields.String(), required=True)
    settings = fields.Dict(keys=fields.String(), required=True)


class DepartmentPatchSchema(Schema):
    """What of a department to change; settings are replaced."""

    name = fields.String(validate=NAME)
    description = fields.String(validate=DESCRIPTION)
    parent_id = fields.String(allow_none=True, validate=ID)
    head_id = fields.String(allow_none=True, validate=ID)
    time_zone = fields.String(validate=ID)
    settings = Attributes()


class NewDepartmentSchema(Schema):
    """A department to make, or as it shall be: what is left out is empty."""

    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="", validate=DESCRIPTION)
    parent_id = fields.String(load_default=None, allow_none=True, validate=ID)
    head_id = fields.String(load_default=None, allow_none=True, validate=ID)
    time_zone = fields.String(load_default="UTC", validate=ID)
    settings = Attributes(load_default=dict)


class MembersSchema(Schema):
    """Who is in a department."""

    user_ids = _ids(required=True)


class OpeningSchema(Schema):
    """Open from `opens` to `closes`, local time; `weekday` 0 is Monday. A day may end at 24:00."""

    weekday = fields.Integer(required=True, strict=True)
    opens = fields.String(required=True)
    closes = fields.String(required=True)

    @post_load
    def made(self, data: dict[str, Any], **kwargs: Any) -> Hours:
        return Hours(**data)


class BusinessHoursSchema(Schema):
    """When a department is open, in its own time zone."""

    time_zone = fields.String(required=True, validate=ID)
    hours = fields.List(fields.Nested(OpeningSchema), required=True)


class HolidaySchema(Schema):
    """A day on which the hours do not hold: `date` like 2026-12-24."""

    date = fields.String(required=True)
    name = fields.String(load_default="", validate=validate.Length(max=200))

    @post_load
    def made(self, data: dict[str, Any], **kwargs: Any) -> Holiday:
        return Holiday(**data)


class HolidaysSchema(Schema):
    holidays = fields.List(fields.Nested(HolidaySchema), required=True)
