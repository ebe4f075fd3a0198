"""The socket's messages, and the WebSocket frames around those of the server. No IO.

What the server sends is neither masked nor compressed, so the bytes of an event are the same for everybody: they are
made once and written to each transport as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from msgspec import DecodeError, Meta, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from patchbay.errors import Invalid, PatchbayError, RequestError, Unreadable
from patchbay.hub.topics import MAX_TOPICS
from patchbay.model.event import Event
from patchbay.model.times import rfc3339

SUBPROTOCOL = "patchbay.v1.json"
MAX_REASON_BYTES = 123  # RFC 6455, section 5.5: a control frame carries 125 bytes, two of them are the code
_TEXT, _CLOSE, _PONG = 0x81, 0x88, 0x8A  # opcodes of RFC 6455, section 5.2, with the bit that says "final"

Id = Annotated[str, Meta(min_length=1, max_length=200)]
Token = Annotated[str, Meta(min_length=1, max_length=8192)]
Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]
TopicNames = Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=MAX_TOPICS)]
PresenceState = Literal["online", "away", "offline"]


class ClientFrame(Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """The base of what a client sends."""


class Resume(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last position that the client received, and the log that it is of."""

    epoch: str
    position: Position


class Hello(ClientFrame, frozen=True, kw_only=True, tag="hello"):
    """The first message. ``topics`` left out means the inbox; an empty list means nothing yet."""

    token: Token | None = None
    resume: Resume | None = None
    topics: TopicNames | None = None


class Subscribe(ClientFrame, frozen=True, kw_only=True, tag="subscribe"):
    topics: TopicNames


class Unsubscribe(ClientFrame, frozen=True, kw_only=True, tag="unsubscribe"):
    topics: TopicNames


class Ack(ClientFrame, frozen=True, kw_only=True, tag="ack"):
    position: Position


class Typing(ClientFrame, frozen=True, kw_only=True, tag="typing"):
    conversation_id: Id


class Presence(ClientFrame, frozen=True, kw_only=True, tag="presence"):
    state: PresenceState


class Read(ClientFrame, frozen=True, kw_only=True, tag="read"):
    conversation_id: Id
    seq: Position


class Ping(ClientFrame, frozen=True, kw_only=True, tag="ping"):
    pass


AnyClientFrame = Hello | Subscribe | Unsubscribe | Ack | Typing | Presence | Read | Ping
_decode: Callable[[bytes], AnyClientFrame] = Decoder(AnyClientFrame).decode
_encode = Encoder().encode


def parse_client(data: bytes) -> AnyClientFrame:
    """What a client sent. Raises ``Unreadable`` when it is not JSON, ``Invalid`` naming what is wrong with it."""
    try:
        return _decode(data)
    except ValidationError as error:
        raise Invalid(f"{error}.") from error
    except (DecodeError, RecursionError) as error:
        raise Unreadable("A message must be one JSON object.") from error


class EventFrame:
    """An event of the log as everybody receives it. ``wire`` is the whole WebSocket frame."""

    __slots__ = ("event", "position", "wire")

    def __init__(self, event: Event) -> None:
        self.event = event
        self.position = event.position
        self.wire = text_frame(event_payload(event))

    @property
    def payload(self) -> bytes:
        """The JSON inside the frame."""
        return self.wire[_header_size(self.wire[1]) :]


def event_payload(event: Event) -> bytes:
    """``{"op":"event",...}``; the data is spliced in as it was committed."""
    return b"".join(
        (
            b'{"op":"event","position":%d,"type":' % event.position,
            _encode(event.type),
            b',"occurred_at":"',
            rfc3339(event.occurred_at).encode(),
            b'","data":',
            event.data,
            b"}",
        )
    )


def welcome_frame(*, session: str, epoch: str, position: int, heartbeat_s: float) -> bytes:
    """The answer to a hello; ``position`` is where the connection begins to read."""
    return _message(op="welcome", session=session, epoch=epoch, position=position, heartbeat_s=_plain(heartbeat_s))


def resync_payload(reason: str, position: int) -> bytes:
    """What was asked for cannot be had: fetch everything again; events follow from ``position``."""
    return _encode({"op": "resync", "reason": reason, "position": position})


def resync_frame(reason: str, position: int) -> bytes:
    return text_frame(resync_payload(reason, position))


def ephemeral_frame(type: str, data: dict[str, Any]) -> bytes:
    """Something that has no position and may be lost."""
    return _message(op="ephemeral", type=type, data=data)


def error_frame(error: PatchbayError) -> bytes:
    """An error, by the same codes as in HTTP."""
    code = error.problem_code if isinstance(error, RequestError) else error.code
    return _message(op="error", code=code, message=error.detail or code)


def text_frame(payload: bytes) -> bytes:
    """A whole text frame: final, unmasked, uncompressed."""
    return _framed(_TEXT, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what fits."""
    text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
    return _framed(_CLOSE, code.to_bytes(2, "big") + text)


def pong_frame(data: bytes) -> bytes:
    """The answer to a WebSocket ping (not to a ``ping`` message)."""
    return _framed(_PONG, data)


def _framed(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 2**16:
        return b"%c\x7e%b%b" % (first, size.to_bytes(2, "big"), payload)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8, "big"), payload)


def _header_size(second: int) -> int:
    return {126: 4, 127: 10}.get(second, 2)


def _message(**members: Any) -> bytes:
    return text_frame(_encode(members))


def _plain(seconds: float) -> float:
    """25 rather than 25.0."""
    return int(seconds) if seconds == int(seconds) else seconds


PONG = text_frame(b'{"op":"pong"}')  # the answer to a ``ping`` message
