"""The gateway as its clients and its provider see it: a process, its address, and the contract's words."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from tests.e2e.fake_graph import ACCESS_TOKEN, FakeGraph
from tests.faults.process import PHONE_NUMBER_ID, GatewayProcess, Reply, envelope

API = "/api/v1"
VERIFY_TOKEN = "contract-verify-token"


class Outside:
    """A gateway, the Graph API it talks to, and what people and providers do to it."""

    def __init__(self, gateway: GatewayProcess, graph: FakeGraph) -> None:
        self.gateway = gateway
        self.graph = graph
        self._people = itertools.count(1)

    # people

    def phone(self) -> str:
        """The number of somebody new, as WhatsApp writes it."""
        return f"1555{next(self._people):07d}"

    async def writes(self, phone: str, text: str = "Hello", **more: Any) -> str:
        """Somebody writes a text; returns its wamid once it is applied."""
        return await self.sends(phone, {"type": "text", "text": {"body": text}, **more})

    async def sends(self, phone: str, message: Mapping[str, Any], *, account: str = PHONE_NUMBER_ID) -> str:
        """Somebody sends any message."""
        wamid = f"wamid.{uuid4().hex}"
        said = {"from": phone, "id": wamid, "timestamp": str(int(time.time())), **message}
        person = {"profile": {"name": f"Person {phone}"}, "wa_id": phone}
        await self.provider("messages", {"contacts": [person], "messages": [said]}, account=account)
        return wamid

    async def reports(self, wamid: str, status: str, **more: Any) -> None:
        """The provider says what became of a message."""
        said = {"id": wamid, "status": status, "timestamp": str(int(time.time())), **more}
        await self.provider("messages", {"statuses": [said]})

    async def provider(self, field: str, value: Mapping[str, Any], *, account: str = PHONE_NUMBER_ID) -> None:
        """The provider posts one change; returns once it is applied."""
        metadata = {"display_phone_number": "15550009999", "phone_number_id": account}
        body = envelope({"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}})
        assert await self.gateway.webhook(body) == 200
        await self.gateway.applied()

    # clients

    async def ask(self, method: str, path: str, body: Any = None, *, headers: Any = None, **query: str) -> Reply:
        """One request with the administrator's token; paths are below ``/api/v1`` unless they begin with it."""
        options: dict[str, Any] = {"headers": dict(headers or {}), "params": query}
        if body is not None:
            options["json"] = body
        return await self.gateway.ask(method, path if path.startswith(API) else API + path, **options)

    async def unsigned(self, path: str, *, method: str = "GET", headers: Any = None, **query: str) -> Reply:
        """One request without the administrator's token; the path is from the root."""
        async with (
            aiohttp.ClientSession(headers=dict(headers or {})) as session,
            session.request(method, f"{self.gateway.url}{path}", params=query) as response,
        ):
            return Reply(response.status, response.headers, await response.read())

    async def got(self, path: str, **query: str) -> Any:
        """The body of a GET that succeeds."""
        reply = await self.ask("GET", path, **query)
        assert reply.status == 200, reply.body
        return reply.json()

    async def done(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The body of a request that succeeds."""
        reply = await self.ask(method, path, body, **query)
        assert reply.status in {200, 201}, reply.body
        return reply.json()

    async def conversation(self, phone: str) -> dict[str, Any]:
        """The newest conversation with this person."""
        found = await self.gateway.every(f"{API}/conversations", sort="-number")
        return next(each for each in found if each["contact"]["display_name"] == f"Person {phone}")

    async def met(self) -> tuple[str, dict[str, Any]]:
        """Somebody new who has just written, so that they can be answered: their phone and the conversation."""
        phone = self.phone()
        await self.writes(phone)
        return phone, await self.conversation(phone)

    async def messages(self, conversation_id: str) -> list[Any]:
        return await self.gateway.every(f"{API}/conversations/{conversation_id}/messages")


def problem(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The answer, which must be this problem in the form that RFC 9457 and the contract ask for."""
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(reply.body)
    assert document.keys() >= {"type", "title", "status", "detail", "instance", "code", "request_id"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == reply.headers["X-Request-Id"]
    return document


def pointers(document: Mapping[str, Any]) -> set[str]:
    """What the problem says is wrong."""
    return {each["pointer"] for each in document["errors"]}


@asynccontextmanager
async def outside(folder: Path, **settings: str) -> AsyncIterator[Outside]:
    """A gateway process and its Graph API while the block runs."""
    async with FakeGraph() as graph:
        gateway = GatewayProcess(
            folder,
            graph_url=graph.url,
            **{
                "PATCHBAY_WHATSAPP__ACCESS_TOKEN": ACCESS_TOKEN,
                "PATCHBAY_WHATSAPP__VERIFY_TOKEN": VERIFY_TOKEN,
                **settings,
            },
        )
        await gateway.start()
        try:
            yield Outside(gateway, graph)
        finally:
            await gateway.stop()
