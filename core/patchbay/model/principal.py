"""Who is asking."""

from __future__ import annotations

from typing import Any, Literal

from patchbay.model.document import Value
from patchbay.model.message import Actor, ActorType

PrincipalType = Literal["user", "api_key", "bootstrap", "bot"]


class Principal(Value, frozen=True, kw_only=True):
    """An authenticated caller. ``id`` is what read cursors, assignments and the audit name.

    ``scopes`` and ``claims`` are the authenticator's own; authorizers of the same plugin read them. The claim ``sid``
    names the session for everybody, and ``owner`` the person whose program it is.
    """

    type: PrincipalType
    id: str
    name: str = ""
    department_ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    claims: dict[str, Any] = {}

    @property
    def session_id(self) -> str | None:
        """What was used to come in: the session's id, where its authenticator has sessions, or the key's."""
        return self.claims.get("sid") or (self.id if self.type == "api_key" else None)

    @property
    def counted_as(self) -> str:
        """What its requests are counted by (E21). The programs of one owner share one count: another key is no room for
        more requests."""
        owner = self.claims.get("owner")
        return self.id if owner is None else f"programs of {owner}"

    @property
    def actor(self) -> Actor:
        """The principal as the author of a message or the doer of an action."""
        kinds: dict[PrincipalType, ActorType] = {"user": "agent", "api_key": "api", "bootstrap": "agent", "bot": "bot"}
        return Actor(type=kinds[self.type], id=self.id, name=self.name or None)
