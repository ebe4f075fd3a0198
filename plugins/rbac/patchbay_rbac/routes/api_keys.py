"""API keys: how programs come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from marshmallow import Schema, ValidationError, fields, validate

from patchbay.errors import NotFound
from patchbay.inbox.unit import UnitOfWork
from patchbay.ports import Where
from patchbay.web.call import Call
from patchbay.web.lists import listing, page_answer, query_of
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations
from patchbay.web.schemas.fields import OneOf, Time
from patchbay_rbac.changing.bounds import bounds_of
from patchbay_rbac.credentials.api_keys import new_key
from patchbay_rbac.documents import KEYS, ApiKey, Scope
from patchbay_rbac.key_making import granted, make_key, owner_of, revoke_key
from patchbay_rbac.rbac import Rbac

SCOPES: tuple[str, ...] = get_args(Scope)
MOST_PERMISSIONS = 200
LONGEST_DAYS = 366
NAME = validate.Length(1, 100)


class Wanted(fields.Field[dict[str, Scope | None]]):
    """A mapping of permissions to scopes, or a list of permissions: each then for as many rows as the maker has."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Scope | None]:
        if isinstance(value, list):
            value = dict.fromkeys(value) if all(isinstance(name, str) for name in value) else None
        elif isinstance(value, dict) and not all(scope in SCOPES for scope in value.values()):
            raise ValidationError({name: [_SCOPE] for name, scope in value.items() if scope not in SCOPES})
        if not isinstance(value, dict) or not 1 <= len(value) <= MOST_PERMISSIONS:
            raise ValidationError(f"Send 1 to {MOST_PERMISSIONS} permissions: their names, or a scope for each name.")
        return value


_SCOPE = f"Must be one of: {', '.join(SCOPES)}."


class NewApiKeySchema(Schema):
    """`permissions` maps names to `own`, `department` or `all`, or lists names; nobody gives more than they have. Days
    are 90 unless the settings say otherwise."""

    name = fields.String(required=True, validate=NAME)
    permissions = Wanted(
        required=True,
        metadata={
            "oneOf": [
                {"type": "object", "additionalProperties": {"type": "string", "enum": list(SCOPES)}},
                {"type": "array", "items": {"type": "string"}},
            ]
        },
    )
    expires_in_days = fields.Integer(strict=True, validate=validate.Range(1, LONGEST_DAYS), load_default=None)


class ApiKeySchema(Schema):
    """What is known of a key; the key itself is kept by nobody but its owner. What it may do now is what `permissions`
    say, as far as its owner may."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True)
    owner_id = fields.String(required=True)
    owner_name = fields.String(required=True, allow_none=True)
    permissions = fields.Dict(keys=fields.String(), values=OneOf(SCOPES), required=True)
    created_at = Time(required=True)
    last_used_at = Time(required=True, allow_none=True)
    expires_at = Time(required=True)
    revoked_at = Time(required=True, allow_none=True)


class MadeApiKeySchema(ApiKeySchema):
    """`key` is shown this once: send it as `X-API-Key`, or as a bearer token."""

    key = fields.String(required=True)


class ApiKeyRoutes:
    """The handlers, over one plugin."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac

    async def list_api_keys(self, call: Call) -> Answer:
        """List API keys."""
        owner = call.query.get("owner_id")
        where = () if owner is None else (Where("owner_id", "eq", owner),)
        return page_answer(call, await self._rbac.host.store.find(query_of(call, KEYS, where=where)), self._view)

    async def show_api_key(self, call: Call) -> Answer:
        """Show what is known of an API key."""
        key = await self._rbac.host.store.get(KEYS, call.path["key_id"])
        if key is None:
            raise NotFound(f"There is no API key {call.path['key_id']!r}.")
        return Answer(self._view(key))

    async def make_api_key(self, call: Call) -> Answer:
        """Make an API key. It is shown this once.

        It goes with its maker: what they may no longer do, it may not either. There is no `Idempotency-Key`, for a
        recorded answer would hold the key.
        """
        rbac, body = self._rbac, call.body
        owner_id = owner_of(call.principal)
        new = new_key()

        def command(uow: UnitOfWork) -> ApiKey:
            people, host = rbac.people, rbac.host
            wanted = granted(body["permissions"], people.grants(owner_id), host.permissions(), people.is_scoped)
            return make_key(
                uow,
                owner_id,
                new,
                name=body["name"],
                grants=wanted,
                bounds=bounds_of(people, call.principal),
                days=body["expires_in_days"] or rbac.settings.api_key_days,
            )

        key = await call.run(command)
        return Answer({**self._view(key), "key": new.text}, status=201, location=f"{API_ROOT}/api-keys/{key.id}")

    async def revoke_api_key(self, call: Call) -> Answer:
        """Revoke an API key, at once and for good. It stays on the list."""
        rbac, id = self._rbac, call.path["key_id"]
        await call.run(lambda uow: revoke_key(uow, id, bounds_of(rbac.people, call.principal)))
        return Answer(status=204)

    def _view(self, key: ApiKey) -> dict[str, Any]:
        owner = self._rbac.people.user(key.owner_id)
        times = {
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "expires_at": key.expires_at,
            "revoked_at": key.revoked_at,
        }
        return {
            "id": key.id,
            "name": key.name,
            "prefix": key.prefix,
            "owner_id": key.owner_id,
            "owner_name": None if owner is None else owner.name,
            "permissions": dict(key.grants),
            **{name: Time().serialize(name, times) for name in times},
        }


def operations(rbac: Rbac) -> Operations:
    routes = ApiKeyRoutes(rbac)
    declared = Operations("API keys")
    query = listing(sorts=("created_at",), default_sort="-created_at", owner_id=fields.String(validate=NAME))
    declared.get("/api-keys", "api_keys.read", answer=Listing(ApiKeySchema), query=query)(routes.list_api_keys)
    declared.post(
        "/api-keys",
        "api_keys.write",
        body=NewApiKeySchema,
        answer=MadeApiKeySchema,
        status=201,
        errors=("conflict",),
    )(routes.make_api_key)
    declared.get("/api-keys/{key_id}", "api_keys.read", answer=ApiKeySchema)(routes.show_api_key)
    declared.delete("/api-keys/{key_id}", "api_keys.write")(routes.revoke_api_key)
    return declared
