"""What every payload of the three Meta channels becomes, and what a webhook as a whole may be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from patchbay.channel import Item
from patchbay.errors import BadPayload
from tests.plugins.instagram.table import FACTS as INSTAGRAM_FACTS
from tests.plugins.messenger.table import FACTS as MESSENGER_FACTS
from tests.plugins.webhooks import ALL, EACH, EACH_PAYLOAD, INSTAGRAM, MESSENGER, WHATSAPP, Webhooks, plain

HOW_MANY = {"whatsapp": 164, "messenger": 89, "instagram": 69}
TABLES: Mapping[str, Mapping[str, list[tuple[str, str, Any]]]] = {
    "messenger": MESSENGER_FACTS,
    "instagram": INSTAGRAM_FACTS,
}
EACH_IN_A_TABLE = pytest.mark.parametrize(
    ("webhooks", "name"),
    [pytest.param(one, name, id=f"{one}-{name}") for one in (MESSENGER, INSTAGRAM) for name in one.names],
)


def at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@EACH
def test_every_payload_has_a_row_and_every_row_a_payload(webhooks: Webhooks) -> None:
    assert sorted(webhooks.rows) == webhooks.names
    assert len(webhooks.files) == HOW_MANY[webhooks.channel]
    if webhooks is not WHATSAPP:
        assert sorted(TABLES[webhooks.channel]) == webhooks.names


@EACH
def test_the_readme_says_of_every_payload_what_it_is(webhooks: Webhooks) -> None:
    readme = (webhooks.folder / "README.md").read_text("utf-8")
    told = re.findall(r"^\| `(\w+)\.json` \| \S", readme, re.MULTILINE)
    assert sorted(set(told)) == webhooks.files
    if webhooks is not WHATSAPP:
        assert len(told) == len(set(told))


@EACH_IN_A_TABLE
def test_what_each_payload_becomes(webhooks: Webhooks, name: str) -> None:
    facts = TABLES[webhooks.channel][name]
    events = [plain(item.event) for item in webhooks.items(webhooks.payload(name))]
    found = [(event["kind"], path, at(event, path)) for event, (_, path, _) in zip(events, facts, strict=True)]
    assert found == facts


@EACH_IN_A_TABLE
def test_each_payload_is_exactly_these_items(webhooks: Webhooks, name: str) -> None:
    parsed = webhooks.items(webhooks.payload(name))
    found = [{"key": one.key, "account": plain(one.account), "event": plain(one.event)} for one in parsed]
    assert found == webhooks.rows[name]
    assert [item.index for item in parsed] == list(range(len(parsed)))


@EACH_PAYLOAD
def test_items_survive_being_stored(webhooks: Webhooks, name: str) -> None:
    for item in webhooks.items(webhooks.payload(name)):
        assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


@EACH_PAYLOAD
def test_items_do_not_depend_on_the_bytes(webhooks: Webhooks, name: str) -> None:
    """Another order of members, other white space, escaped characters."""
    parse, payload = webhooks.parse, webhooks.payload(name)
    again = json.dumps(json.loads(payload), sort_keys=True, ensure_ascii=True, indent=7).encode()
    assert parse(again) == parse(webhooks.wire(name)) == parse(payload)


@EACH
def test_the_same_update_again_in_other_bytes_has_the_same_key(webhooks: Webhooks) -> None:
    """Twice in one body, or, as WhatsApp does it, in a delivery of its own."""
    if webhooks is WHATSAPP:
        (first,), (second,) = (webhooks.items(webhooks.payload(name)) for name in ("text", "redelivery_of_text"))
    else:
        first, second = webhooks.items(webhooks.payload("batch_duplicate_message"))
    assert first.key == second.key == f"message:{plain(first.event)['external_id']}"
    assert first.event == second.event


@EACH
def test_no_entries_are_no_items(webhooks: Webhooks) -> None:
    assert webhooks.parse(webhooks.of()) == ()


def test_an_empty_list_of_entries_as_a_payload_is_no_items_too() -> None:
    assert MESSENGER.parse(MESSENGER.payload("empty_entry_list")) == ()
    assert WHATSAPP.parse(WHATSAPP.payload("empty_entry")) == ()


NO_WEBHOOKS: list[bytes] = [
    b"",
    b"not json",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"{}",
    b'{"entry":[]}',
    b'{"object":["OBJECT"],"entry":[]}',
    b'{"object":"OBJECT"}',
    b'{"object":"OBJECT","entry":null}',
    b'{"object":"OBJECT","entry":{}}',
    b'{"object":"OBJECT","entry":[' + b"[" * 200_000,
    b'{"object":"OBJECT","entry":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    b'{"object":"OBJECT","entry":["\\ud800"]}',
    b'{"object":"OBJECT","entry":["\xed\xa0\x80"]}',
    b'{"object":"OBJECT","entry":[1e999]}',
    b'{"object":"OBJECT","entry":[NaN]}',
    b'{"object":"OBJECT","entry":[' + b"9" * 5000 + b"]}",
    b'{"object":"OBJECT","entry":[]} trailing',
]


@EACH
@pytest.mark.parametrize("body", NO_WEBHOOKS, ids=range(len(NO_WEBHOOKS)))
def test_what_is_no_webhook_is_a_bad_payload(webhooks: Webhooks, body: bytes) -> None:
    with pytest.raises(BadPayload):
        webhooks.parse(body.replace(b"OBJECT", webhooks.object.encode()))


@EACH
@pytest.mark.parametrize("other", ALL, ids=str)
def test_the_webhook_of_another_channel_is_a_bad_payload(webhooks: Webhooks, other: Webhooks) -> None:
    if webhooks is other:
        assert webhooks.parse(other.payload(other.names[0]))
    else:
        for body in (other.of(), other.payload(other.names[0])):
            with pytest.raises(BadPayload, match=webhooks.object):
                webhooks.parse(body)


def test_the_payload_that_is_of_another_object_is_refused() -> None:
    with pytest.raises(BadPayload, match="instagram"):
        INSTAGRAM.parse(INSTAGRAM.payload("wrong_object"))
