"""One request in flight on one connection, and what came of many: what every load is made of."""

from __future__ import annotations

import socket
import time
from array import array
from typing import Any

from bench.table import percentile
from bench.wire import answer

CHUNK = 1 << 18


class Refused(Exception):
    """The server did not do what the load needs."""


class Poster:
    """One keep-alive connection with at most one request in flight."""

    def __init__(self, port: int) -> None:
        self.socket = connect(port)
        self.sent_at = 0.0
        self.number = 0
        self._rest = b""

    def send(self, request: bytes, number: int) -> None:
        self.number = number
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status once the answer is whole."""
        data = self.socket.recv(CHUNK)
        if not data:
            raise Refused("the server closed a connection")
        if self._rest:
            data = self._rest + data
        found = answer(data)
        if found is None:
            self._rest = data
            return None
        self._rest = data[found[1] :]
        return found[0]


class Tally:
    """Answers by what they say."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.others: dict[int, int] = {}

    def add(self, status: int) -> None:
        if status == 200:
            self.acknowledged += 1
        else:
            self.others[status] = self.others.get(status, 0) + 1

    def result(self) -> dict[str, Any]:
        return {"acknowledged": self.acknowledged, "others": {str(key): n for key, n in self.others.items()}}


def spread(seconds: array[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": percentile(ordered, 0.50) * 1000,
        "p99_ms": percentile(ordered, 0.99) * 1000,
        "max_ms": (ordered[-1] if ordered else float("nan")) * 1000,
    }


def connect(port: int) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
