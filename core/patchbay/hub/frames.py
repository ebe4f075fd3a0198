"""The socket's messages, and the WebSocket frames around those of the server. No IO.

What the server sends is neither masked nor compressed, so the bytes of an event are the same for everybody;
``hub.batch`` makes those.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import DecodeError, Meta, Struct, ValidationError
from msgspec.json import Decoder, Encoder

from patchbay.errors import Invalid, PatchbayError, RequestError, Unreadable
from patchbay.hub.topics import MAX_TOPICS

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


class Viewing(ClientFrame, frozen=True, kw_only=True, tag="viewing"):
    """The conversation that one looks at now, None for none. To be said again every 60 s."""

    conversation_id: Id | None


class Read(ClientFrame, frozen=True, kw_only=True, tag="read"):
    conversation_id: Id
    seq: Position


class Ping(ClientFrame, frozen=True, kw_only=True, tag="ping"):
    pass


AnyClientFrame = Hello | Subscribe | Unsubscribe | Ack | Typing | Presence | Viewing | Read | Ping
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


@lru_cache(4096)  # events are much of a size
def text_header(size: int) -> bytes:
    """What comes before a text of this many bytes."""
    return _header(_TEXT, size)


def header_size(second: int) -> int:
    """How long the header is that has this second byte."""
    return 2 if second < 126 else 4 if second == 126 else 10


def _framed(first: int, payload: bytes) -> bytes:
    return _header(first, len(payload)) + payload


def _header(first: int, size: int) -> bytes:
    if size < 126:
        return bytes((first, size))
    if size < 2**16:
        return b"%c\x7e%b" % (first, size.to_bytes(2, "big"))
    return b"%c\x7f%b" % (first, size.to_bytes(8, "big"))


def _message(**members: Any) -> bytes:
    return text_frame(_encode(members))


def _plain(seconds: float) -> float:
    """25 rather than 25.0."""
    return int(seconds) if seconds == int(seconds) else seconds


PONG = text_frame(b'{"op":"pong"}')  # the answer to a ``ping`` message
