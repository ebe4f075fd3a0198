"""The little of HTTP and WebSocket that a load generator speaks. No IO."""

from __future__ import annotations

from collections.abc import Iterator

_KEY = "MDEyMzQ1Njc4OWFiY2RlZg=="


def upgrade(path: str, protocol: str | None = None) -> bytes:
    """The request that opens a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {_KEY}",
        "Sec-WebSocket-Version: 13",
    ]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def text(payload: bytes) -> bytes:
    """A masked text frame of less than 64 KiB, as clients must send them; a mask of zeros leaves the text as it is."""
    return _masked(0x81, payload)


def pong(payload: bytes) -> bytes:
    return _masked(0x8A, payload)


def _masked(first: int, payload: bytes) -> bytes:
    size = len(payload)
    head = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


def frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """``(opcode, begin, end)`` of the payloads of the whole frames at the head of ``data``."""
    at, size = 0, len(data)
    while size - at >= 2:
        length, begin = data[at + 1] & 127, at + 2
        if length == 126:
            if size - at < 4:
                return
            length, begin = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            if size - at < 10:
                return
            length, begin = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if size - begin < length:
            return
        yield data[at] & 15, begin, begin + length
        at = begin + length


def answer(data: bytes) -> tuple[int, int] | None:
    """``(status, bytes)`` of the whole HTTP response at the head of ``data``, None while it is not all there."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    status = int(data[9:12])
    head = data[:end].lower()
    at = head.find(b"content-length:")
    length = 0
    if at >= 0:
        stop = head.find(b"\r\n", at)
        length = int(head[at + 15 : stop if stop >= 0 else end])
    whole = end + 4 + length
    return (status, whole) if len(data) >= whole else None
