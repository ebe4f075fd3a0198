"""One connection, as the hub knows it: who, what it listens to, how far it read."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from patchbay.hub.codes import CloseCode
from patchbay.hub.frames import close_frame
from patchbay.hub.topics import NOTHING, Topics
from patchbay.model.principal import Principal


class Wire(Protocol):
    """What the hub asks of a transport; ``asyncio.Transport`` is one."""

    def write(self, data: bytes, /) -> None: ...
    def get_write_buffer_size(self) -> int: ...
    def is_closing(self) -> bool: ...
    def close(self) -> None: ...
    def abort(self) -> None: ...


class State(Enum):
    """``LIVE`` connections take new events as they come. The others read the log by themselves until they are at its
    head: ``BEHIND`` waits for its turn or has it, ``DRAINING`` for the client to read, ``HELD`` for its rights to be
    confirmed or for the store to answer."""

    GREETING = "greeting"
    LIVE = "live"
    BEHIND = "behind"
    DRAINING = "draining"
    HELD = "held"
    CLOSING = "closing"
    GONE = "gone"


class Connection:
    """``cursor`` is the position of the last event that was written or passed over. ``sent`` counts bytes written,
    ``flushed`` those that the kernel has taken, ``progress_at`` when it last took some. ``confirmed_until`` is how
    long the principal's rights count as confirmed. Times are of the monotonic clock, in seconds."""

    __slots__ = (
        "acked",
        "asked_at",
        "asking",
        "closed_at",
        "confirmed_until",
        "cursor",
        "flushed",
        "principal",
        "progress_at",
        "sent",
        "session",
        "state",
        "topics",
        "wire",
    )

    principal: Principal  # from the welcome on

    def __init__(self, wire: Wire, session: str, now: float) -> None:
        self.wire = wire
        self.session = session
        self.state = State.GREETING
        self.topics: Topics = NOTHING
        self.cursor = 0
        self.acked = 0
        self.sent = 0
        self.flushed = 0
        self.progress_at = now
        self.asked_at = now
        self.asking = False
        self.confirmed_until = now
        self.closed_at = now

    @property
    def is_open(self) -> bool:
        return self.state is not State.CLOSING and self.state is not State.GONE

    @property
    def is_known(self) -> bool:
        """Whether it said who it is."""
        return hasattr(self, "principal")

    def write(self, data: bytes) -> None:
        """Write whole frames, unless the connection is closing."""
        if self.is_open and not self.wire.is_closing():
            self.wire.write(data)
            self.sent += len(data)

    def close(self, code: CloseCode, reason: str, now: float) -> None:
        """Say why and take no more events; the hub aborts it if the client does not answer in time."""
        if self.is_open:
            self.write(close_frame(code, reason))
            self.state = State.CLOSING
            self.closed_at = now

    def is_stalled(self, now: float, after_s: float) -> bool:
        """Whether bytes wait and the client has read none of them for this long. To be called every second or so."""
        waiting = self.wire.get_write_buffer_size()
        flushed = self.sent - waiting
        if waiting == 0 or flushed > self.flushed:
            self.flushed = flushed
            self.progress_at = now
        return now - self.progress_at >= after_s
