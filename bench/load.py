"""The load generator: one process, one thread, raw sockets, told over its standard input what to do.

A line of JSON in is a command, a line of JSON out its result. It has to cost less CPU than the server that it loads, so
there is no asyncio here: epoll, whole requests in one write, one request in flight per connection.
"""

from __future__ import annotations

import json
import select
import sys
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.payloads import Requests, number_in
from bench.poster import CHUNK, Poster, Refused, Tally, connect, spread
from bench.streams import mixed
from bench.wire import frames, pong, text, upgrade

HANDSHAKE_S = 30.0


class Listener:
    """One WebSocket. ``kind`` says what is spoken on it: ``patchbay``, ``plain`` or ``socketio``."""

    def __init__(self, port: int, kind: str, token: str) -> None:
        self.socket = connect(port)
        self.kind = kind
        self.ready = False
        self.frames = 0
        self.bytes = 0
        self.closed: str | None = None
        self._upgraded = False
        self._rest = b""
        self._token = token
        path = {"patchbay": "/api/v1/ws", "plain": "/ws", "socketio": "/socket.io/?EIO=4&transport=websocket"}[kind]
        self.socket.sendall(upgrade(path, "patchbay.v1.json" if kind == "patchbay" else None))

    def receive(self, seen: Callable[[bytes], None] | None) -> None:
        """Take what came; ``seen`` gets the payload of each event."""
        data = self.socket.recv(CHUNK)
        if not data:
            self.closed = self.closed or "ended"
            return
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                return
            if b" 101 " not in data[:20]:
                raise Refused(data[:300].decode(errors="replace"))
            self._upgraded = True
            data = data[end + 4 :]
            if self.kind == "plain":
                self.ready = True
            elif self.kind == "patchbay":
                self.socket.sendall(text(json.dumps({"op": "hello", "token": self._token}).encode()))
        taken = 0
        for opcode, begin, end in frames(data):
            taken = end
            if opcode == 1:
                self._text(data, begin, end, seen)
            elif opcode == 9:
                self.socket.sendall(pong(data[begin:end]))
            elif opcode == 8:
                self.closed = data[begin + 2 : end].decode(errors="replace") or "closed"
        self._rest = data[taken:]

    def _text(self, data: bytes, begin: int, end: int, seen: Callable[[bytes], None] | None) -> None:
        if self.kind == "socketio" and not data.startswith(b"42", begin, end):
            first = data[begin : begin + 2]
            if first[:1] == b"0":
                self.socket.sendall(text(b"40"))
            elif first == b"40":
                self.ready = True
            elif first == b"2":
                self.socket.sendall(text(b"3"))
            return
        if self.kind == "patchbay" and not data.startswith(b'{"op":"event"', begin, end):
            if data.startswith(b'{"op":"welcome"', begin, end):
                self.ready = True
            return
        self.frames += 1
        self.bytes += end - begin
        if seen is not None:
            seen(data[begin:end])


