"""Several kinds of requests at once, each at a rate of its own and on connections of its own, timed apart."""

from __future__ import annotations

import json
import select
import time
from array import array
from dataclasses import dataclass
from typing import Any

from bench.poster import Poster, Refused, Tally, spread

ANSWERED_S = 60.0  # how long an answer may take once everything was asked
_HEAD = "%(method)s %(path)s HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def asking(path: str, headers: dict[str, str]) -> str:
    """The text of a GET, the same every time."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return _HEAD % {"method": "GET", "path": path} + lines + "\r\n"


def signing_in(path: str, login: str, password: str) -> str:
    """The text of a sign-in, with ``%(who)07d`` in ``login`` and in its address left to be filled in."""
    body = json.dumps({"email": login, "password": password, "session": "token"})
    size = len(body.replace("%(who)07d", "0" * 7))
    return (
        _HEAD % {"method": "POST", "path": path}
        + "X-Forwarded-For: %(address)s\r\nContent-Type: application/json\r\n"
        + f"Content-Length: {size}\r\n\r\n{body}"
    )


def filled(text: str, who: int) -> bytes:
    """The request of one of many: each is somebody else, at an address of their own."""
    address = f"10.{who >> 16 & 255}.{who >> 8 & 255}.{who & 255}"
    return text.replace("%(who)07d", f"{who:07d}").replace("%(address)s", address).encode()


@dataclass
class Stream:
    """``rate`` requests a second, of person ``first`` and those after. It has ``connections`` at most, each made
    when no other is free: the server closes those on which nothing is asked."""

    name: str
    rate: float
    text: str
    first: int = 0
    connections: int = 40

    def open(self, port: int, poll: select.epoll) -> None:
        self._port, self._poll = port, poll
        self.posters: dict[int, Poster] = {}
        self.free: list[Poster] = []
        self.made, self.late_s = 0, 0.0
        self.tally, self.latencies = Tally(), array("d")

    def ask(self, began: float, until: float) -> float:
        """Send what is due; when the next one is, or ``until`` when there is no next one or nothing to send it on."""
        while (due := began + self.made / self.rate) < until:
            now = time.perf_counter()
            if now < due:
                return due
            poster = self.free.pop() if self.free else self._connected()
            if poster is None:
                return until
            self.late_s = max(self.late_s, now - due)
            poster.send(filled(self.text, self.first + self.made), self.made)
            self.made += 1
        return until

    def _connected(self) -> Poster | None:
        if len(self.posters) >= self.connections:
            return None
        poster = Poster(self._port)
        self.posters[poster.socket.fileno()] = poster
        self._poll.register(poster.socket, select.EPOLLIN)
        return poster

    def hear(self, poster: Poster) -> None:
        status = poster.receive()
        if status is not None:
            self.latencies.append(time.perf_counter() - poster.sent_at)
            self.tally.add(status)
            self.free.append(poster)

    @property
    def is_answered(self) -> bool:
        return len(self.free) == len(self.posters)

    def close(self) -> dict[str, Any]:
        for one in self.posters.values():
            one.socket.close()
        return {**self.tally.result(), **spread(self.latencies), "made": self.made, "late_ms": self.late_s * 1000}


def mixed(*, port: int, seconds: float, streams: list[dict[str, Any]]) -> dict[str, Any]:
    """What came of each stream, by name, when all was answered: answers by status, milliseconds, how late it was."""
    poll, all_of = select.epoll(), [Stream(**each) for each in streams]
    for stream in all_of:
        stream.open(port, poll)
    began = time.perf_counter()
    until = began + seconds
    while True:
        wake = min(stream.ask(began, until) for stream in all_of)
        now = time.perf_counter()
        if now >= until and all(stream.is_answered for stream in all_of):
            break
        if now > until + ANSWERED_S:
            raise Refused("not every request was answered")
        for fileno, _ in poll.poll(max(0.0, wake - now) if now < until else 0.05):
            for stream in all_of:
                if fileno in stream.posters:
                    stream.hear(stream.posters[fileno])
    poll.close()
    return {stream.name: stream.close() for stream in all_of}
