"""A Bot API on this machine: takes calls over HTTP, keeps them, and answers as the documentation says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

# The method of each field that holds a file, and how the answer holds it.
FILES = {
    "photo": list,
    "video": dict,
    "animation": dict,
    "audio": dict,
    "voice": dict,
    "document": dict,
    "sticker": dict,
}


class Called(NamedTuple):
    """One call: its method, its parameters decoded, and the bytes of its file."""

    method: str
    params: dict[str, Any]
    file: bytes | None


class BotApi:
    """``files`` maps a file id to its bytes; ``refusals`` are given instead of an answer, one each."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.calls: list[Called] = []
        self.headers: list[Mapping[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.refusals: list[tuple[int, str, dict[str, Any]]] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[BotApi]:
        app = web.Application()
        app.router.add_post("/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        if request.match_info["token"] != self.token:
            return _refused(401, "Unauthorized", {})
        called = await self._read(request)
        self.calls.append(called)
        if self.refusals:
            return _refused(*self.refusals.pop(0))
        return web.json_response({"ok": True, "result": self._result(called)})

    async def _read(self, request: web.Request) -> Called:
        method = request.match_info["method"]
        if request.content_type == "application/json":
            return Called(method, await request.json(), None)
        params, file = {}, None
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                file = value.file.read()
                self.files[f"{name}-{len(self.files)}"] = file
            else:
                params[name] = _decoded(value)
        return Called(method, params, file)

    def _result(self, called: Called) -> Any:
        match called.method:
            case "getMe":
                return {"id": int(self.token.split(":")[0]), "is_bot": True, "first_name": "Shop"}
            case "getFile":
                id = called.params["file_id"]
                return {"file_id": id, "file_size": len(self.files[id]), "file_path": f"documents/{id}"}
            case method if not method.startswith("send") or method == "sendChatAction":
                return True
        chat, field = int(called.params["chat_id"]), called.method.removeprefix("send").lower()
        held: Any = {"file_id": list(self.files)[-1]} if called.file is not None else None
        more = {} if held is None else {field: [held] if FILES[field] is list else held}
        return {"message_id": 100 + len(self.calls), "date": 1_790_000_000, "chat": {"id": chat}, **more}

    async def _download(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        held = self.files.get(request.match_info["path"].removeprefix("documents/"))
        if request.match_info["token"] != self.token or held is None:
            return web.Response(status=404)
        return web.Response(body=held)


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _refused(code: int, description: str, parameters: dict[str, Any]) -> web.Response:
    body = {"ok": False, "error_code": code, "description": description}
    return web.json_response({**body, **({"parameters": parameters} if parameters else {})}, status=code)