class Generator:
    """What the commands do."""

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.posters: list[Poster] = []
        self.listeners: dict[int, Listener] = {}
        self.requests: Requests | None = None

    def listen(self, *, port: int, count: int, kind: str, token: str = "") -> dict[str, Any]:
        """Open so many sockets and wait until each is welcome."""
        for begin in range(0, count, 50):
            for _ in range(min(50, count - begin)):
                one = Listener(port, kind, token)
                self.listeners[one.socket.fileno()] = one
                self.poll.register(one.socket, select.EPOLLIN)
            self._until(lambda: all(one.ready for one in self.listeners.values()), HANDSHAKE_S)
        if not all(one.ready for one in self.listeners.values()):
            raise Refused("not all sockets became ready")
        return {"sockets": len(self.listeners)}

    def prepare(self, *, path: str, first: int, customers: int, step: int = 1, in_turn: bool = False) -> dict[str, Any]:
        """Which webhooks follow."""
        self.requests = Requests(path, first=first, customers=customers, step=step, in_turn=in_turn)
        return {}

    def burst(
        self, *, port: int, connections: int = 32, seconds: float = 0, count: int | None = None
    ) -> dict[str, Any]:
        """As fast as the server answers: each connection sends its next webhook when the last one is answered."""
        requests = self._prepared()
        posters = {one.socket.fileno(): one for one in (Poster(port) for _ in range(connections))}
        for one in posters.values():
            self.poll.register(one.socket, select.EPOLLIN)
        tally, latencies = Tally(), array("d")
        left = count if count is not None else 1 << 62
        began, cpu = time.perf_counter(), time.process_time()
        deadline = began + seconds if count is None else began + 600
        in_flight = 0
        for one in posters.values():
            if left > 0:
                one.send(requests.next(), requests.number - 1)
                in_flight, left = in_flight + 1, left - 1
        clock = time.perf_counter
        while in_flight:
            for fileno, _ in self.poll.poll(5):
                poster = posters.get(fileno)
                if poster is None:
                    self.listeners[fileno].receive(None)
                    continue
                status = poster.receive()
                if status is None:
                    continue
                now = clock()
                latencies.append(now - poster.sent_at)
                tally.add(status)
                if now < deadline and left > 0:
                    poster.send(requests.next(), requests.number - 1)
                    left -= 1
                else:
                    in_flight -= 1
            if clock() > deadline + 30:
                raise Refused(f"{in_flight} requests were never answered")
        took = clock() - began
        cpu = time.process_time() - cpu
        for one in posters.values():
            self.poll.unregister(one.socket)
            one.socket.close()
        return {**tally.result(), **spread(latencies), "seconds": took, "generator_cpu_s": cpu, **self._heard()}

    def paced(
        self,
        *,
        port: int,
        rate: float,
        count: int,
        connections: int = 64,
        frames_each: int = 0,
        timed: bool = False,
        settle_s: float = 3.0,
    ) -> dict[str, Any]:
        """At a fixed rate, whatever the server does. Messages are timed from the first byte of their POST to the
        frame at each socket. Ends when every socket has ``frames_each`` more frames and, with ``timed``, was told of
        every message, or ``settle_s`` after the last one was due."""
        requests = self._prepared()
        posters = {one.socket.fileno(): one for one in (Poster(port) for _ in range(connections))}
        for one in posters.values():
            self.poll.register(one.socket, select.EPOLLIN)
        free = list(posters.values())
        sent: dict[int, float] = {}
        tally, answers, events = Tally(), array("d"), array("d")
        clock = time.perf_counter

        def seen(payload: bytes) -> None:
            if b'"type":"message.received"' in payload[:120]:
                number = number_in(payload)
                if number in sent:
                    events.append(clock() - sent[number])

        before = sum(one.frames for one in self.listeners.values())
        wanted = before + frames_each * len(self.listeners)
        wanted_events = count * len(self.listeners) if timed else 0
        began, made, late = clock(), 0, 0.0
        last = began + count / rate
        while True:
            now = clock()
            while made < count and free and began + made / rate <= now:
                late = max(late, now - began - made / rate)
                number, request = requests.number, requests.next()
                poster = free.pop()
                poster.send(request, number)
                sent[number] = poster.sent_at
                made += 1
            if made == count and len(free) == len(posters):
                heard = sum(one.frames for one in self.listeners.values())
                if (heard >= wanted and len(events) >= wanted_events) or now > last + settle_s:
                    break
            if now > last + 60:
                raise Refused(f"{len(posters) - len(free)} requests were never answered")
            wait = began + made / rate - now if made < count and free else 0.002
            for fileno, _ in self.poll.poll(max(0.0, min(wait, 0.05))):
                found = posters.get(fileno)
                if found is None:
                    self.listeners[fileno].receive(seen)
                    continue
                status = found.receive()
                if status is not None:
                    answers.append(clock() - found.sent_at)
                    tally.add(status)
                    free.append(found)
        for one in posters.values():
            self.poll.unregister(one.socket)
            one.socket.close()
        took = clock() - began
        return {
            **tally.result(),
            **spread(answers),
            **{f"frame_{name}": value for name, value in spread(events).items()},
            "timed": len(events),
            "late_ms": late * 1000,
            "seconds": took,
            **self._heard(since=before),
        }

    def rest(self, *, seconds: float) -> dict[str, Any]:
        """Only listen."""
        self._until(lambda: False, seconds)
        return self._heard()

    def fire(self, *, port: int, body: str, rate: float, count: int, frames_each: int) -> dict[str, Any]:
        """Make a compared server tell every socket something: ``POST /fire`` at a fixed rate."""
        data = body.encode()
        request = b"POST /fire HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        request += b"Content-Length: %d\r\n\r\n" % len(data) + data
        poster = Poster(port)
        self.poll.register(poster.socket, select.EPOLLIN)
        before = sum(one.frames for one in self.listeners.values())
        wanted = before + frames_each * count * len(self.listeners)
        began, made, busy = time.perf_counter(), 0, False
        while True:
            now = time.perf_counter()
            if now > began + count / rate + 60:
                raise Refused("not every frame came")
            if made < count and not busy and began + made / rate <= now:
                poster.send(request, made)
                made, busy = made + 1, True
            if made == count and not busy and sum(one.frames for one in self.listeners.values()) >= wanted:
                break
            for fileno, _ in self.poll.poll(0.002):
                if fileno == poster.socket.fileno():
                    busy = poster.receive() is None
                else:
                    self.listeners[fileno].receive(None)
        self.poll.unregister(poster.socket)
        poster.socket.close()
        return {"seconds": time.perf_counter() - began, **self._heard(since=before)}

    def _prepared(self) -> Requests:
        if self.requests is None:
            raise Refused("the command `prepare` comes first")
        return self.requests

    def _heard(self, since: int = 0) -> dict[str, Any]:
        listeners = list(self.listeners.values())
        return {
            "frames": sum(one.frames for one in listeners) - since,
            "frame_bytes": sum(one.bytes for one in listeners),
            "sockets_lost": sum(one.closed is not None for one in listeners),
        }

    def _until(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline and not done():
            for fileno, _ in self.poll.poll(0.05):
                self.listeners[fileno].receive(None)
                gone = self.listeners[fileno].closed
                if gone is not None:
                    ready = sum(one.ready for one in self.listeners.values())
                    raise Refused(f"a socket was closed ({gone}) when {ready} of {len(self.listeners)} were ready")


def main() -> None:
    generator = Generator()
    commands: dict[str, Callable[..., dict[str, Any]]] = {
        name: getattr(generator, name) for name in ("listen", "prepare", "burst", "paced", "rest", "fire")
    }
    commands["mixed"] = mixed
    for line in sys.stdin:
        command = json.loads(line)
        try:
            result = commands[command.pop("do")](**command)
        except (Refused, OSError) as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
