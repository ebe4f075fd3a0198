"""For tests of whoever watches the log: a log in memory, a line whose reader can stop.

``MemoryLog`` is a ``hub.tail.LogReader``, ``HeldWire`` a ``hub.connection.Wire``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Raw
from msgspec.json import Decoder, Encoder

from patchbay.errors import StoreUnavailable
from patchbay.model.event import Audience, Event
from patchbay.model.message import SYSTEM, Actor

_encode = Encoder().encode
_decode = Decoder().decode
START = datetime(2026, 11, 22, 9, 33, tzinfo=UTC)


class MemoryLog:
    """``pauses`` gives how often a read lets others run before it answers; ``down`` makes every read fail."""

    def __init__(self, epoch: str = "epoch-1", pauses: Callable[[], int] | None = None) -> None:
        self.events: list[Event] = []
        self.pruned = 0
        self.down = False
        self.reads = 0
        self._epoch = epoch
        self._pauses = pauses

    def append(
        self,
        type: str = "message.received",
        data: Any = None,
        *,
        audience: Audience | None = None,
        actor: Actor = SYSTEM,
        subject: tuple[str, str] = ("message", "msg_1"),
    ) -> Event:
        """Commit one event."""
        event = Event(
            position=len(self.events) + 1,
            type=type,
            subject_type=subject[0],
            subject_id=subject[1],
            actor=actor,
            audience=audience or Audience(),
            data=Raw(_encode({} if data is None else data)),
            occurred_at=START + timedelta(milliseconds=len(self.events)),
        )
        self.events.append(event)
        return event

    def prune(self, position: int) -> None:
        """Forget the events up to this one."""
        self.pruned = max(self.pruned, min(position, len(self.events)))

    async def read(self, after: int, limit: int) -> list[Event]:
        self.reads += 1
        await self._answering()
        first = max(after, self.pruned)
        return self.events[first : first + limit]

    async def head(self) -> int:
        await self._answering()
        return len(self.events)

    async def oldest(self) -> int:
        await self._answering()
        return self.pruned + 1

    async def epoch(self) -> str:
        return self._epoch

    async def _answering(self) -> None:
        for _ in range(self._pauses() if self._pauses else 0):
            await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the log is down")


class HeldWire:
    """A transport. While ``reading`` is False nothing leaves its buffer. ``close_code`` is what the last close frame
    said, ``aborted`` whether the line was cut; what was received is in ``messages()``."""

    def __init__(self) -> None:
        self.reading = True
        self.aborted = False
        self.closed = False
        self.writes = 0
        self.largest_buffer = 0
        self._buffer = bytearray()
        self._received = bytearray()

    def write(self, data: bytes, /) -> None:
        if self.is_closing():
            raise RuntimeError("written after the end")
        self.writes += 1
        self._buffer += data
        if self.reading:
            self.flush()
        self.largest_buffer = max(self.largest_buffer, len(self._buffer))

    def flush(self, size: int | None = None) -> None:
        """Let the other end read what waits, or this much of it."""
        taken = bytes(self._buffer[:size])
        del self._buffer[: len(taken)]
        self._received += taken

    def get_write_buffer_size(self) -> int:
        return len(self._buffer)

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True
        self._buffer.clear()

    def messages(self) -> list[dict[str, Any]]:
        """The text frames that arrived, decoded."""
        return [_decode(payload) for opcode, payload in frames_in(bytes(self._received)) if opcode == 1]

    @property
    def close_code(self) -> int | None:
        closes = [payload for opcode, payload in frames_in(bytes(self._received)) if opcode == 8]
        return int.from_bytes(closes[-1][:2], "big") if closes else None

    @property
    def close_reason(self) -> str:
        closes = [payload for opcode, payload in frames_in(bytes(self._received)) if opcode == 8]
        return closes[-1][2:].decode() if closes else ""


def frames_in(data: bytes) -> list[tuple[int, bytes]]:
    """The whole WebSocket frames of a server in these bytes: (opcode, payload). A last one that is cut is left out."""
    found = []
    start = 0
    while len(data) - start >= 2:
        size, begin = data[start + 1], start + 2
        if size in (126, 127):
            width = 2 if size == 126 else 8
            size, begin = int.from_bytes(data[begin : begin + width], "big"), begin + width
        if len(data) < begin + size:
            break
        found.append((data[start] & 0x0F, data[begin : begin + size]))
        start = begin + size
    return found
