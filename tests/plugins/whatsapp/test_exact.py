"""Webhooks that are read in one step, and shapes that are read in two ways: the result is the same by either."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from patchbay_whatsapp.exact import exactly
from patchbay_whatsapp.parse import parse, parse_any
from patchbay_whatsapp.wire import Wire
from patchbay_whatsapp.wire_heads import WireHead, WireMedia, WireMessage, WireStatus, lenient

PAYLOADS = Path(__file__).parents[2] / "payloads" / "whatsapp"
BODIES = {path.stem: path.read_bytes() for path in sorted(PAYLOADS.glob("*.json"))}
DAILY = {
    "bsuid_in_from_text",
    "bsuid_with_phone_username_text",
    "dashboard_test_sample",
    "status_biz_opaque",
    "status_delivered",
    "status_read",
    "status_read_without_delivered",
    "status_sent",
    "status_sent_service_billed",
    "status_sent_service_free",
    "text",
    "text_legacy_no_bsuid",
    "text_max_length",
    "text_reply",
    "text_reply_to_own",
    "text_unicode",
    "timestamp_milliseconds",
}

# What may stand in place of anything: each of it right in some place, and odd in all others.
VALUES: list[Any] = [
    *[None, True, 0, 15550001111, 1.5, 2**63, "", " ", "x", "nan", [], {}, [None], {"id": "1"}, {"forwarded": True}],
    *["15550001111", "15550002222", "+1 555", "US.1", "US.ENT.1", "9" * 20, "1789999511.5", "7", "@", "@mara"],
    *["sent", "READ", "failed", "deleted", "text", "image", "regular", "authentication-international"],
]
NAMES = [
    *["from_user_id", "recipient_user_id", "parent_user_id", "user_id", "username", "billable", "pricing"],
    *["biz_opaque_callback_data", "contacts", "messages", "statuses", "errors", "context", "referral", "group_id"],
    *["time", "identity_key_hash", "recipient_type", "conversation", "conversation_context", "user_actions", "novel"],
]


def without_contacts(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(BODIES[name])
    del body["entry"][0]["changes"][0]["value"]["contacts"]
    return body


BASES: dict[str, Any] = {
    **{name: json.loads(BODIES[name]) for name in sorted(DAILY)},
    **{f"{name}_without_contacts": without_contacts(name) for name in ("text_legacy_no_bsuid", "status_sent")},
}


Edit = tuple[Literal["drop", "set", "append"], Any, Any]


def edits(node: Any) -> list[Edit]:
    """What may be done to one object or list: a member dropped, replaced, added or repeated."""
    here = list(node) if isinstance(node, dict) else list(range(len(node)))
    places = dict.fromkeys([*here, *NAMES]) if isinstance(node, dict) else here
    more = [*VALUES, *node[:1]] if isinstance(node, list) else []
    return [
        *(("drop", at, None) for at in here),
        *(("set", at, value) for at in places for value in VALUES),
        *(("append", None, value) for value in more),
    ]


def do(edit: Edit, node: Any) -> None:
    match edit:
        case "drop", at, _:
            del node[at]
        case "set", at, value:
            node[at] = copy.deepcopy(value)
        case "append", _, value:
            node.append(copy.deepcopy(value))


def nodes(node: Any) -> list[Any]:
    """The node and all objects and lists in it, outer before inner."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
    return [] if inside is None else [node, *(one for child in inside for one in nodes(child))]


def same_by_either(body: bytes) -> bool:
    """Whether it was read in one step; the result must be that of the general reader."""
    read = exactly(body)
    assert read is None or (read,) == parse_any(body) == parse(body)
    return read is not None


def test_what_comes_all_day_is_read_in_one_step_and_nothing_else_is() -> None:
    assert {name for name, body in BODIES.items() if same_by_either(body)} == DAILY


