"""What the inbox makes of updates: in memory, with the core's own rules."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import Any

import msgspec
import pytest
from patchbay.channel import Item
from patchbay.collections import ACCOUNTS, CONTACTS, CONVERSATIONS, MEDIA, MESSAGES, THREADS
from patchbay.inbox.apply import apply_event
from patchbay.inbox.landing import Arrival
from patchbay.model.content import Image, InteractiveReply, SystemNotice, Text, media_of
from patchbay.testing.world import World

from people import BOT, CHANNEL
from updates import PHOTO, SENT, UPDATES, file, message, update

OTHER = [file("other", width=640, height=480, file_size=90_000)]
RENAMED = [{**each, "file_id": f"again-{each['file_id']}"} for each in PHOTO]  # Telegram gives new ids to old files


def world() -> World:
    fresh = World()
    fresh.put(ACCOUNTS, BOT)
    return fresh


def deliver(to: World, *updates: dict[str, Any]) -> None:
    for given in updates:
        for item in CHANNEL.parse(msgspec.json.encode(given)):
            assert isinstance(item, Item)
            to.run(partial(apply_event, arrival=Arrival(BOT, CHANNEL, key=item.key), event=item.event))


def test_a_message_a_press_and_an_edit_are_one_conversation_however_often_they_come() -> None:
    inbox = world()
    told = [UPDATES["text"], UPDATES["press"], UPDATES["edit"]]
    deliver(inbox, *told, *told)
    (conversation,) = inbox.all(CONVERSATIONS)
    text, press = sorted(inbox.all(MESSAGES), key=lambda one: one.seq)
    assert text.content == Text(text="Hello!")
    assert [revision.content for revision in text.revisions] == [Text(text="Hello")]
    assert press.content == InteractiveReply(kind="button", id="yes", title="Yes")
    assert press.reply_to is not None
    assert press.reply_to.external_id == "7001:10"
    assert conversation.inbound_count == 2
    assert inbox.told().count("message.received") == 2


def test_the_same_number_in_two_chats_is_two_messages() -> None:
    inbox = world()
    deliver(inbox, UPDATES["text"], UPDATES["group text"])
    assert len(inbox.all(MESSAGES)) == 2
    assert len(inbox.all(THREADS)) == 2


def test_a_group_is_called_by_its_title_and_its_line_survives_the_move() -> None:
    inbox = world()
    old, new = {"id": -55, "title": "B", "type": "group"}, {"id": -1005, "title": "Bread", "type": "supergroup"}
    deliver(
        inbox,
        update(1, message=message(old, 1, text="Hi")),
        update(2, message=message(old, 2, migrate_to_chat_id=-1005)),
        update(3, message=message(new, 1, migrate_from_chat_id=-55)),
        update(4, message=message(new, 2, text="Still here")),
    )
    (conversation,) = inbox.all(CONVERSATIONS)
    said = [one.text for one in inbox.all(MESSAGES) if isinstance(one.content, Text)]
    assert sorted(said) == ["Hi", "Still here"]
    assert {one.display_name for one in inbox.all(CONTACTS)} == {"Bread", "Mara Voss"}
    assert conversation.inbound_count == 2


def test_a_picture_waits_to_be_fetched_and_its_new_caption_keeps_it() -> None:
    inbox = world()
    photo = message(photo=PHOTO, caption="Look")
    edited = {**photo, "caption": "Look here", "edit_date": SENT + 5}
    deliver(inbox, update(1, message=photo), update(2, edited_message=edited))
    (held,) = inbox.all(MESSAGES)
    assert isinstance(held.content, Image)
    assert held.content.caption == "Look here"
    assert held.content.media.id
    assert media_of(held.revisions[0].content) == held.content.media


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=lambda order: "".join(map(str, order)))
def test_an_edit_that_replaces_the_picture_shows_the_new_one(order: tuple[int, ...]) -> None:
    inbox = world()
    photo = message(photo=PHOTO, caption="Look")
    other = {**photo, "photo": OTHER, "edit_date": SENT + 5}
    back = {**photo, "photo": RENAMED, "caption": "This one after all", "edit_date": SENT + 9}
    said = [
        update(1, message=photo),
        update(2, edited_message=other),
        update(3, edited_message=back),
        update(3, edited_message=back),
    ]
    deliver(inbox, *(said[number] for number in order))
    (held,) = inbox.all(MESSAGES)
    shown = [media_of(content) for content in (*(each.content for each in held.revisions), held.content)]
    first, second, third = [ref.id for ref in shown if ref is not None]
    assert first == third != second
    assert {each.provider.unique_id for each in inbox.all(MEDIA)} == {"u-large", "u-other"}
    assert held.text == "This one after all"


def test_a_reaction_that_comes_before_its_message_waits_for_it() -> None:
    inbox = world()
    reaction = {**UPDATES["reaction"]["message_reaction"], "message_id": 11}
    deliver(inbox, update(505, message_reaction=reaction), UPDATES["text"])
    (held,) = inbox.all(MESSAGES)
    assert [one.emoji for one in held.reactions] == ["👍"]


def test_that_the_bot_was_blocked_stands_in_the_timeline() -> None:
    inbox = world()
    deliver(inbox, UPDATES["text"], UPDATES["blocked"])
    notices = [one.content for one in inbox.all(MESSAGES) if isinstance(one.content, SystemNotice)]
    assert [notice.notice for notice in notices] == ["bot_blocked"]
