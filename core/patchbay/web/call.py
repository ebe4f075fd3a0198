"""One call of an operation: who asks for what, which rows they reach, and what is done on their behalf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from patchbay.errors import Forbidden
from patchbay.inbox.rows import scope_of
from patchbay.inbox.unit import missing
from patchbay.model.cause import Cause
from patchbay.model.conversation import Conversation
from patchbay.model.rows import ALL_ROWS, Rows
from patchbay.ports import Query, Where
from patchbay.web.auth import authorise, is_allowed, rows_of
from patchbay.web.keys import ADDRESS, REQUEST_ID, ROWS
from patchbay.web.operations import Answer, Operation, Public

if TYPE_CHECKING:
    from patchbay.collections import Collection as Stored
    from patchbay.inbox.unit import UnitOfWork
    from patchbay.model.document import Document
    from patchbay.model.message import Actor
    from patchbay.model.principal import Principal
    from patchbay.web.keys import Gateway

D = TypeVar("D", bound="Document")
T = TypeVar("T")
MAX_USER_AGENT = 200  # characters of it that are kept


class Call:
    """One call of an operation: who asks for what, and the gateway that can do it.

    ``rows`` are those that the principal reaches with the operation's permission; ``run``, ``need`` and the lists keep
    to them. What a handler puts into ``about`` stands beside the call in the trail.
    """

    __slots__ = (
        "_principal",
        "about",
        "body",
        "expected_version",
        "gateway",
        "operation",
        "query",
        "request",
        "request_id",
        "rows",
    )

    def __init__(
        self, request: web.Request, operation: Operation, gateway: Gateway, principal: Principal | None, request_id: str
    ) -> None:
        self.request = request
        self.operation = operation
        self.gateway = gateway
        self.request_id = request_id
        self.body: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.expected_version: int | None = None
        self.rows: Rows = request.get(ROWS, ALL_ROWS)
        self.about: dict[str, Any] = {}
        self._principal = principal

    @property
    def path(self) -> Mapping[str, str]:
        """The path's parameters by name."""
        return self.request.match_info

    @property
    def principal(self) -> Principal:
        """Who asks; public operations have nobody and must not look."""
        if self._principal is None:
            raise LookupError(f"{self.operation.path} is public: it has no principal")
        return self._principal

    @property
    def actor(self) -> Actor:
        """The principal as the doer of what follows."""
        return self.principal.actor

    @property
    def cause(self) -> Cause:
        """This call, as the trail names it."""
        return cause_of(self.request, self.operation.handler.__name__, self.operation.permission, self._principal)

    async def run(self, command: Callable[[UnitOfWork], T], *, lane: str | None = None) -> T:
        """The command's result once it is durable, done by the principal and caused by this request.

        Whether they may is asked again where the command runs: a body can take its time, and a role be withdrawn
        meanwhile. Raises ``Forbidden`` then.
        """

        def judged(uow: UnitOfWork) -> T:
            uow.rows = self.judge()
            return command(uow)

        return await self.gateway.inbox.run(
            judged,
            actor=self.actor,
            lane=lane,
            causation_id=self.request_id,
            rows=self.rows,
            cause=self.cause,
            about=self.about,
        )

    def judge(self) -> Rows:
        """The rows that the principal reaches by now. Raises ``Forbidden`` for who may not any more."""
        permission = self.operation.permission
        if not isinstance(permission, Public):
            authorizers = self.gateway.registry.authorizers
            authorise(self.principal, permission, authorizers)
            rows: Rows = rows_of(self.principal, permission, authorizers)
            self.rows = rows
        return self.rows

    async def need(self, collection: Stored[D], id: str) -> D:
        """The document as last committed, among the rows.

        Raises ``NotFound`` for one that the principal may not even see, ``Forbidden`` for one that may be seen.
        """
        found = await self.gateway.inbox.get(collection, id)
        if found is None:
            raise missing(collection, id)
        if not await self._reaches(self.rows, collection, id, found):
            if await self._may_see(collection, found):
                raise Forbidden("You may see this, and not do that with it.")
            raise missing(collection, id)
        return found

    async def may(self, permission: str, collection: Stored[D], document: D) -> bool:
        """Whether the principal has another permission, for this document."""
        authorizers = self.gateway.registry.authorizers
        if not is_allowed(self.principal, permission, authorizers):
            return False
        return await self._reaches(rows_of(self.principal, permission, authorizers), collection, document.id, document)

    async def _may_see(self, collection: Stored[D], document: D) -> bool:
        """Whether the principal sees it, where the operation is about doing something with it."""
        permission = self.operation.permission
        if isinstance(permission, Public) or permission.endswith(".read"):
            return False
        return await self.may(f"{permission.partition('.')[0]}.read", collection, document)

    async def _reaches(self, rows: Rows, collection: Stored[Any], id: str, document: Document) -> bool:
        if rows.all:
            return True
        if isinstance(document, Conversation):
            return rows.hold(document.department_id, document.assignee_id)
        scope = scope_of(rows, collection)
        if not scope:
            return True
        one = Query(collection, (Where("id", "eq", id),), any_of=scope, limit=1)
        return bool((await self.gateway.store.find(one)).items)

    async def perform(
        self,
        command: Callable[[UnitOfWork], T],
        respond: Callable[[T], Answer],
        *,
        lane: str | None = None,
        fingerprint: str | None = None,
    ) -> Answer:
        """``run`` for what creates: with an ``Idempotency-Key`` the answer is recorded in the same commit, and a
        repetition gets it again. ``respond`` must be pure. ``fingerprint`` stands for a body that was not JSON."""
        from patchbay.web.idempotency import perform  # it builds on calls

        return await perform(self, command, respond, lane=lane, fingerprint=fingerprint)


def cause_of(
    request: web.Request, operation: str, permission: str | Public | None, principal: Principal | None
) -> Cause:
    """The cause of what an operation does."""
    return Cause(
        operation=operation,
        permission=permission if isinstance(permission, str) else None,
        request_id=request.get(REQUEST_ID),
        address=request.get(ADDRESS),
        session_id=None if principal is None else principal.session_id,
        user_agent=request.headers.get("User-Agent", "")[:MAX_USER_AGENT] or None,
    )
