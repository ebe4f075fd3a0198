"""Who is asking, what they may do and see, and who there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from patchbay.model.event import Event
from patchbay.model.principal import Principal
from patchbay.model.rows import Rows

if TYPE_CHECKING:
    from aiohttp import web


class Authenticator(Protocol):
    """Says who a request is from."""

    name: str

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        """The principal, or None when these credentials are not ours to judge. Raises ``Unauthenticated`` when they
        are ours and wrong."""


@dataclass(frozen=True)
class Credentials:
    """What a request or a socket's hello brought: one of a bearer token, an API key, cookies."""

    bearer: str | None = None
    api_key: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    request: web.Request | None = None


Verdict = Literal["allow", "deny", "abstain"]


class Authorizer(Protocol):
    """Says whether a principal may use a permission. One deny denies, and so does silence.

    One that restricts whom it allows to some rows has a method ``rows(principal, permission) -> Rows`` too
    (``RowAuthorizer``); without it, what it allows it allows for all rows.
    """

    name: str

    def decide(self, principal: Principal, permission: str) -> Verdict: ...

    def sees(self, principal: Principal, event: Event) -> Verdict:
        """Whether the principal may see this event; called for every event and principal, so it must be quick."""


@runtime_checkable
class RowAuthorizer(Protocol):
    """The part of an authorizer that restricts rows."""

    def rows(self, principal: Principal, permission: str) -> Rows:
        """The rows for which it allows the permission. What several authorizers allow is what all of them hold."""


@runtime_checkable
class Standing(Protocol):
    """The part of an authenticator that says later whether somebody may still be who they were."""

    async def still_valid(self, principal: Principal) -> bool:
        """Asked every few seconds for each open connection: False ends it. Others' principals are still valid."""


class Directory(Protocol):
    """Knows the people and departments that conversations may be given to. Answers at once, from memory."""

    name: str

    @property
    def is_used(self) -> bool:
        """Whether there is anybody in it: while there is not, any id is taken for a person's or a department's."""

    def person(self, id: str) -> Card | None:
        """Somebody who may be given work, None for nobody."""

    def department(self, id: str) -> Card | None: ...


@dataclass(frozen=True)
class Card:
    """What others see of a person or a department. ``available`` is whether work should be given to them now."""

    id: str
    name: str
    available: bool = True
