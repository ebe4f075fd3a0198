"""People of two departments in the whole gateway: who they are, which rows they reach, and what was written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMsgType

from patchbay.gateway import Gateway
from patchbay.inbox.unit import UnitOfWork
from patchbay.model.event import Event
from patchbay.model.principal import Principal, PrincipalType
from patchbay.model.rows import ALL_ROWS, NO_ROWS, Rows
from patchbay.ports import Act, Card, Credentials, Verdict

READS = ("conversations.read", "messages.read")


@dataclass
class Member:
    """``wide`` are the permissions held for all rows; the others are held for the departments and one's own."""

    departments: tuple[str, ...] = ()
    type: PrincipalType = "user"
    denied: set[str] = field(default_factory=set)
    wide: set[str] = field(default_factory=set)
    gone: bool = False


class Staff:
    """Authenticator, authorizer, directory and recorder at once; bearer tokens are the members' ids."""

    name = "staff"

    def __init__(self) -> None:
        self.members = {
            "anna": Member(("sales",)),
            "bert": Member(("sales",)),
            "cleo": Member(("service",)),
            "chief": Member(("sales", "service")),
            "sync": Member(("sales", "service"), type="api_key"),
        }
        self.departments = {"sales", "service"}
        self.is_used = True
        self.acts: list[Act] = []

    async def authenticate(self, credentials: Credentials) -> Principal | None:
        id = credentials.bearer or ""
        member = self.members.get(id)
        if member is None or member.gone:
            return None
        return Principal(type=member.type, id=id, name=id.title())

    async def still_valid(self, principal: Principal) -> bool:
        return principal.id not in self.members or not self.members[principal.id].gone

    def decide(self, principal: Principal, permission: str) -> Verdict:
        member = self.members.get(principal.id)
        if member is None:
            return "abstain"
        return "deny" if permission in member.denied else "allow"

    def rows(self, principal: Principal, permission: str) -> Rows:
        member = self.members.get(principal.id)
        if member is None:
            return ALL_ROWS
        if permission in member.denied:
            return NO_ROWS
        if permission in member.wide:
            return ALL_ROWS
        return Rows(department_ids=member.departments, user_id=principal.id)

    def sees(self, principal: Principal, event: Event) -> Verdict:
        member = self.members.get(principal.id)
        if member is None:
            return "abstain"
        kind = event.type.partition(".")[0]
        if f"{kind}s.read" in member.denied:
            return "deny"
        return "allow" if kind == "user" or self.rows(principal, f"{kind}s.read").show(event.audience) else "deny"

    def person(self, id: str) -> Card | None:
        member = self.members.get(id)
        return None if member is None or member.type != "user" or member.gone else Card(id, id.title())

    def department(self, id: str) -> Card | None:
        return Card(id, id.title()) if id in self.departments else None

    async def ready(self) -> None:
        pass

    def record(self, uow: UnitOfWork, act: Act) -> object:
        self.acts.append(act)
        return act

    def settled(self, ticket: object, *, committed: bool) -> None:
        if not committed:
            self.acts.remove(ticket)  # type: ignore[arg-type]

    def join(self, gateway: Gateway) -> None:
        """Become part of a gateway that serves nobody yet."""
        registry = gateway.registry
        gateway.registry = replace(
            registry,
            authenticators=(self, *registry.authenticators),
            authorizers=(self, *registry.authorizers),
            directories=(self,),
        )
        gateway.inbox.recorders = (self,)


class Line:
    """One socket that was welcomed."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def say(self, op: str, **members: Any) -> None:
        await self._socket.send_json({"op": op, **members})

    async def hear(self, **wanted: Any) -> dict[str, Any]:
        """The next message with these members."""
        while True:
            message = await self._socket.receive(timeout=10)
            assert message.type is WSMsgType.TEXT, message
            heard: dict[str, Any] = json.loads(message.data)
            if wanted.items() <= heard.items():
                return heard

    async def heard_until_pong(self) -> list[dict[str, Any]]:
        """Whatever was on its way before the answer to a ping."""
        await self.say("ping")
        heard: list[dict[str, Any]] = []
        while (message := await self.hear())["op"] != "pong":
            heard.append(message)
        return heard

    async def close_code(self) -> int | None:
        while (await self._socket.receive(timeout=10)).type is WSMsgType.TEXT:
            pass
        return self._socket.close_code
