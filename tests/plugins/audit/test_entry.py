"""An entry: its text is golden, and the document is a function of that text alone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.model.message import SYSTEM, Actor
from patchbay_audit.canonical import digest
from patchbay_audit.entry import NOTHING_BEFORE, AuditEntry, entry_of, facts_of, read_entry, written
from tests.plugins.audit.acts import START, act, cause, tag, tag_change
from tests.plugins.audit.test_canonical import ANYTHING

GOLDEN = (
    '{"about":{"reason":"asked for"},"action":"change_a_tag","actor":{"id":"usr_mara","name":"Mara Voss",'
    '"type":"agent"},"address":"203.0.113.7","at":"2026-09-21T14:13:20.000Z","changes":[{"collection":"tags",'
    '"fields":{"color":{"after":"blue","before":"red"}},"id":"vip"}],"changes_left_out":0,"form":1,"outcome":"done",'
    f'"permission":"conversations.close","previous_hash":"{NOTHING_BEFORE}","request_id":"req_1","seq":1,'
    '"session_id":"ses_1","status":null,"subjects":[{"id":"vip","type":"tag"}],"user_agent":"Firefox/150"}'
)
GOLDEN_HASH = "8f8fd8e58966a0a65cb497709c1ac6d613db360bc22f7c839a7f06144bc38500"


def golden() -> AuditEntry:
    change = tag_change(tag("vip", color="red"), tag("vip", color="blue", version=2))
    said = act("change_a_tag", changes=(change,), about={"reason": "asked for"})
    return written(facts_of(said, seq=1, previous_hash=NOTHING_BEFORE))


def test_the_golden_entry() -> None:
    entry = golden()
    assert entry.entry == GOLDEN
    assert entry.hash == GOLDEN_HASH == digest(GOLDEN)


def test_the_document_repeats_what_the_text_says() -> None:
    entry = golden()
    assert entry.id == "aud_0000000000000001"
    assert entry.created_at == entry.updated_at == START
    assert (entry.seq, entry.version) == (1, 1)
    assert (entry.actor_type, entry.actor_id) == ("agent", "usr_mara")
    assert (entry.action, entry.outcome) == ("change_a_tag", "done")
    assert (entry.address, entry.request_id) == ("203.0.113.7", "req_1")
    assert entry.subject_ids == ("vip",)
    assert entry.words == "vip change_a_tag Mara Voss asked for"


def test_the_text_alone_gives_the_document_again() -> None:
    entry = golden()
    assert entry_of(entry.entry) == entry
    assert read_entry(entry.entry) == (entry, NOTHING_BEFORE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        GOLDEN[:-1],
        GOLDEN.replace('"seq":1', '"seq":"1"'),
        GOLDEN.replace("2026-09-21", "2026-13-21"),
        GOLDEN.replace('"id":"usr_mara",', ""),
        GOLDEN.replace('"form":1,', ""),
    ],
)
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - every decoder has its own words
        entry_of(text)


def test_what_the_system_did_has_no_address() -> None:
    said = act(actor=SYSTEM, cause=cause().__class__(operation="audit.retention"))
    entry = written(facts_of(said, seq=7, previous_hash="ab"))
    assert (entry.actor_type, entry.actor_id, entry.address) == ("system", None, None)
    assert entry_of(entry.entry) == entry


def test_odd_characters_from_outside_do_not_break_an_entry() -> None:
    said = act(actor=Actor(type="agent", id="a\ud800", name="=cmd|' /C calc'!A0\r\n"), about={"x\udfff": "\0"})
    entry = written(facts_of(said, seq=1, previous_hash=NOTHING_BEFORE))
    assert entry_of(entry.entry) == entry


@given(st.dictionaries(st.text(max_size=8), ANYTHING, max_size=4), st.text(st.characters(), max_size=20), st.text())
def test_whatever_is_said_the_text_is_canonical_and_gives_its_document(
    about: dict[str, Any], name: str, agent: str
) -> None:
    said = act(actor=Actor(type="agent", id=name, name=name), about=about, cause=cause(name, request_id=agent))
    entry = written(facts_of(said, seq=1, previous_hash=NOTHING_BEFORE))
    assert json.dumps(json.loads(entry.entry), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == entry.entry
    assert entry_of(entry.entry) == entry
    assert msgspec.json.decode(msgspec.json.encode(entry), type=AuditEntry) == entry  # as a store keeps it