@pytest.mark.parametrize(
    "name",
    [
        "text",
        "text_reply",
        "text_legacy_no_bsuid_without_contacts",
        "bsuid_with_phone_username_text",
        "status_biz_opaque",
        "status_sent",
    ],
)
def test_any_one_thing_that_is_changed_changes_both_alike(name: str) -> None:
    read = []
    for at, node in enumerate(nodes(BASES[name])):
        for edit in edits(node):
            body = copy.deepcopy(BASES[name])
            do(edit, nodes(body)[at])
            read.append(same_by_either(json.dumps(body).encode()))
    assert any(read)
    assert not all(read)


@settings(max_examples=100)
@given(st.sampled_from(sorted(BASES)), st.data())
def test_whatever_is_changed_changes_both_alike(name: str, data: st.DataObject) -> None:
    body = copy.deepcopy(BASES[name])
    for _ in range(data.draw(st.integers(2, 4))):
        node = data.draw(st.sampled_from(nodes(body)))
        if possible := edits(node):
            do(data.draw(st.sampled_from(possible)), node)
    same_by_either(json.dumps(body).encode())


@given(st.sampled_from(sorted(DAILY)), st.data())
def test_a_spoilt_byte_is_spoilt_for_both(name: str, data: st.DataObject) -> None:
    body = bytearray(json.dumps(json.loads(BODIES[name]), ensure_ascii=False).encode())
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    same_by_either(bytes(body))


def test_a_message_beside_a_status_is_left_to_the_general_reader() -> None:
    body, other = copy.deepcopy(BASES["text"]), copy.deepcopy(BASES["status_sent"])
    body["entry"][0]["changes"][0]["value"] |= other["entry"][0]["changes"][0]["value"]
    assert len(parse(json.dumps(body).encode())) == 2
    assert not same_by_either(json.dumps(body).encode())


@pytest.mark.parametrize("levels", [10, 400, 100_000])
def test_what_is_nested_deeply_is_so_for_both(levels: int) -> None:
    body = json.dumps(BASES["status_sent"]).encode()
    deep = b"[" * levels + b"]" * levels
    assert b'"PMP"' in body
    same_by_either(body.replace(b'"PMP"', deep))


@pytest.mark.parametrize("first", [b"7", b"null", b'"another"', b"[1e999]", b'{"id":"\xff"}'], ids=range(5))
def test_a_member_that_comes_twice_is_read_as_the_general_reader_reads_it(first: bytes) -> None:
    body = BODIES["text"].replace(b'"id": "wamid', b'"id": ' + first + b', "id": "wamid')
    assert body != BODIES["text"]
    same_by_either(body)


def read(reader: type[WireHead] | type[Wire], raw: Any) -> Any:
    """The fields, or what is wrong."""
    try:
        one = reader.of(raw)
    except ValidationError as error:
        return error.errors()
    return msgspec.structs.asdict(one) if isinstance(one, WireHead) else dict(one)


@pytest.mark.parametrize("head", [WireMessage, WireStatus, WireMedia], ids=lambda head: head.__name__)
def test_a_shape_is_read_as_its_lenient_model_reads_it(head: type[WireHead]) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(head)]
    least = {"id": "1", "type": "text", "status": "sent"}
    for raw in (*VALUES, least, dict.fromkeys(names, "x")):
        assert read(head, raw) == read(lenient(head), raw)
    for name in (*names, "sender", "novel"):
        for value in VALUES:
            raw = {**least, name: value}
            assert read(head, raw) == read(lenient(head), raw)


def test_numbers_are_taken_for_texts_and_what_is_wrong_is_told() -> None:
    assert WireMessage.of({"id": 7, "type": "text", "from": 15550001111}).sender == "15550001111"
    with pytest.raises(ValidationError) as raised:
        WireStatus.of({"id": "", "pricing": 7})
    assert [fault["loc"] for fault in raised.value.errors()] == [("id",), ("status",), ("pricing",)]
