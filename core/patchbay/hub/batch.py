"""Events of the log that follow each other, as everybody who watches receives them. No IO."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import accumulate

from msgspec.json import Encoder

from patchbay.hub.frames import header_size, text_header
from patchbay.model.event import Event
from patchbay.model.times import rfc3339

AROUND_BYTES = 160  # of a frame beside the event's data, no less for any type of ours
_encode = Encoder().encode


class Batch:
    """``size`` is how many bytes the frames of all its events take, or a little more.

    The frames are made when somebody wants one of them, once for everybody, and all in one go: the same bytes are
    written to each transport, and most want all of them.
    """

    __slots__ = ("_edges", "_wire", "events", "first", "last", "size")

    def __init__(self, events: list[Event], size: int) -> None:
        self.events = events
        self.first = events[0].position
        self.last = events[-1].position
        self.size = size
        self._wire = b""
        self._edges: list[int] = []

    @property
    def wire(self) -> bytes:
        """The WebSocket frames of all events, one behind the other."""
        if not self._wire:
            self._wire, self._edges = event_frames(self.events)
        return self._wire

    def after(self, position: int) -> list[Event]:
        """The events after this position."""
        return self.events[position + 1 - self.first :] if position >= self.first else self.events

    def frames(self, positions: Sequence[int]) -> bytes:
        """The frames of the events at these positions, which grow."""
        wire, edges, first = self.wire, self._edges, self.first
        return b"".join([wire[edges[position - first] : edges[position - first + 1]] for position in positions])

    def payload(self, position: int) -> bytes:
        """The JSON inside the frame of the event at this position."""
        wire, index = self.wire, position - self.first
        begin = self._edges[index]
        return wire[begin + header_size(wire[begin + 1]) : self._edges[index + 1]]


def cut(events: list[Event], most_bytes: int) -> list[Batch]:
    """The events in batches of no more than this; one event alone may be larger."""
    ends = list(accumulate([len(event.data) + AROUND_BYTES for event in events]))
    batches: list[Batch] = []
    first = taken = 0
    while first < len(events):
        last = max(first, bisect_right(ends, taken + most_bytes) - 1)
        batches.append(Batch(events[first : last + 1], ends[last] - taken))
        first, taken = last + 1, ends[last]
    return batches


def event_frames(events: list[Event]) -> tuple[bytes, list[int]]:
    """The frames of these events and their edges: frame ``n`` lies between edge ``n`` and the next.

    A payload is ``{"op":"event",...}`` with the data spliced in as it was committed.
    """
    parts: list[bytes] = []
    edges = [0]
    end = 0
    for event in events:
        data = event.data
        head = b'{"op":"event","position":%d%b' % (event.position, _description(event.type, event.occurred_at))
        size = len(head) + len(data) + 1
        header = text_header(size)
        parts += (header, head, data, b"}")
        end += len(header) + size
        edges.append(end)
    return b"".join(parts), edges


@lru_cache(1024)  # events of one commit have few types and few moments
def _description(type: str, moment: datetime) -> bytes:
    return b',"type":%b,"occurred_at":"%b","data":' % (_encode(type), rfc3339(moment).encode())
