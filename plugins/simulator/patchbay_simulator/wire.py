"""The socket side of the fake Graph API: reads requests, keeps the ledger, writes replies, breaks them on purpose."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from patchbay_simulator import tokens
from patchbay_simulator.calls import Call, Reply, Upload, refusal
from patchbay_simulator.errors import GraphError
from patchbay_simulator.faults import Fault
from patchbay_simulator.graph import Graph
from patchbay_simulator.ledger import Entry
from patchbay_simulator.page_sends import addressee
from patchbay_simulator.platform import Platform
from patchbay_simulator.shelf import CDN_PATH, DOWNLOAD_PATH

_VERSION = re.compile(r"/v\d{1,3}(?:\.\d+)?/")
_LINGER_0 = struct.pack("ii", 1, 0)  # closing sends a reset instead of a farewell
_GATEWAY_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body>Sorry, something went wrong.</body></html>"
)
_ZEROS = bytes(64 * 1024)
TRAP_PATH = "/trap/"


class Wire:
    """The handler of every request that is not for the control API."""

    def __init__(self, platform: Platform, graph: Graph) -> None:
        self._platform = platform
        self._graph = graph
        self.trap_url = ""
        self.leaks: list[dict[str, Any]] = []
        self.trapped = 0

    async def trap(self, request: web.Request) -> web.Response:
        """Another host, that redirects lead to. Whatever comes here with a token is a leak."""
        self.trapped += 1
        tokens = self._platform.config.access_tokens
        in_url = any(token in request.path_qs for token in tokens)
        body = await request.read()
        if "Authorization" in request.headers or in_url or any(token.encode() in body for token in tokens):
            self.leaks.append({"at": self._platform.clock.now(), "method": request.method, "path": request.path})
            del self.leaks[:-1_000]
        return web.Response(text="{}", content_type="application/json")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a call to the fake Graph API, or do what a fault says."""
        fault = self._platform.faults.pick_early(request.method, request.path)
        token = _bearer(request)
        if fault is not None:
            self._record(request, token, b"").fault = fault.kind
            await self._reset(request)
        body, call = await self._read(request, token)
        entry = self._record(request, token, body)
        _note_send(entry, call)
        fault = self._platform.faults.pick(request.method, request.path, entry.to)
        reply = await self._carry_out(request, call, fault)
        entry.executed, entry.code, entry.wamid = reply.executed, reply.code, reply.wamid
        if fault is None or fault.kind == "failed_status":
            if fault is not None:
                entry.fault = fault.kind
            entry.status, entry.replied = reply.status, True
            return web.Response(body=reply.body, status=reply.status, content_type=None, headers=_headers(reply))
        entry.fault = fault.kind
        return await self._break(request, entry, reply, fault)

    def _record(self, request: web.Request, token: str | None, body: bytes) -> Entry:
        query = {name: value for name, value in request.query.items() if name != "access_token"}
        return self._platform.ledger.record(
            self._platform.clock.now(),
            request.method,
            request.path,
            query,
            request.headers,
            self._graph.token_state(token),
            body,
        )

    async def _read(self, request: web.Request, token: str | None) -> tuple[bytes, Call]:
        fields: dict[str, Any] = {}
        unreadable: str | None = None
        upload: Upload | None = None
        body = b""
        if request.content_type == "multipart/form-data":
            fields, upload = await _multipart(request)
            body = msgspec.json.encode({**fields, "file": _describe(upload)})
        elif request.body_exists:
            body = await request.read()
            if request.content_type == "application/x-www-form-urlencoded":
                fields = dict(parse_qsl(body.decode("utf-8", "replace")))
            elif body:
                try:
                    fields = msgspec.json.decode(body, type=dict[str, Any])
                except msgspec.MsgspecError as error:
                    unreadable = str(error)
        match = _VERSION.match(request.path)
        path = request.path[match.end() :].rstrip("/") if match else ""
        if request.path.strip("/") in tokens.PATHS:
            path = request.path.strip("/")  # these two have no version
        return body, Call(request.method, path, request.query, token, fields, unreadable, upload)

    async def _carry_out(self, request: web.Request, call: Call, fault: Fault | None) -> Reply:
        """The reply that the caller should get, or would get but for the fault."""
        refused: GraphError | None = None
        if fault is not None and fault.kind in ("error", "error_in_200", "revoke_token"):
            code = 190 if fault.kind == "revoke_token" else fault.code
            refused = GraphError(
                code,
                fault.details,
                subcode=fault.subcode,
                http_status=fault.http_status,
                retry_after_s=fault.retry_after_s,
            )
            if fault.kind == "revoke_token" and call.token is not None:
                self._platform.world.revoked.add(call.token)
        if fault is not None and not fault.has_effect:
            if refused is None:
                return Reply(0, b"", executed=False)
            return self._refuse(call, refused, status=_status_of(fault))
        done = await self._answer(request, call, fault)
        if refused is not None and fault is not None:
            told = self._refuse(call, refused, status=_status_of(fault), executed=done.executed)
            told.wamid = done.wamid
            return told
        return done

    async def _answer(self, request: web.Request, call: Call, fault: Fault | None) -> Reply:
        if request.path == DOWNLOAD_PATH:
            return self._graph.shelf.download(request.query, self._graph.token_state(call.token))
        if request.path == CDN_PATH:
            return self._graph.shelf.fetch(request.query)
        try:
            return await self._graph.answer(call, fault)
        except GraphError as error:
            return self._refuse(call, error)

    def _refuse(self, call: Call, error: GraphError, *, status: int | None = None, executed: bool = False) -> Reply:
        """The refusal as a reply. Only WhatsApp's errors have details."""
        if self._graph.of_pages(call):
            error.details = ""
        return refusal(error, self._platform.mint.trace(), status=status, executed=executed)

    async def _break(self, request: web.Request, entry: Entry, reply: Reply, fault: Fault) -> web.StreamResponse:
        match fault.kind:
            case "hang":
                await _forever()
            case "reset":
                await self._reset(request)
            case "drop_reply":
                if fault.how == "hang":
                    await _forever()
                elif fault.how == "close":
                    _close(request)
                    await _forever()
                await self._reset(request)
            case "late_reply":
                await self._platform.clock.sleep(fault.delay_s)
            case "endless":
                await self._endless(request, entry, reply)
            case "drip" | "truncate":
                return await self._partial(request, entry, reply, fault)
            case "html":
                status = fault.http_status or 502
                entry.status, entry.replied = status, True
                return web.Response(body=_GATEWAY_PAGE, status=status, content_type="text/html")
            case "redirect":
                entry.status, entry.replied = 307, True
                return web.Response(status=307, headers={"Location": fault.location or f"{self.trap_url}{TRAP_PATH}"})
            case _:
                pass
        entry.status, entry.replied = reply.status, True
        return web.Response(body=reply.body, status=reply.status, headers=_headers(reply))

    async def _partial(self, request: web.Request, entry: Entry, reply: Reply, fault: Fault) -> web.StreamResponse:
        """The body in drops, or only its first half."""
        entry.status = reply.status
        half = reply.body[: len(reply.body) // 2]
        if fault.kind == "truncate" and fault.how == "json":
            entry.replied = True
            return web.Response(body=half, status=reply.status, headers=_headers(reply))
        response = web.StreamResponse(status=reply.status, headers=_headers(reply))
        response.content_length = len(reply.body)
        await response.prepare(request)
        if fault.kind == "truncate":
            await response.write(half)
            _close(request)
            await _forever()
        for byte in reply.body:
            await response.write(bytes([byte]))
            await self._platform.clock.sleep(fault.delay_s)
        entry.replied = True
        await response.write_eof()
        return response

    async def _endless(self, request: web.Request, entry: Entry, reply: Reply) -> NoReturn:
        """A body without end; the handler is cancelled when the reader leaves."""
        entry.status = reply.status
        response = web.StreamResponse(status=reply.status, headers=_headers(reply))
        await response.prepare(request)
        await response.write(reply.body)
        while True:
            await response.write(_ZEROS)

    async def _reset(self, request: web.Request) -> NoReturn:
        """End the connection with a TCP reset; the handler is cancelled by it."""
        if request.transport is not None:
            with socket.socket(fileno=socket.dup(request.transport.get_extra_info("socket").fileno())) as twin:
                twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            request.transport.abort()
        await _forever()


async def _forever() -> NoReturn:
    """Wait until the connection is gone or the server stops: both cancel the handler."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets this event")


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


def _bearer(request: web.Request) -> str | None:
    """The token of the header, or of Graph's query parameter."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") and token else request.query.get("access_token")


def _headers(reply: Reply) -> Mapping[str, str]:
    return {"Content-Type": reply.content_type, "facebook-api-version": "v26.0", **reply.headers}


def _status_of(fault: Fault) -> int | None:
    return 200 if fault.kind == "error_in_200" else None


def _note_send(entry: Entry, call: Call) -> None:
    to = call.fields.get("to") or call.fields.get("recipient")
    if isinstance(to, str):
        entry.to = re.sub(r"\D", "", to) if to.startswith("+") else to
    reference = call.fields.get("biz_opaque_callback_data")
    if (page_send := addressee(call.fields)) is not None:
        entry.to, reference = page_send
    if isinstance(reference, str):
        entry.reference = reference


def _describe(upload: Upload | None) -> dict[str, Any] | None:
    if upload is None:
        return None
    return {"filename": upload.filename, "content_type": upload.mime_type, "size": len(upload.data)}


async def _multipart(request: web.Request) -> tuple[dict[str, Any], Upload | None]:
    fields: dict[str, Any] = {}
    upload: Upload | None = None
    form = await request.post()
    for name, value in form.items():
        if isinstance(value, web.FileField):
            with value.file as opened:
                upload = Upload(opened.read(), value.content_type, value.filename)
        elif isinstance(value, str):
            fields[name] = value
    return fields, upload
