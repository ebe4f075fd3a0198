"""A client of the socket that keeps what it was told, and goes on from there when its line breaks."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec

from tests.faults.process import TOKEN, GatewayProcess

PROTOCOL = "patchbay.v1.json"
ENDED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
_decode = msgspec.json.Decoder().decode


class Watcher:
    """``transcript`` holds the event frames in the order they came, over all connections, and ``came_at`` when (of the
    monotonic clock). The first connection begins at the head of the log, each later one where the one before ended."""

    def __init__(
        self,
        gateway: GatewayProcess,
        *,
        topics: Sequence[str] = ("inbox",),
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._gateway = gateway
        self._topics = list(topics)
        self._session = session
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.transcript: list[dict[str, Any]] = []
        self.came_at: list[float] = []
        self.began = 0
        self.position = 0
        self.epoch: str | None = None
        self.codes: list[int] = []
        self.reason = ""
        self.resyncs = 0

    async def connect(self) -> None:
        """Say hello and be welcomed. Raises ``aiohttp.ClientError`` or ``OSError`` when nobody answers."""
        hello: dict[str, Any] = {"op": "hello", "token": TOKEN, "topics": self._topics}
        if self.epoch is not None:
            hello["resume"] = {"epoch": self.epoch, "position": self.position}
        session = self._session or self._gateway.session
        self._socket = await session.ws_connect(f"{self._gateway.url}/api/v1/ws", protocols=(PROTOCOL,), max_msg_size=0)
        await self._socket.send_json(hello)
        answer = await self._socket.receive(timeout=10)
        if answer.type is not aiohttp.WSMsgType.TEXT:
            raise aiohttp.ClientConnectionError(f"no welcome: {answer.type.name}")
        welcome = _decode(answer.data)
        if welcome["op"] != "welcome":
            raise AssertionError(f"no welcome: {welcome}")
        if self.epoch is None:
            self.began = self.position = welcome["position"]
        elif welcome["epoch"] != self.epoch:
            raise AssertionError("the log has another epoch after a restart")
        self.epoch = welcome["epoch"]

    async def listen(self) -> int:
        """Keep what comes until the socket ends; its close code, 1006 when the line broke."""
        line = self._socket
        if line is None:
            raise RuntimeError("not connected")
        while (message := await line.receive()).type not in ENDED:
            self._hear(_decode(message.data))
        self.codes.append(message.data if message.type is aiohttp.WSMsgType.CLOSE else 1006)
        self.reason = message.extra or ""
        return self.codes[-1]

    def _hear(self, frame: dict[str, Any]) -> None:
        if frame["op"] == "event":
            self.transcript.append(frame)
            self.came_at.append(time.monotonic())
            self.position = frame["position"]
        elif frame["op"] == "resync":
            self.resyncs += 1

    def cut(self) -> None:
        """Break the line, as a network does: no farewell."""
        line = self._socket
        connection = None if line is None or line.closed else line.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):  # it was broken already
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def port(self) -> int:
        """The client's end of the line."""
        if self._socket is None:
            raise RuntimeError("not connected")
        return int(self._socket.get_extra_info("sockname")[1])

    async def close(self) -> None:
        if self._socket is not None and not self._socket.closed:
            await self._socket.close()

    async def heard(self, position: int, within_s: float = 30.0) -> None:
        """Return once it has heard everything up to this position."""
        async with asyncio.timeout(within_s):
            while self.position < position:
                await asyncio.sleep(0.02)
