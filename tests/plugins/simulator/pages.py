"""What the tests of pages and Instagram accounts share: ids, and a client that writes to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from patchbay_simulator import GraphSimulator, Visitor

if TYPE_CHECKING:
    from tests.plugins.simulator.conftest import Client, Receiver

PAGE = "104857600000001"
INSTAGRAM = "17841400000000001"
APP_ID = 201000000000001


class Desk:
    """The account's side of one person's thread."""

    def __init__(self, meta: GraphSimulator, graph: Client, receiver: Receiver, visitor: Visitor, account: str) -> None:
        self.meta = meta
        self.graph = graph
        self.receiver = receiver
        self.visitor = visitor
        self.account = account
        self.person = visitor.scoped_id()

    async def post(self, recipient: dict[str, Any] | None = None, **body: Any) -> tuple[int, Any]:
        whom = {"recipient": recipient or {"id": self.person}}
        return await self.graph.call("POST", f"{self.account}/messages", json={**whom, **body})

    async def send(self, text: str = "Hello", **more: Any) -> str:
        """A text that is accepted; its mid."""
        status, body = await self.post(message={"text": text}, **more)
        assert status == 200, body
        assert body["recipient_id"] == self.person
        return str(body["message_id"])

    async def refused(self, recipient: dict[str, Any] | None = None, **body: Any) -> tuple[int, int, int | None]:
        """HTTP status, code and subcode of a send that is refused."""
        status, answer = await self.post(recipient, **body)
        error = answer["error"]
        assert error["fbtrace_id"]
        return status, error["code"], error.get("error_subcode")

    async def events(self) -> list[dict[str, Any]]:
        """All messaging events so far, in the order they came."""
        return await self.entries("messaging")

    async def entries(self, part: str) -> list[dict[str, Any]]:
        await self.meta.idle()
        bodies = [msgspec.json.decode(body) for _, body in self.receiver.posts]
        return [item for body in bodies for entry in body["entry"] for item in entry.get(part, [])]


def echoes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event.get("message", {}).get("is_echo")]
