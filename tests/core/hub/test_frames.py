"""The socket's messages."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.errors import Forbidden, Invalid, PatchbayError, StoreUnavailable, Unreadable
from patchbay.hub.frames import (
    PONG,
    Ack,
    Hello,
    Ping,
    Presence,
    Read,
    Resume,
    Subscribe,
    Typing,
    Unsubscribe,
    close_frame,
    ephemeral_frame,
    error_frame,
    parse_client,
    pong_frame,
    resync_frame,
    text_frame,
    welcome_frame,
)
from patchbay.testing.watching import frames_in


def only(frame: bytes) -> dict[str, object]:
    [(opcode, payload)] = frames_in(frame)
    assert opcode == 1
    decoded: dict[str, object] = json.loads(payload)
    return decoded


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (
            '{"op":"hello","token":"t","resume":{"epoch":"e","position":118},"topics":["inbox"]}',
            Hello(token="t", resume=Resume(epoch="e", position=118), topics=["inbox"]),
        ),
        ('{"op":"hello"}', Hello()),
        ('{"op":"subscribe","topics":["me"]}', Subscribe(topics=["me"])),
        ('{"op":"unsubscribe","topics":["me"]}', Unsubscribe(topics=["me"])),
        ('{"op":"ack","position":7}', Ack(position=7)),
        ('{"op":"typing","conversation_id":"cnv_1"}', Typing(conversation_id="cnv_1")),
        ('{"op":"presence","state":"away"}', Presence(state="away")),
        ('{"op":"read","conversation_id":"cnv_1","seq":3}', Read(conversation_id="cnv_1", seq=3)),
        ('{"op":"ping"}', Ping()),
    ],
)
def test_each_message_of_the_contract_is_understood(text: str, frame: object) -> None:
    assert parse_client(text.encode()) == frame


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"op":"shout"}', "shout"),
        ('{"op":"ping","loud":true}', "loud"),
        ('{"op":"hello","resume":{"epoch":"e","position":1,"at":2}}', "at"),
        ('{"op":"ack"}', "position"),
        ('{"op":"ack","position":-1}', "position"),
        ('{"op":"ack","position":"1"}', "position"),
        ('{"op":"ack","position":9223372036854775808}', "position"),
        ('{"op":"presence","state":"asleep"}', "state"),
        ('{"op":"typing","conversation_id":""}', "conversation_id"),
        ('{"token":"t"}', "op"),
        ("[]", "object"),
        ('{"op":"subscribe","topics":[' + ",".join(['"me"'] * 201) + "]}", "topics"),
    ],
)
def test_what_is_wrong_with_a_message_is_named(text: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        parse_client(text.encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b'{"op":"ping"} {', b"nonsense", b'{"op":"hello","token":"\\ud800"}']
)
def test_what_is_not_json_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_client(data)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_message_or_one_of_two_errors(data: bytes) -> None:
    with suppress(Invalid, Unreadable):
        assert parse_client(data) is not None


def test_deep_nesting_is_an_error_like_any_other() -> None:
    with pytest.raises((Invalid, Unreadable)):
        parse_client(b'{"op":"hello","token":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_frames_of_any_size_have_the_right_header(size: int) -> None:
    payload = b"x" * size
    assert frames_in(text_frame(payload)) == [(1, payload)]


def test_the_servers_messages_have_the_shapes_of_the_contract() -> None:
    assert only(welcome_frame(session="ses_1", epoch="e", position=120, heartbeat_s=25.0)) == {
        "op": "welcome",
        "session": "ses_1",
        "epoch": "e",
        "position": 120,
        "heartbeat_s": 25,
    }
    assert only(resync_frame("expired", 9)) == {"op": "resync", "reason": "expired", "position": 9}
    assert only(ephemeral_frame("typing", {"a": 1})) == {"op": "ephemeral", "type": "typing", "data": {"a": 1}}
    assert only(PONG) == {"op": "pong"}
    assert frames_in(pong_frame(b"hi")) == [(10, b"hi")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Forbidden("no"), "forbidden"),
        (Invalid("no", code="unknown_topic"), "unknown_topic"),
        (StoreUnavailable("no"), "store_unavailable"),
        (PatchbayError("no"), "internal"),
    ],
)
def test_errors_have_the_codes_of_http(error: PatchbayError, code: str) -> None:
    assert only(error_frame(error)) == {"op": "error", "code": code, "message": "no"}


@given(st.text(max_size=200))
def test_a_close_frame_always_fits_a_control_frame(reason: str) -> None:
    [(opcode, payload)] = frames_in(close_frame(4008, reason.encode("utf-8", "ignore").decode()))
    assert opcode == 8
    assert len(payload) <= 125
    assert payload[:2] == (4008).to_bytes(2, "big")
    payload[2:].decode()
