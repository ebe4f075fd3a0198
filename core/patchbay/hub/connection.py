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
    """``cursor`` is the position of the last event that was written or passed over. ``confirmed_until`` is how long the
    principal's rights count as confirmed. ``queued`` counts bytes that were written behind others that still waited,
    ``kept_up`` whether a write since the last look found nothing waiting, ``taken`` what that look saw of the client's
    reading, and ``progress_at`` when it last read something. Times are of the monotonic clock, in seconds."""

    __slots__ = (
        "acked",
        "ask_again",
        "asked_at",
        "asking",
        "closed_at",
        "confirmed_until",
        "cursor",
        "kept_up",
        "principal",
        "progress_at",
        "queued",
        "session",
        "state",
        "taken",
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
        self.queued = 0
        self.taken = 0
        self.kept_up = True
        self.progress_at = now
        self.asked_at = now
        self.asking = False
        self.ask_again = False
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
            if self.wire.get_write_buffer_size():
                self.queued += len(data)
            else:
                self.kept_up = True
            self.wire.write(data)

    def close(self, code: CloseCode, reason: str, now: float) -> None:
        """Say why and take no more events; the hub aborts it if the client does not answer in time."""
        if self.is_open:
            self.write(close_frame(code, reason))
            self.state = State.CLOSING
            self.closed_at = now

    def is_stalled(self, now: float, after_s: float) -> bool:
        """Whether bytes wait and the client has read none of them for this long. To be called every second or so."""
        waiting = self.wire.get_write_buffer_size()
        taken = self.queued - waiting  # means nothing by itself; it grows by what the client reads
        if waiting == 0 or self.kept_up or taken > self.taken:
            self.progress_at = now
        self.taken = taken
        self.kept_up = False
        return now - self.progress_at >= after_s
