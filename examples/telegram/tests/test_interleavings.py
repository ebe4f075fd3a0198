"""What people write, change and react to, delivered in any order and again and again: one state.

Telegram tells of neither deletions nor delivery, and never of what the bot itself sent: there is no echo to wait for.
Several reactions to a message within a second have no order but that of their updates, so each has its own second.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from patchbay.channel import Item
from patchbay.collections import ACCOUNTS, CONVERSATIONS, MESSAGES, PARKED, THREADS
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.testing.world import World
from patchbay.views import message_view
from patchbay.views.messages import revisions_view

from people import BOT, CHANNEL
from updates import GROUP, MARA, PRIVATE, SENT, message, update

CHATS = (PRIVATE, GROUP)
EMOJI = ("👍", "🎉", None)


@st.composite
def days(draw: st.DrawFn) -> list[dict[str, Any]]:
    """The updates of a day: messages in a private chat and a group, their edits, and reactions to them."""
    said = [
        message(draw(st.sampled_from(CHATS)), number, text=f"text {number}", date=SENT + number)
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]
    told = [update(number, message=one) for number, one in enumerate(said)]
    for number in range(draw(st.integers(0, 4))):
        edited = draw(st.sampled_from(said)) | {"text": f"edited {number}", "edit_date": SENT + 100 + number}
        told.append(update(100 + number, edited_message=edited))
    for number in range(draw(st.integers(0, 5))):
        to, emoji = draw(st.sampled_from(said)), draw(st.sampled_from(EMOJI))
        now = [] if emoji is None else [{"type": "emoji", "emoji": emoji}]
        about = {"chat": to["chat"], "message_id": to["message_id"], "user": MARA, "date": SENT + 200 + number}
        told.append(update(200 + number, message_reaction={**about, "old_reaction": [], "new_reaction": now}))
    return told


def lived(day: list[dict[str, Any]]) -> dict[str, Any]:
    """What is shown after these updates, but for the order."""
    world = World()
    world.put(ACCOUNTS, BOT)
    for one in day:
        for item in CHANNEL.parse(msgspec.json.encode(one)):
            assert isinstance(item, Item)
            world.run(partial(apply_event, arrival=Arrival(BOT, CHANNEL, key=item.key), event=item.event))
    for thread in world.all(THREADS):
        places = sorted(one.seq for one in world.all(MESSAGES) if one.thread_id == thread.id)
        assert places == list(range(1, thread.last_seq + 1))
    shown: dict[str, Any] = {}
    for held in world.all(MESSAGES):
        view = message_view(held)
        reactions = sorted((each["actor"]["type"], each["emoji"]) for each in view["reactions"])
        shown[held.id] = (view["text_content"], view["edited"], view["occurred_at"], revisions_view(held), reactions)
    return {
        "messages": shown,
        "conversations": len(world.all(CONVERSATIONS)),
        "inbound": sorted(one.inbound_count for one in world.all(CONVERSATIONS)),
        "parked": len(world.all(PARKED)),
    }


@settings(max_examples=80)
@given(days(), st.data())
def test_every_order_of_a_day_ends_in_one_state(day: list[dict[str, Any]], data: st.DataObject) -> None:
    expected = lived(day)
    assert len(expected["messages"]) == sum("message" in one for one in day)
    assert not expected["parked"]
    again = data.draw(st.lists(st.sampled_from(day), max_size=len(day)))
    assert lived(data.draw(st.permutations(day + again))) == expected
