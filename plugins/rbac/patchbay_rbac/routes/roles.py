"""Roles and permissions over HTTP."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from patchbay.errors import FieldError, Invalid, NotFound
from patchbay.web.call import Call
from patchbay.web.lists import items_answer, listing
from patchbay.web.operations import API_ROOT, Answer, Listing, Operations, created
from patchbay_rbac.changing.roles import change_role, create_role, delete_role, read_permissions
from patchbay_rbac.documents import Role
from patchbay_rbac.rbac import Rbac
from patchbay_rbac.roles import SELF
from patchbay_rbac.routes.changing import Changing
from patchbay_rbac.routes.schemas import SCOPES, NewRoleSchema, PermissionSchema, RolePatchSchema, RoleSchema
from patchbay_rbac.views import role_view

_one = "/roles/{role_id}"


class RoleRoutes(Changing):
    """The handlers, over one plugin."""

    async def list_permissions(self, call: Call) -> Answer:
        """List what roles can give, and for which rows: all of it, on one page."""
        host = self._rbac.host
        shown = [
            {"name": name, "description": told, "scopes": list(SCOPES) if host.is_scoped(name) else ["all"]}
            for name, told in sorted(host.permissions().items())
            if name != SELF  # everybody has it
        ]
        return items_answer(call, shown, None)

    async def list_roles(self, call: Call) -> Answer:
        """List the roles that are there from the start, then one's own by name."""
        places = {_place(number, role): role for number, role in enumerate(self._rbac.people.roles())}
        after = _read_cursor(call.query["cursor"])
        following = sorted(place for place in places if after is None or place > after)
        page = following[: call.query["limit"]]
        more = _cursor(page[-1]) if len(following) > len(page) else None
        return items_answer(call, [role_view(places[place]) for place in page], more)

    async def show_role(self, call: Call) -> Answer:
        """Show a role."""
        id = call.path["role_id"]
        role = self._rbac.people.role(id)
        if role is None:
            raise NotFound(f"There is no role {id!r}.")
        return _answer(role)

    async def create_a_role(self, call: Call) -> Answer:
        """Make a role, of permissions that one has oneself."""
        body = self._read(call)
        return await self._perform(
            call, lambda uow, by: create_role(uow, by, **body), created(f"{API_ROOT}/roles", role_view)
        )

    async def replace_role(self, call: Call) -> Answer:
        """Replace a role; it acts at once for all who have it."""
        return await self._changed(call)

    async def change_a_role(self, call: Call) -> Answer:
        """Change a role; it acts at once for all who have it. 409 `conflict` for one that is built in."""
        return await self._changed(call)

    async def _changed(self, call: Call) -> Answer:
        id, expected, body = call.path["role_id"], call.expected_version, self._read(call)
        return _answer(await self._do(call, lambda uow, by: change_role(uow, by, id, body, expected=expected)))

    async def delete_a_role(self, call: Call) -> Answer:
        """Delete a role that nobody has; 409 `in_use` says how many have it."""
        id, expected, given = call.path["role_id"], call.expected_version, self._rbac.settings.open_role
        await self._do(call, lambda uow, by: delete_role(uow, by, id, given_to_new=given, expected=expected))
        return Answer()

    def _read(self, call: Call) -> dict[str, Any]:
        body, host = dict(call.body), self._rbac.host
        if "permissions" in body:
            body["permissions"] = read_permissions(body["permissions"], host.permissions(), host.is_scoped)
        return body


BUILTIN = 100  # more than there are from the start; they come first
Place = tuple[int, str, str]  # where a role stands in the list


def _place(number: int, role: Role) -> Place:
    return (number, "", role.id) if role.builtin else (BUILTIN, role.name, role.id)


def _cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(text: str | None) -> Place | None:
    if text is None:
        return None
    try:
        number, name, id = json.loads(base64.urlsafe_b64decode(text.encode()))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        number = name = id = None
    if not (isinstance(number, int) and isinstance(name, str) and isinstance(id, str)):
        raise Invalid("?cursor: not a cursor of this list.", errors=[FieldError("?cursor", "invalid", "Not a cursor.")])
    return number, name, id


def _answer(role: Role) -> Answer:
    return Answer(role_view(role), version=role.version)


def operations(rbac: Rbac) -> Operations:
    routes, declared = RoleRoutes(rbac), Operations("Roles")
    declared.get("/permissions", "roles.read", answer=Listing(PermissionSchema))(routes.list_permissions)
    declared.get("/roles", "roles.read", answer=Listing(RoleSchema), query=listing())(routes.list_roles)
    made: dict[str, Any] = {"answer": RoleSchema, "errors": ("already_exists", "conflict")}
    declared.post("/roles", "roles.write", body=NewRoleSchema, creates=True, **made)(routes.create_a_role)
    declared.get(_one, "roles.read", answer=RoleSchema)(routes.show_role)
    declared.put(_one, "roles.write", body=NewRoleSchema, versioned=True, **made)(routes.replace_role)
    declared.patch(_one, "roles.write", body=RolePatchSchema, versioned=True, **made)(routes.change_a_role)
    declared.delete(_one, "roles.write", versioned=True, errors=("in_use", "conflict"))(routes.delete_a_role)
    return declared
