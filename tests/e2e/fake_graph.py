"""A Graph API of a few lines, written from the provider facts alone: what the contract tests hold the gateway against.

It shares nothing with the simulator plugin, so that a misunderstanding in one does not hide in the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from aiohttp import web

ACCESS_TOKEN = "graph-access-token-1"
TOO_LATE = {"code": 131047, "message": "(#131047) Re-engagement message", "type": "OAuthException"}
REVOKED = {"code": 190, "message": "Error validating access token", "type": "OAuthException", "error_subcode": 463}


@dataclass(frozen=True)
class Call:
    """One request that the gateway made."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


class FakeGraph:
    """``messages``, ``media`` and nothing more; everything else is answered with success."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.tokens = {ACCESS_TOKEN}
        self.refusals: list[tuple[int, Mapping[str, Any]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.files: dict[str, tuple[str, bytes]] = {}
        self.nodes: dict[str, Mapping[str, Any]] = {}  # what is told of an id
        self.refused: dict[str, Mapping[str, Any]] = {}  # the error of an id
        self.url = ""
        self._numbers = itertools.count(1)
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> FakeGraph:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.open.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Bodies of the messages asked to be sent, refused ones included, oldest first."""
        return [call.body for call in self.calls if call.path.endswith("/messages") and "type" in call.body]

    async def sees_text(self, text: str, within_s: float = 8.0) -> None:
        """Return once this text was asked to be sent."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: any(body.get("text", {}).get("body") == text for body in self.sent))

    def keep(self, media_id: str, content: bytes, mime_type: str) -> None:
        """A file that a customer sent."""
        self.files[media_id] = (mime_type, content)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = {}
        if request.content_type == "application/json":
            body = await request.json()
        elif request.content_type == "multipart/form-data":
            body = {
                name: value.file.read() if isinstance(value, web.FileField) else value
                for name, value in (await request.post()).items()
            }
        self.calls.append(Call(request.method, request.path, body))
        async with self._changed:
            self._changed.notify_all()
        await self.open.wait()
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return web.json_response({"error": REVOKED}, status=401)
        last = request.path.rsplit("/", 1)[-1]
        if request.method == "POST" and last == "messages" and "status" not in body:
            return self._message(body)
        if request.method == "POST" and last == "media":
            media_id = f"{9_000_000 + next(self._numbers)}"
            self.keep(media_id, body["file"], str(body.get("type", "application/octet-stream")))
            return web.json_response({"id": media_id})
        if request.method == "GET" and last in self.refused:
            return web.json_response({"error": self.refused[last]}, status=400)
        if request.method == "GET" and last in self.nodes:
            return web.json_response({**self.nodes[last], "id": last})
        if request.method == "GET" and last in self.files:
            mime_type, content = self.files[last]
            if "/file/" in request.path:
                return web.Response(body=content, content_type=mime_type)
            digest = hashlib.sha256(content).hexdigest()
            return web.json_response(
                {
                    "id": last,
                    "url": f"{self.url}/file/{last}",
                    "mime_type": mime_type,
                    "sha256": digest,
                    "file_size": len(content),
                }
            )
        if request.method == "GET" and last.isdigit() and last.startswith("5"):
            return web.json_response(
                {"error": {"code": 100, "message": "Unsupported get request", "type": "GraphMethodException"}},
                status=400,
            )
        return web.json_response({"success": True, "data": []})

    def _message(self, body: Mapping[str, Any]) -> web.Response:
        if self.refusals:
            status, error = self.refusals.pop(0)
            return web.json_response({"error": error}, status=status)
        contact = {"input": body.get("to") or body.get("recipient"), "wa_id": str(body.get("to", "")).lstrip("+")}
        wamid = f"wamid.OUT{next(self._numbers):06d}"
        return web.json_response(
            {
                "messaging_product": "whatsapp",
                "contacts": [contact],
                "messages": [{"id": wamid, "message_status": "accepted"}],
            }
        )
