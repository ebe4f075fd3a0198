"""What all values and documents have in common."""

from __future__ import annotations

from msgspec import Struct

from patchbay.channel.inbound import MessageReceived
from patchbay.model.document import Document, Value
from patchbay.model.message import Message


def kinds(of: type[Struct]) -> set[type[Struct]]:
    """The class and all that are made from it."""
    found = {of}
    for one in of.__subclasses__():
        found |= kinds(one)
    return found


def test_values_and_documents_are_frozen_and_not_walked_by_the_garbage_collector() -> None:
    found = kinds(Value) | kinds(Document)
    assert {Message, MessageReceived} <= found
    assert [kind for kind in found if not kind.__struct_config__.frozen] == []
    assert [kind for kind in found if kind.__struct_config__.gc] == []
