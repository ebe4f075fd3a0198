"""Who is asking."""

from __future__ import annotations

from typing import Any, Literal

from patchbay.model.document import Value
from patchbay.model.message import Actor, ActorType

PrincipalType = Literal["user", "api_key", "bootstrap", "bot"]


class Principal(Value, frozen=True, kw_only=True):
    """An authenticated caller. ``id`` is what read cursors, assignments and the audit name.

    ``scopes`` and ``claims`` are the authenticator's own; authorizers of the same plugin read them.
    """

    type: PrincipalType
    id: str
    name: str = ""
    department_ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    claims: dict[str, Any] = {}

    @property
    def actor(self) -> Actor:
        """The principal as the author of a message or the doer of an action."""
        kinds: dict[PrincipalType, ActorType] = {"user": "agent", "api_key": "api", "bootstrap": "agent", "bot": "bot"}
        return Actor(type=kinds[self.type], id=self.id, name=self.name or None)
