"""Whether somebody may, and for which rows: answered from memory, for every request and for every event."""

from __future__ import annotations

from typing import Final

from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.model.rows import ALL_ROWS, NO_ROWS, Rows
from patchbay.ports import Verdict
from patchbay_rbac.documents import Scope
from patchbay_rbac.people import People
from patchbay_rbac.roles import SELF

LIMITED: Final = "limited"  # a claim: until something is done (a second factor set up), only about oneself
OWNER: Final = "owner"  # a claim of API keys
_READING: Final = {  # the permission that shows events of a kind; of other kinds it is "{kind}s.read"
    "message": "messages.read",
    "media": "media.read",
    "department": "departments.read",
    "key": "api_keys.read",
}


class RoleAuthorizer:
    """Judges users and API keys; about others it has no opinion."""

    name = "rbac"

    def __init__(self, people: People) -> None:
        self._people = people

    def decide(self, principal: Principal, permission: str) -> Verdict:
        if principal.type not in ("user", "api_key"):
            return "abstain"
        if LIMITED in principal.claims:
            return "allow" if permission == SELF else "deny"
        return "allow" if self._scope(principal, permission) is not None else "deny"

    def rows(self, principal: Principal, permission: str) -> Rows:
        """All rows where the permission is not about rows."""
        if principal.type not in ("user", "api_key"):
            return ALL_ROWS
        scope = self._scope(principal, permission)
        if scope is None:
            return NO_ROWS
        if scope == "all" or not self._people.is_scoped(permission):
            return ALL_ROWS
        return self._people.rows(principal.claims.get(OWNER, principal.id), scope)

    def sees(self, principal: Principal, event: Event) -> Verdict:
        if principal.type not in ("user", "api_key"):
            return "abstain"
        audience = event.audience
        if LIMITED in principal.claims:
            return "deny"
        if audience.user_id is not None and audience.user_id == principal.id:
            return "allow"
        kind = event.type.partition(".")[0]
        permission = _READING.get(kind) or f"{kind}s.read"
        if self._scope(principal, permission) is None:
            return "deny"
        return "allow" if self.rows(principal, permission).show(audience) else "deny"

    def _scope(self, principal: Principal, permission: str) -> Scope | None:
        if principal.type == "user":
            return self._people.grants(principal.id).get(permission)
        return self._people.key_scope(principal.id, permission)
