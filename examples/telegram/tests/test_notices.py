"""What is told and nobody wrote."""

from __future__ import annotations

from typing import Any

import pytest
from patchbay.channel import ThreadNotice

from parsed import event, items
from patchbay_telegram.kinds import SERVICE
from updates import GROUP, MARA, QUESTION, UPDATES, message, update


def test_service_messages_are_notices() -> None:
    title = event(UPDATES["title"])
    assert isinstance(title, ThreadNotice)
    assert (title.notice, title.text, title.external_id) == ("new_chat_title", "Bakers", "-1001234567890:11")
    joined = event(UPDATES["joined"])
    assert isinstance(joined, ThreadNotice)
    assert joined.data["new_chat_members"][0]["id"] == 7001
    assert joined.text == "Mara Voss"
    left = event(update(message=message(GROUP, left_chat_member=MARA)))
    assert isinstance(left, ThreadNotice)
    assert (left.notice, left.text) == ("left_chat_member", "Mara Voss")
    pinned = event(update(message=message(GROUP, pinned_message=QUESTION)))
    assert isinstance(pinned, ThreadNotice)
    assert pinned.data == {"message_id": 10}


def test_a_group_that_moves_tells_it_twice_and_it_is_one_event() -> None:
    old, new = {"id": -55, "title": "B", "type": "group"}, {"id": -1005, "title": "B", "type": "supergroup"}
    (left,) = items(update(510, message=message(old, migrate_to_chat_id=-1005)))
    (came,) = items(update(511, message=message(new, number=1, migrate_from_chat_id=-55)))
    assert left.event == came.event
    assert left.event == items(UPDATES["migration"])[0].event
    assert left.event.__struct_config__.tag == "rekey"


@pytest.mark.parametrize("kind", sorted(SERVICE))
def test_nothing_that_nobody_wrote_is_taken_for_a_message(kind: str) -> None:
    value: Any = [MARA] if kind == "new_chat_members" else MARA if kind == "left_chat_member" else True
    got = event(update(message=message(GROUP, **{kind: value})))
    assert isinstance(got, ThreadNotice)
    assert got.notice == kind
