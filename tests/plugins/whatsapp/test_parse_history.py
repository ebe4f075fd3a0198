"""Coexistence: what the business wrote in the phone app, and what was written before we were connected."""

from __future__ import annotations

import json
from typing import Any

from patchbay.channel import HistoryMessage, Ignored, Item, Malformed, Person, ReactionChanged
from patchbay.model.content import Image
from patchbay_whatsapp.parse import parse
from tests.plugins.whatsapp.updates import NOON_S, PHONE, USER


def test_echoes_of_edits_deletions_and_reactions_are_by_the_business() -> None:
    def echo(kind: str, payload: Any) -> Any:
        given = {"from": "15550009999", "to": "15550001111", "id": "wamid.E", "timestamp": NOON_S, "type": kind}
        value = {"metadata": {"phone_number_id": "401"}, "message_echoes": [{**given, kind: payload}]}
        changes = [{"field": "smb_message_echoes", "value": value}]
        body = {"object": "whatsapp_business_account", "entry": [{"id": "301", "changes": changes}]}
        (item,) = parse(json.dumps(body).encode())
        assert isinstance(item, Item), item
        assert item.key == f"{kind}:wamid.E"
        return item.event

    reaction = echo("reaction", {"message_id": "wamid.T", "emoji": "👍"})
    assert (reaction.by_business, reaction.person, reaction.emoji) == (True, Person(keys=(PHONE,)), "👍")
    assert echo("revoke", {"original_message_id": "wamid.T"}).by_business
    edit = {"original_message_id": "wamid.T", "message": {"type": "text", "text": {"body": "x"}}}
    assert echo("edit", edit).by_business


def history(*threads: dict[str, Any], **value: Any) -> list[Any]:
    metadata = {"phone_number_id": "401", "display_phone_number": "+1 555-000-9999"}
    chunk = {"history": [{"threads": list(threads)}]} if threads else {}
    change = {"field": "history", "value": {"metadata": metadata, **chunk, **value}}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "301", "changes": [change]}]}
    return list(parse(json.dumps(body).encode()))


def old(**fields: Any) -> dict[str, Any]:
    return {"id": "wamid.H", "timestamp": NOON_S, "type": "text", "text": {"body": "old"}, **fields}


def test_history_tells_our_messages_from_theirs() -> None:
    ours = old(**{"from": "15550009999", "to": "15550001111", "history_context": {"status": "ERROR"}})
    unsigned = old(to="15550001111", history_context={"status": "pending"})
    theirs = old(**{"from": "15550001111", "history_context": {"status": "READ"}})
    unnamed = old(from_user_id="US.1234")
    items = history({"id": "15550001111", "messages": [ours, unsigned, theirs]}, {"messages": [unnamed]})
    events = [item.event for item in items]
    assert all(isinstance(one, HistoryMessage) for one in events)
    assert [(one.outbound, one.state) for one in events] == [
        (True, "failed"),
        (True, "accepted"),
        (False, None),
        (False, None),
    ]
    assert [one.person for one in events] == [Person(keys=(PHONE,))] * 3 + [Person(keys=(USER,))]


def test_the_file_of_a_placeholder_has_a_key_of_its_own() -> None:
    placeholder = old(type="media_placeholder", **{"from": "15550001111"})
    (first,) = history({"id": "15550001111", "messages": [placeholder]})
    picture = old(type="image", image={"id": "77"}, **{"from": "15550001111"})
    (second,) = history(messages=[picture])
    sent = old(type="image", image={"id": "77"}, to="15550001111")
    (third,) = history(message_echoes=[sent])
    assert (first.key, second.key, third.key) == ("history:wamid.H", "history_media:wamid.H", "history_media:wamid.H")
    assert first.event.external_id == second.event.external_id == "wamid.H"
    assert isinstance(second.event.content, Image)
    assert (second.event.media.provider_id, second.event.outbound) == ("77", False)
    assert third.event.outbound


def test_reactions_and_edits_in_the_history_change_the_old_messages() -> None:
    reaction = old(type="reaction", reaction={"message_id": "wamid.T", "emoji": "x"}, **{"from": "15550001111"})
    (item,) = history({"id": "15550001111", "messages": [reaction]})
    assert isinstance(item.event, ReactionChanged)
    assert item.key == "reaction:wamid.H"


def test_empty_parts_of_the_history_are_ignored_and_odd_ones_are_malformed() -> None:
    chunk: dict[str, Any] = {"metadata": {"progress": 100}, "threads": []}
    assert [type(item.event) for item in history(history=[chunk])] == [Ignored]
    assert [type(item.event) for item in history({"id": "15550001111"})] == [Ignored]
    assert [type(item) for item in history(history=[7, {"threads": [None, "x"]}])] == [Malformed] * 3
